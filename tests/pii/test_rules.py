import pytest
from pydantic import TypeAdapter

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii.classify import ColumnTyping
from ss_ray.pii.rules import PiiPlan, make_pii_plan, updated_schema
from ss_ray.schema import ColumnSchema, Kind, TableSchema


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


def types(plan: PiiPlan) -> dict[str, str]:
    return {rule.name: rule.entity_type for rule in plan.columns}


def test_typed_columns_are_replaced_and_other_strings_are_searched():
    plan = make_pii_plan(TYPINGS, SCHEMA)
    assert types(plan) == {
        "first_name": "FIRST_NAME",
        "email": "EMAIL_ADDRESS",
        "fax": "UNKNOWN",
        "mobile": "UNKNOWN",
    }
    assert plan.text_columns == ("code", "remark", "note")
    assert plan.texts_with_findings == ("remark",)


def test_locked_columns_are_neither_replaced_nor_searched():
    plan = make_pii_plan(TYPINGS, SCHEMA, lock_columns=["email", "note", "fax"])
    assert types(plan) == {"first_name": "FIRST_NAME", "mobile": "UNKNOWN"}
    assert plan.text_columns == ("code", "remark")


def test_entities_limit_the_types_but_an_unreplaced_column_is_still_searched():
    plan = make_pii_plan(TYPINGS, SCHEMA, entities=["email", "PHONE_NUMBER"])
    assert types(plan) == {"email": "EMAIL_ADDRESS", "fax": "UNKNOWN", "mobile": "UNKNOWN"}
    assert plan.entities == ("EMAIL_ADDRESS", "PHONE_NUMBER")
    assert "first_name" in plan.text_columns
    assert types(make_pii_plan(TYPINGS, SCHEMA, entities=["email"])) == {"email": "EMAIL_ADDRESS"}


def test_declared_type_goes_before_the_typing_and_the_entities():
    plan = make_pii_plan(TYPINGS, SCHEMA, declared={"plan": "city", "first_name": "name"}, entities=["email"])
    assert types(plan) == {"first_name": "PERSON", "email": "EMAIL_ADDRESS", "plan": "CITY"}
    assert [rule.confidence for rule in plan.columns] == [1.0, 0.8, 1.0]


def test_unconfirmed_columns_stop_the_job_when_asked_to():
    with pytest.raises(PrivacyError, match="'fax', 'mobile'") as error:
        make_pii_plan(TYPINGS, SCHEMA, on_undetected="stop")
    assert error.value.column == "fax"
    solved = {"declared": {"fax": "fax_number"}, "lock_columns": ["mobile"]}
    assert "fax" in types(make_pii_plan(TYPINGS, SCHEMA, on_undetected="stop", **solved))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"declared": {"shoe": "city"}}, "'shoe'"),
        ({"lock_columns": ["shoe"]}, "'shoe'"),
        ({"declared": {"plan": "shoe_size"}}, "shoe_size"),
        ({"entities": ["shoe_size"]}, "shoe_size"),
        ({"declared": {"plan": "city"}, "lock_columns": ["plan"]}, "both"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make_pii_plan(TYPINGS, SCHEMA, **options)


def test_updated_schema_holds_no_value_of_a_replaced_column():
    schema = updated_schema(SCHEMA, make_pii_plan(TYPINGS, SCHEMA))
    assert schema["first_name"] == column("first_name", Kind.IDENTIFIER, entity_type="FIRST_NAME")
    shape = ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "@")  # where the signs are, no more
    assert schema["email"] == column("email", Kind.IDENTIFIER, entity_type="EMAIL_ADDRESS", pattern=shape)
    assert schema["fax"] == column("fax", Kind.IDENTIFIER, entity_type="UNKNOWN")
    assert schema["mobile"] == column("mobile", Kind.CATEGORY, "int64", values=(), nullable=True)
    assert schema["remark"] == column("remark", Kind.TEXT)
    assert [schema[name] for name in ("code", "plan", "note", "age")] == list(SCHEMA.columns)[4:5] + list(
        SCHEMA.columns
    )[6:]


def test_plan_survives_json():
    adapter = TypeAdapter(PiiPlan)
    plan = make_pii_plan(TYPINGS, SCHEMA)
    assert adapter.validate_json(adapter.dump_json(plan)) == plan
