"""Column typing on public tables whose columns are known: hits, misses, false alarms and time.

    python benchmarks/bench_typing.py --data-folder DIR

Prints one JSON line. DIR holds fake_people_pii.csv (Fake Name Generator), of which every column is known, and tables
without personal data beyond the keys and columns named in `EXPECTED`. The first is also typed with its headers
replaced by c1, c2, ..., where the same types are expected although bare numbers (age, CVV) then say nothing.

Keys: tables, load_seconds, milliseconds_per_column, of_them_detector.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
from faker import Faker
from smoke import arguments_of, write_visits

from ss_ray.config.pii import Operator
from ss_ray.pii import entities as e
from ss_ray.pii.cells import distinct_texts
from ss_ray.pii.columns.classify import ColumnTyping, classify_table
from ss_ray.pii.columns.column_model import load_column_model
from ss_ray.pii.text.detect import PATTERN_TYPES, Detector

SAMPLE_ROWS = 5_000
# No type, or DATE_TIME, which is kept.
ORDINARY = ""
PEOPLE = "fake_people_pii.csv"
# Types that are right for a column, any of those given.
EXPECTED: dict[str, dict[str, set[str]]] = {
    PEOPLE: {
        "Number": {ORDINARY, e.UNIQUE_ID}, "Gender": {e.GENDER}, "NameSet": {ORDINARY, e.NRP}, "Title": {e.TITLE},
        "GivenName": {e.FIRST_NAME}, "MiddleInitial": {ORDINARY, e.FIRST_NAME}, "Surname": {e.LAST_NAME},
        "StreetAddress": {e.STREET_ADDRESS}, "City": {e.CITY}, "State": {e.STATE}, "StateFull": {e.STATE},
        "ZipCode": {e.POSTCODE}, "Country": {e.COUNTRY}, "CountryFull": {e.COUNTRY}, "EmailAddress": {e.EMAIL_ADDRESS},
        "Username": {e.USERNAME}, "Password": {e.PASSWORD}, "TelephoneNumber": {e.PHONE_NUMBER},
        "TelephoneCountryCode": {ORDINARY}, "MothersMaiden": {e.LAST_NAME}, "Birthday": {e.DATE_OF_BIRTH},
        "Age": {e.AGE}, "CCType": {ORDINARY}, "CCNumber": {e.CREDIT_CARD}, "CVV2": {e.CVV},
        "CCExpires": {ORDINARY, e.DATE_TIME}, "NationalID": {e.NATIONAL_ID}, "Occupation": {e.JOB_TITLE},
        "Company": {e.ORGANIZATION}, "Domain": {e.URL},
    },
    "patient_events.csv": {
        "patient_id": {e.UNIQUE_ID, e.MEDICAL_RECORD}, "first_name": {e.FIRST_NAME}, "last_name": {e.LAST_NAME},
        "date_of_birth": {e.DATE_OF_BIRTH}, "provider_name": {e.PERSON},
    },
    "telco_churn.csv": {"customerID": {e.UNIQUE_ID}},
    "cdnow_purchases.csv": {"customer_id": {e.UNIQUE_ID}},
    "adult.csv": {}, "california_housing.csv": {},
    # Its publisher put invented names of people in place of the codes of agents: "anna_smith".
    "hotel_rates.csv": {"agent": {ORDINARY, e.PERSON}},
    "womens_clothing_reviews.csv": {},
}  # fmt: skip
HARMLESS = {ORDINARY, e.FREE_TEXT, e.DATE_TIME} | {name for name, t in e.BY_NAME.items() if t.operator is Operator.KEEP}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-folder", type=Path)
    parser.add_argument("--tables", nargs="+", default=list(EXPECTED), help="files of the folder that are typed")
    parser.add_argument("--verbose", action="store_true", help="every typing, one a line")
    with arguments_of(parser, required=["--data-folder"], smoke=smoke) as asked:
        print(json.dumps(measure(asked.data_folder, asked.tables, verbose=asked.verbose)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: some columns of invented people, and visits in place of Adult."""
    faker = Faker("en_US")
    faker.seed_instance(1)
    people = {
        "GivenName": [faker.first_name() for _ in range(100)],
        "Surname": [faker.last_name() for _ in range(100)],
        "EmailAddress": [faker.email() for _ in range(100)],
        "City": [faker.city() for _ in range(100)],
    }
    pa.csv.write_csv(pa.table(people), folder / PEOPLE)
    write_visits(folder / "adult.csv", rows=100)
    return {"data_folder": folder, "tables": [PEOPLE, "adult.csv"]}


def measure(folder: Path, tables: Sequence[str], *, verbose: bool) -> dict[str, object]:
    """Scores by table, and seconds of loading and of typing."""
    started = time.perf_counter()
    load_column_model()
    loading = time.perf_counter() - started
    detector = Detector(entities=tuple(sorted(PATTERN_TYPES)), ner_model=None)
    scores: dict[str, object] = {}
    seconds = columns = 0.0

    for name in tables:
        expected = EXPECTED[name]
        table = pa.csv.read_csv(folder / name).slice(0, SAMPLE_ROWS)
        for mode in ("", " without headers") if name == PEOPLE else ("",):
            if mode:
                shown = table.rename_columns([f"c{i + 1}" for i in range(table.num_columns)])
            else:
                shown = table

            started = time.perf_counter()
            typings = classify_table(shown, detector)
            seconds += time.perf_counter() - started
            columns += table.num_columns
            scores[name + mode] = score(
                table, dict(zip(shown.column_names, table.column_names, strict=True)), typings, expected
            )
            if verbose:
                _print_typings(name + mode, shown, table, typings)

    return {
        "tables": scores,
        "load_seconds": round(loading, 3),
        "milliseconds_per_column": round(1000 * seconds / columns, 1),
        "of_them_detector": round(detector_milliseconds(folder, detector), 1),
    }


def score(
    table: pa.Table, original: dict[str, str], typings: dict[str, ColumnTyping], expected: dict[str, set[str]]
) -> dict[str, object]:
    """Columns that are typed rightly, wrongly, and without need."""
    found = {original[name]: typing.entity_type for name, typing in typings.items()}
    wrong = {
        name: found.get(name, "none") for name, types in expected.items() if found.get(name, ORDINARY) not in types
    }
    alarms = {n: t for n, t in found.items() if t not in HARMLESS and t not in expected.get(n, set())}

    return {
        "columns": table.num_columns,
        "expected": len(expected),
        "right": len(expected) - len(wrong),
        "wrong": wrong,
        "false_alarms": {n: t for n, t in alarms.items() if n not in wrong},
    }


def detector_milliseconds(folder: Path, detector: Detector) -> float:
    """Mean time of the detector alone on 500 values of a column of the first table."""
    table = pa.csv.read_csv(folder / PEOPLE)
    started = time.perf_counter()
    for name in table.column_names:
        detector.find_each(distinct_texts(table.column(name))[:500])
    return 1000 * (time.perf_counter() - started) / table.num_columns


def _print_typings(title: str, shown: pa.Table, table: pa.Table, typings: dict[str, ColumnTyping]) -> None:
    print(f"== {title}")
    for name, original in zip(shown.column_names, table.column_names, strict=True):
        typing = typings.get(name)
        print(
            f"  {original:28}", f"{typing.entity_type} {typing.confidence:.2f} {typing.explanation}" if typing else "-"
        )


if __name__ == "__main__":
    main()
