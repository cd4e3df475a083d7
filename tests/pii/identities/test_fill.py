"""Invented persons agree with what was learned in their rows."""

import pyarrow as pa
import pytest

from ss_ray.codec.sequence_columns import Sequences
from ss_ray.generation.persons import PersonFiller
from ss_ray.pii.identities.fill import fill_identities, units_of
from ss_ray.pii.identities.plan import IdentityColumn, IdentityPlan
from ss_ray.pii.stand_ins.gazetteer import countries
from ss_ray.pii.stand_ins.homes import HomeColumns
from ss_ray.pii.stand_ins.lexicon import fold_name, lexicon
from ss_ray.pii.stand_ins.north_america import area_codes, state_of_zip
from ss_ray.schema import ColumnSchema, Kind, TableSchema

KEY = bytes(range(32))
ROWS = 400
HOME = HomeColumns(state=("state",), city=("city",), postcode=("zip",), moves=True)
TYPES = {
    "first": ("FIRST_NAME", "person", "first_name"),
    "last": ("LAST_NAME", "person", "last_name"),
    "email": ("EMAIL_ADDRESS", "person", "email_address"),
    "login": ("USERNAME", "person", "username"),
    "phone": ("PHONE_NUMBER", "person", "phone_number"),
    "city": ("CITY", "person", "city"),
    "state": ("STATE", "person", "state"),
    "zip": ("POSTCODE", "person", "postcode"),
    "born": ("DATE_OF_BIRTH", "person", "date_of_birth"),
    "doctor": ("PERSON", "doctor", "full_name"),
}
LEARNED = {
    "sex": ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("F", "M")),
    "state": ColumnSchema(name="state", kind=Kind.CATEGORY, arrow_type="string", values=("CA", "OH", "TX")),
    "born": ColumnSchema(name="born", kind=Kind.DATE, arrow_type="string", minimum="1940-01-01", maximum="2000-12-31"),
    "note": ColumnSchema(name="note", kind=Kind.TEXT, arrow_type="string"),
}


def plan_of(*names: str, forms: tuple[tuple[str, float], ...] = ()) -> IdentityPlan:
    """The plan of a table with some of the columns."""
    columns = tuple(
        IdentityColumn(
            name=name,
            entity_type=TYPES[name][0],
            owner=TYPES[name][1],
            attribute=TYPES[name][2],
            home=HOME,
            forms=forms if name == "doctor" else (),
        )
        for name in names
        if name in TYPES
    )
    schema = [LEARNED.get(n) or ColumnSchema(name=n, kind=Kind.IDENTIFIER, arrow_type="string") for n in names]
    plan = IdentityPlan(
        columns=columns,
        texts=("note",) if "note" in names else (),
        sex="sex" if "sex" in names else None,
        common_home=HOME if {"state", "city", "zip"} <= set(names) else HomeColumns(),
    )
    return plan.for_schema(TableSchema(columns=tuple(schema)))


def filled(plan: IdentityPlan, cells: dict[str, list[str | None]], group: str | None = None) -> list[dict[str, str]]:
    """The rows after their persons were made."""
    table = pa.table(cells)
    shared = frozenset(cells) - {"doctor", "note"} if group else frozenset()
    return fill_identities(table, plan, KEY, units_of(table, plan, "0", group, shared)).to_pylist()


