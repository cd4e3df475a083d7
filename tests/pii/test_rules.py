from dataclasses import replace

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.rules import PiiPlan, make_pii_plan, updated_schema
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.facts import ColumnFacts, table_facts


def column(name: str, kind: Kind, arrow_type: str = "string", **fields) -> ColumnSchema:
    return ColumnSchema(name=name, kind=kind, arrow_type=arrow_type, **fields)


def typing(entity_type: str, suspected: str | None = None) -> ColumnTyping:
    return ColumnTyping(
        entity_type=entity_type, suspected=suspected or entity_type, confidence=0.8, explanation="the header"
    )


SCHEMA = TableSchema(
    columns=(
        column("first_name", Kind.CATEGORY, values=("Anna", "Bo"), max_length=4),
        column("email", Kind.IDENTIFIER, pattern=("a", "@")),
        column("fax", Kind.CATEGORY, values=("no", "yes")),
        column("mobile", Kind.INTEGER, "int64", minimum=1, maximum=2),
        column("code", Kind.IDENTIFIER),
        column("remark", Kind.CATEGORY, values=("call 212-555-0147", "fine")),
        column("plan", Kind.CATEGORY, values=("a", "b")),
        column("note", Kind.TEXT, max_length=80),
        column("age", Kind.INTEGER, "int64", minimum=0, maximum=90),
    )
)
TYPINGS = {
    "first_name": typing("FIRST_NAME"),
    "email": typing("EMAIL_ADDRESS"),
    "fax": typing("UNKNOWN", "PHONE_NUMBER"),
    "mobile": typing("UNKNOWN", "PHONE_NUMBER"),
    "remark": typing("FREE_TEXT"),
}


def planned(typings=TYPINGS, declared=None, **options) -> PiiPlan:
    """The plan for SCHEMA; entities and lock_columns go to globals, where the configuration has them."""
    settings = {
        "lock_columns": options.pop("lock_columns", None),
        "classify": {"entities": options.pop("entities", None)},
    }
    return make_pii_plan(typings, SCHEMA, PiiParameters(globals=settings, **options), declared=declared)


def types(plan: PiiPlan) -> dict[str, str]:
    return {rule.name: rule.entity_type for rule in plan.columns}


def test_typed_columns_are_replaced_and_other_strings_are_searched():
    plan = planned()
    assert types(plan) == {
        "first_name": "FIRST_NAME",
        "email": "EMAIL_ADDRESS",
        "fax": "UNKNOWN",
        "mobile": "UNKNOWN",
    }
    assert plan.text_columns == ("code", "remark", "note")
    assert plan.texts_with_findings == ("remark",)


def test_locked_columns_are_neither_replaced_nor_searched():
    plan = planned(lock_columns=["email", "note", "fax"])
    assert types(plan) == {"first_name": "FIRST_NAME", "mobile": "UNKNOWN"}
    assert plan.text_columns == ("code", "remark")


def test_entities_limit_the_types_but_an_unreplaced_column_is_still_searched():
    plan = planned(entities=["email", "PHONE_NUMBER"])
    assert types(plan) == {"email": "EMAIL_ADDRESS", "fax": "UNKNOWN", "mobile": "UNKNOWN"}
    assert plan.entities == ("EMAIL_ADDRESS", "PHONE_NUMBER")
    assert "first_name" in plan.text_columns
    assert types(planned(entities=["email"])) == {"email": "EMAIL_ADDRESS"}


def test_declared_type_goes_before_the_typing_and_the_entities():
    plan = planned(declared={"plan": "city", "first_name": "name"}, entities=["email"])
    assert types(plan) == {"first_name": "PERSON", "email": "EMAIL_ADDRESS", "plan": "CITY"}
    assert [rule.confidence for rule in plan.columns] == [1.0, 0.8, 1.0]


