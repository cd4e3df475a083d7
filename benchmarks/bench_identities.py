"""Whether the persons of a synthetic table agree with themselves: python benchmarks/bench_identities.py --run RUN_DIR.

Reads release/synthetic and the plan of the replacement of a finished run. Prints one JSON line with shares of rows in
which both sides are known; null where none is.

sex_name: the first name is one of the learned sex, by names that the lists know for one sex alone. email_name: the
address of e-mail holds a name of the row. email_user: it holds the user name. city_state, postcode_state, phone_state:
the town, postcode and area code lie in the state. note_name: of the texts that name somebody, as the detector of names
reads them, those that name the person of their row. unfilled: number of texts with a placeholder or a mask.

Keys: rows, sex_name, email_name, email_user, city_state, postcode_state, phone_state, note_name, unfilled.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter
from smoke import arguments_of

from ss_ray.config.pii import PiiParameters
from ss_ray.demo import make_patients
from ss_ray.pii import entities
from ss_ray.pii.cells import read_texts
from ss_ray.pii.identities.columns import find_identities
from ss_ray.pii.identities.fill import fill_identities, units_of
from ss_ray.pii.identities.placeholders import PERSON, PLACEHOLDER
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.pii.planning import type_columns
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import make_pii_plan, updated_schema
from ss_ray.pii.stage import PiiResult
from ss_ray.pii.stand_ins.gazetteer import code_of_country, countries, find_country_of_state
from ss_ray.pii.stand_ins.lexicon import fold_name, sexes
from ss_ray.pii.stand_ins.names import fold_to_ascii
from ss_ray.pii.stand_ins.north_america import area_codes, state_of_zip
from ss_ray.pii.stand_ins.people import SEXES
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.text.detect import Detector
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

MAX_TEXTS = 2_000
Row = dict[str, str]


def share(checks: Iterable[bool | None]) -> float | None:
    """Share of the checks that hold; None where none could be made."""
    made = [check for check in checks if check is not None]
    return round(sum(made) / len(made), 4) if made else None


def name_row(table: pa.Table, plan: IdentityPlan) -> list[Row]:
    """(num_rows,) cells of the row's person by attribute, and by "sex", "country"."""
    named = {c.attribute: c.name for c in plan.columns if c.owner == PERSON and c.name in table.column_names}
    named |= {key: name for key, name in (("sex", plan.sex), ("country", plan.country)) if name}
    cells = {attribute: read_texts(table, name) for attribute, name in named.items()}
    return [
        {attribute: text for attribute, texts in cells.items() if (text := texts[row])} for row in range(table.num_rows)
    ]


def check_sex(row: Row) -> bool | None:
    """Whether the first name fits the sex; None where either is missing or fits both."""
    said = SEXES.get(row.get("sex", "").casefold())
    known = sexes().get(fold_name(row.get("first_name", "")))
    return None if said is None or known is None else said == known


def check_email(row: Row) -> bool | None:
    """Whether the address of e-mail holds the first or the last name."""
    names = [fold_to_ascii(row[key]).lower() for key in ("first_name", "last_name") if key in row]
    return any(name and name in row["email_address"] for name in names) if "email_address" in row and names else None


def check_user(row: Row) -> bool | None:
    """Whether the user name stands in the address of e-mail."""
    both = "email_address" in row and "username" in row
    return row["username"] in row["email_address"] if both else None


def _state_of(row: Row) -> Any:
    text = row.get("state", "")
    country = code_of_country(row["country"]) if "country" in row else find_country_of_state(text, "US")
    return countries()[country].find_state(text) if text and country in countries() else None


def check_city(row: Row) -> bool | None:
    """Whether the town lies in the state."""
    state = _state_of(row)
    return fold_name(row["city"]) in state.town_ranks if state is not None and "city" in row else None


def check_postcode(row: Row) -> bool | None:
    """Whether an American postcode lies in the state."""
    state = _state_of(row)
    digits = row.get("postcode", "").partition("-")[0].zfill(5)
    if state is None or state.country != "US" or not digits.isdecimal() or "postcode" not in row:
        return None
    found = state_of_zip(int(digits[:3]))
    return found is not None and found.code == state.code


def check_phone(row: Row) -> bool | None:
    """Whether an American phone number has an area code of the state."""
    state = _state_of(row)
    digits = "".join(filter(str.isdecimal, row.get("phone_number", "")))[-10:]
    if state is None or state.country != "US" or len(digits) < 10:
        return None
    return digits[:3] in area_codes()[state.code]


def check_notes(table: pa.Table, plan: IdentityPlan, rows: list[Row]) -> list[bool]:
    """Whether each text that names somebody names the person of its row."""
    detector = Detector(entities=(entities.PERSON,))
    checks = []
    for name in plan.texts:
        texts = read_texts(table, name)[:MAX_TEXTS]
        found = detector.find_each([text for text in texts if text])
        for row, text in zip(rows, texts, strict=False):
            spans = found[text] if text else ()
            named = {word for f in spans or () for word in fold_name(text[f.start : f.end]).split()} if text else set()
            own = {fold_name(row[key]) for key in ("first_name", "last_name") if key in row}
            if named and own:
                checks.append(bool(named & own))

    return checks


def measure(run: Path) -> dict[str, Any]:
    """The figures of a run."""
    result = json.loads((run / "manifest" / "replace_pii.json").read_text())["result"]
    plan = TypeAdapter(PiiResult).validate_python(result, strict=False).identities
    assert plan is not None, "the run made no persons"
    table = pq.read_table(run / "release" / "synthetic")
    rows = name_row(table, plan)
    checks: dict[str, Callable[[Row], bool | None]] = {
        "sex_name": check_sex,
        "email_name": check_email,
        "email_user": check_user,
        "city_state": check_city,
        "postcode_state": check_postcode,
        "phone_state": check_phone,
    }
    texts = [text or "" for name in plan.texts for text in read_texts(table, name)]
    return {
        "rows": table.num_rows,
        **{name: share(map(check, rows)) for name, check in checks.items()},
        "note_name": share(check_notes(table, plan, rows)),
        "unfilled": sum("[REDACTED]" in text or PLACEHOLDER.search(text) is not None for text in texts),
    }


def make_smoke_arguments(folder: Path) -> dict[str, object]:
    """A finished run of 60 rows of the demo table, whose model is a perfect copy."""
    table = make_patients(60, seed=1)
    schema = infer_schema(table_facts(table), {}, is_text=False)
    plan = make_pii_plan(type_columns(table, schema), schema, PiiParameters())
    found = find_identities(plan, table)
    assert found is not None
    replacer = TableReplacer(plan, Pseudonyms(b"a key of the benchmark"), identities=found.by_name)
    learned = replacer.replace_with_templates(table).templates
    identities = found.for_schema(updated_schema(schema, plan, table_facts(learned)))
    units = units_of(learned, identities, "0", None, frozenset())
    (folder / "manifest").mkdir()
    (folder / "release" / "synthetic").mkdir(parents=True)
    pq.write_table(
        fill_identities(learned, identities, b"a key of the benchmark", units),
        folder / "release" / "synthetic" / "part.parquet",
    )
    result = PiiResult(plan=plan, statistics=(), num_rows=60, dropped_rows=0, schema=schema, identities=identities)
    manifest = {"result": TypeAdapter(PiiResult).dump_python(result, mode="json")}
    (folder / "manifest" / "replace_pii.json").write_text(json.dumps(manifest))
    return {"run": folder}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="directory of a finished `ss-ray run`")
    with arguments_of(parser, required=["--run"], smoke=make_smoke_arguments) as arguments:
        print(json.dumps(measure(arguments.run)))