def test_name_sex_email_and_user_name_agree_in_every_row():
    names = ("sex", "first", "last", "email", "login")
    rows = filled(plan_of(*names), {"sex": ["F", "M"] * (ROWS // 2)} | {n: ["x"] * ROWS for n in names[1:]})
    for row in rows:
        listed = lexicon("en_US").all_names(lexicon("en_US").first_names(row["sex"]))
        assert row["first"] in listed
        assert row["login"] == row["email"].partition("@")[0]
        assert fold_name(row["last"]).replace("'", "") in row["login"]
    assert len({row["login"] for row in rows}) == ROWS


def test_city_postcode_and_area_code_lie_in_the_state():
    names = ("state", "city", "zip", "phone")
    cells = {n: ["x"] * ROWS for n in names} | {"state": ["CA", "OH"] * (ROWS // 2), "phone": ["301-555-0147"] * ROWS}
    for row in filled(plan_of(*names), cells):
        state = countries()["US"].find_state(row["state"])
        assert state is not None
        assert fold_name(row["city"]) in state.town_ranks
        of_zip = state_of_zip(int(row["zip"][:3]))
        assert of_zip is not None
        assert of_zip.code == row["state"]
        assert row["phone"][:3] in area_codes()[row["state"]]


def test_a_note_names_the_person_of_its_row_and_no_placeholder_stays():
    names = ("first", "last", "phone", "born", "note")
    note = (
        "[[person.last_name|upper]], [[person.first_name]] born [[person.date_of_birth|23.02.2001]], "
        "call [[person.phone_number|(999) 999-9999]] or [[other1.phone_number]]; Mrs. [[other1.last_name]] agreed."
    )
    cells = {n: ["x"] * 40 for n in names}
    cells |= {"phone": ["614-555-0147"] * 40, "born": ["1985-03-12"] * 40, "note": [note] * 40}
    for row in filled(plan_of(*names), cells):
        assert row["note"].startswith(f"{row['last'].upper()}, {row['first']} born 12.03.1985, call (")
        assert "".join(filter(str.isdecimal, row["phone"])) == "".join(filter(str.isdecimal, row["note"]))[8:18]
        assert "[[" not in row["note"]
        assert f"Mrs. {row['last']} agreed" not in row["note"]


def test_all_rows_of_a_group_have_one_person_and_each_its_own_doctor():
    names = ("first", "last", "doctor", "note")
    cells = {n: ["x"] * 60 for n in names} | {"patient": [f"P{row // 3}" for row in range(60)]}
    cells["note"] = ["[[person.first_name]] [[person.last_name]]"] * 60
    rows = filled(plan_of(*names), cells, group="patient")
    people = [
        {(row["first"], row["last"], row["note"]) for row in rows[start : start + 3]} for start in range(0, 60, 3)
    ]
    assert all(len(person) == 1 for person in people)
    assert len(set.union(*people)) == 20
    assert len({row["doctor"] for row in rows}) > 50


def test_names_are_written_in_the_forms_of_the_column():
    forms = (("Dr. [[doctor.last_name]]", 0.75), ("[[doctor.last_name|upper]], [[doctor.first_name]]", 0.25))
    rows = filled(plan_of("doctor", forms=forms), {"doctor": ["x"] * ROWS})
    titled = sum(row["doctor"].startswith("Dr. ") for row in rows)
    # Binomial: 300 +- 8.7; six deviations, wrong once in 500 million.
    assert 248 <= titled <= 352
    assert all(row["doctor"].partition(",")[0].isupper() for row in rows if not row["doctor"].startswith("Dr. "))


def test_missing_cells_stay_missing_and_given_names_are_followed():
    plan = plan_of("first", "last", "email").without(frozenset({"first", "last"}))
    cells = {"first": ["Zelda", None], "last": ["Fitzgerald", "Quux"], "email": ["x", None]}
    rows = filled(plan, cells)
    assert rows[0]["first"] == "Zelda"
    assert rows[1] == {"first": None, "last": "Quux", "email": None}
    assert "fitzgerald" in rows[0]["email"]
    assert rows[0]["email"][0] == "z"


def test_persons_depend_on_the_key_and_on_nothing_else():
    plan = plan_of("first", "last")
    table = pa.table({"first": ["x"] * 50, "last": ["x"] * 50})
    units = units_of(table, plan, "0", None, frozenset())
    once, again = (fill_identities(table, plan, KEY, units) for _ in range(2))
    other = fill_identities(table, plan, bytes(32), units)
    assert once == again
    assert once != other


@pytest.mark.parametrize(
    "text", ["[[wiki link]]", "[[a.b.c]]", "a [[list", "[[1, 2], [3]]", "[[person.favourite_colour]]"]
)
def test_brackets_that_are_no_placeholder_stay_and_unknown_attributes_go(text: str):
    made = filled(plan_of("first", "note"), {"first": ["x"], "note": [text]})[0]["note"]
    assert made == ("" if "favourite" in text else text)


@pytest.mark.parametrize(
    ("type_", "state"), [(pa.int64(), "OH"), (pa.float64(), "OH"), (pa.int8(), "OH"), (pa.int64(), "")]
)
def test_columns_of_numbers_hold_numbers(type_: pa.DataType, state: str):
    plan = plan_of("state", "zip", "city", "phone")
    cells = {"state": pa.array([state] * 9), "city": pa.array(["x"] * 9)}
    cells |= {"zip": pa.array([101] * 9).cast(type_), "phone": pa.array([111] * 9).cast(type_)}
    table = pa.table(cells)
    made = fill_identities(table, plan, KEY, units_of(table, plan, "0", None, frozenset()))
    assert made.schema == table.schema
    if state and not type_.equals(pa.int8()):
        assert all(43000 <= code <= 45999 for code in made["zip"].to_pylist())


def test_dictionaries_keep_their_type():
    plan = plan_of("first", "last")
    table = pa.table({name: pa.array(["x"] * 5).dictionary_encode() for name in ("first", "last")})
    made = fill_identities(table, plan, KEY, units_of(table, plan, "0", None, frozenset()))
    assert made.schema == table.schema
    assert "x" not in made["first"].to_pylist()


def test_whole_numbers_and_the_names_of_groups_are_left_to_generation():
    """Invented numbers of some digits repeat, and rows of one group would get different ones."""
    number = IdentityColumn(
        name="id", entity_type="UNIQUE_ID", owner="person", attribute="unique_id", shapes=(("999", ""),)
    )
    for arrow_type, is_filled in (("int64", False), ("string", True)):
        schema = TableSchema(columns=(ColumnSchema(name="id", kind=Kind.IDENTIFIER, arrow_type=arrow_type),))
        assert IdentityPlan(columns=(number,)).for_schema(schema).columns[0].is_filled is is_filled

    plan = plan_of("first", "login")
    groups = Sequences(group="login", order=None, constants=("first",), max_rows=4)
    table = pa.table({"first": ["x"] * 8, "login": ["a", "a", "b", "b"] * 2})
    rows = PersonFiller(plan, groups, 0).fill(table, "0")
    assert rows["login"].to_pylist() == table["login"].to_pylist()
    assert len(set(zip(*rows.to_pydict().values(), strict=True))) == 2