def test_unconfirmed_columns_stop_the_job_when_asked_to():
    with pytest.raises(PrivacyError, match="'fax', 'mobile'") as error:
        planned(on_undetected="stop")
    assert error.value.column == "fax"
    solved = {"declared": {"fax": "fax_number"}, "lock_columns": ["mobile"]}
    assert "fax" in types(planned(on_undetected="stop", **solved))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"declared": {"shoe": "city"}}, "'shoe'"),
        ({"lock_columns": ["shoe"]}, "'shoe'"),
        ({"declared": {"plan": "shoe_size"}}, "shoe_size"),
        ({"entities": ["shoe_size"]}, "shoe_size"),
        ({"declared": {"plan": "city"}, "lock_columns": ["plan"]}, "both"),
        ({"person_id": "shoe"}, "'shoe'"),
        ({"operators": {"shoe_size": "keep"}}, "shoe_size"),
        ({"custom_entities": [{"name": "PERSON"}]}, "known"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        planned(**options)


def facts_of(**columns) -> dict[str, ColumnFacts]:
    return table_facts(pa.table(columns))


def test_updated_schema_holds_no_value_of_a_replaced_column():
    schema = updated_schema(SCHEMA, planned())
    assert schema["first_name"] == column("first_name", Kind.IDENTIFIER, entity_type="FIRST_NAME")
    shape = ("abcdefghijklmnopqrstuvwxyz", "@")  # where letters and signs are, no more
    assert schema["email"] == column("email", Kind.IDENTIFIER, entity_type="EMAIL_ADDRESS", pattern=shape)
    assert schema["fax"] == column("fax", Kind.IDENTIFIER, entity_type="UNKNOWN")
    assert schema["mobile"] == column("mobile", Kind.CATEGORY, "int64", values=(), nullable=True)
    assert schema["remark"] == column("remark", Kind.TEXT)
    assert [schema[name] for name in ("code", "plan", "note", "age")] == list(SCHEMA.columns)[4:5] + list(
        SCHEMA.columns
    )[6:]


def test_schema_of_a_searched_category_holds_no_value():
    plan = planned({"first_name": typing("PERSON")}, entities=["email"])
    assert "first_name" in plan.text_columns
    assert updated_schema(SCHEMA, plan)["first_name"] == column("first_name", Kind.TEXT, max_length=4)


def test_columns_are_described_anew_where_rows_are_dropped():
    plan = planned(operators={"email": "drop_row"})
    assert plan.drops_rows
    assert updated_schema(SCHEMA, plan, facts_of(plan=["b"] * 20))["plan"].values == ("b",)


def test_places_and_ages_are_described_by_what_they_became():
    plan = planned(declared={"plan": "city", "age": "age"}, operators={"AGE": "generalise"})
    facts = facts_of(plan=["Newton", "Oldham"] * 10, age=[30, 40] * 10)
    schema = updated_schema(SCHEMA, plan, facts)
    assert replace(schema["plan"], reason="") == column(
        "plan", Kind.CATEGORY, values=("Newton", "Oldham"), max_length=6
    )
    assert (schema["age"].minimum, schema["age"].maximum, schema["age"].values) == (30, 40, (30, 40))


def test_ids_lose_their_type_and_dropped_columns_their_place():
    plan = planned(declared={"code": "customer_id", "note": "name"}, operators={"name": "drop_column"})
    schema = updated_schema(SCHEMA, plan)
    assert schema["code"] == column("code", Kind.IDENTIFIER)
    assert "note" not in schema.names


def test_operators_of_types_decide_and_kept_columns_are_told():
    typings = {**TYPINGS, "age": typing("AGE")}
    plan = planned(typings, operators={"email": "hash", "FIRST_NAME": "keep"})
    assert {rule.name: rule.operator for rule in plan.columns if rule.name == "email"} == {"email": Operator.HASH}
    assert [rule.name for rule in plan.kept] == ["age"]
    assert "first_name" in plan.text_columns  # kept as a whole by request, and still searched
    assert "AGE" not in plan.searched
    assert "PASSWORD" in plan.searched


def test_person_of_a_row_is_not_their_doctor():
    typings = {"first_name": typing("FIRST_NAME"), "plan": typing("GENDER"), "code": typing("PERSON")}
    assert planned(typings).person.full == ("code",)
    others = {"doctor_name": typing("PERSON"), "first_name": typing("FIRST_NAME")}
    schema = TableSchema(columns=(*SCHEMA.columns, column("doctor_name", Kind.TEXT)))
    plan = make_pii_plan(others, schema, PiiParameters(person_id="code"))
    assert (plan.person.identity, plan.person.given, plan.person.full) == ("code", ("first_name",), ())


def test_plan_survives_json():
    adapter = TypeAdapter(PiiPlan)
    plan = planned()
    assert adapter.validate_json(adapter.dump_json(plan)) == plan
