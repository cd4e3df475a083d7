"""Policies on small tables, evaluated in the sandbox's own process."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from ss_ray.config.pii import PiiParameters
from ss_ray.errors import ConfigError
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.policy.sandbox import Rule, Sandbox
from ss_ray.pii.policy.steps import check_policy
from ss_ray.pii.policy.templates import Expression
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import PiiPlan, make_pii_plan
from ss_ray.pii.stage import policy_outline, schema_after
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from ss_ray.schema import Kind
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

pytestmark = pytest.mark.slow

KEY = b"a key of the tests, 32 bytes long"
PSEUDONYMS = Pseudonyms(KEY)
PEOPLE = pa.table(
    {
        "first": ["Anna", "Bo", "Anna", None],
        "mail": ["anna.li@example.edu", "bo@example.edu", None, "x@example.edu"],
        "fax": ["no", "yes", "no", "no"],
        "age": pa.array([41, 17, 41, 63], pa.int64()),
        "born": [dt.date(1984, 1, 2)] * 4,
        "note": ["Anna called from 212-555-0147", "fine", None, "see anna.li@example.edu"],
    }
)
TYPES = {"first": "FIRST_NAME", "mail": "EMAIL_ADDRESS", "fax": "UNKNOWN", "age": "AGE", "note": "FREE_TEXT"}


def planned(policy: str) -> PiiPlan:
    typings = {
        name: ColumnTyping(entity_type=type_, suspected=type_, confidence=0.9, explanation="test")
        for name, type_ in TYPES.items()
    }
    schema = infer_schema(table_facts(PEOPLE), {}, is_text=False)
    asked = PiiParameters(steps=yaml.safe_load(policy), globals={"ner": {"model": None}})
    check_policy(asked.steps)
    return make_pii_plan(typings, schema, asked)


def applied(policy: str) -> dict[str, list]:
    new, _ = TableReplacer(planned(policy), PSEUDONYMS).replace(PEOPLE)
    return new.to_pydict()


def test_rules_of_names_entities_types_and_conditions_apply_in_order():
    new = applied(
        """
        - vars: {suffix: "'!'"}
          rows:
            update:
              - {condition: 'column.entity == "first_name" and not (this | isna)', value: column.entity | fake}
              - {entity: [email], value: "fake.persona(row_index=index).email"}
              - {type: text, value: this | fake_entities}
              - {name: first, condition: row.age < 18, value: this ~ vars.suffix}
              - {name: age, value: this // 10 * 10}
              - {name: born, value: "this | date_shift('10d', '10d')"}
        """
    )
    anna = PSEUDONYMS.stand_in("FIRST_NAME", "Anna")
    mail = PSEUDONYMS.stand_in("EMAIL_ADDRESS", "anna.li@example.edu")
    assert new["first"] == [anna, PSEUDONYMS.stand_in("FIRST_NAME", "Bo") + "!", anna, None]
    assert new["mail"][0] == mail
    assert new["note"] == [
        f"{anna} called from {PSEUDONYMS.stand_in('PHONE_NUMBER', '212-555-0147')}",
        "fine",
        None,
        f"see {mail}",
    ]
    assert new["age"] == [40, 10, 40, 60]
    assert new["born"] == [dt.date(1984, 1, 12)] * 4
    assert new["fax"] == [MASK] * 4  # what cannot be typed is hidden whatever the policy says


def test_columns_are_dropped_renamed_and_added_and_rows_dropped():
    policy = """
        - columns:
            drop: [{entity: email}, {condition: column.name == "born"}]
            rename: [{name: age, value: years}]
            add: [{name: adult, position: 0, value: row.years >= 18}]
          rows:
            drop: [{name: years, condition: this < 18}]
        """
    plan = planned(policy)
    new, counts = TableReplacer(plan, PSEUDONYMS).replace(PEOPLE)
    assert new.column_names == ["adult", "first", "fax", "years", "note"]
    assert new.column("adult").to_pylist() == ["True"] * 3
    assert counts.dropped_rows == 1
    schema = infer_schema(table_facts(PEOPLE), {}, is_text=False)
    assert policy_outline(schema, plan, KEY).table.schema.equals(new.schema)
    after = schema_after(schema, plan, KEY, table_facts(new))
    after.check(new)
    assert after["years"].kind is Kind.INTEGER


def test_index_counts_the_rows_of_the_source_and_foreach_its_items():
    policy = """
        - rows:
            update:
              - {name: first, value: index}
              - {name: note, foreach: "[1, 2]", value: item * 2}
        """
    new, _ = TableReplacer(planned(policy), PSEUDONYMS).replace(PEOPLE, first_row=100)
    assert new.column("first").to_pylist() == ["100", "101", "102", "103"]
    assert new.column("note").to_pylist() == ["[2, 4]"] * 4


def test_failing_expressions_hide_the_cell_or_give_the_fallback():
    policy = """
        - rows:
            update:
              - {name: first, value: this.upper().nosuch}
              - {name: mail, value: this.nosuch, fallback_value: gone}
              - {name: age, value: 1 // (this - 17)}
              - {condition: this.startswith("f"), value: "'f'"}
        """
    plan = planned(policy)
    new, counts = TableReplacer(plan, PSEUDONYMS).replace(PEOPLE)
    assert new.column("first").to_pylist() == [MASK] * 4
    assert new.column("mail").to_pylist() == ["gone"] * 4
    assert new.column("age").to_pylist() == [0, None, 0, 0]
    assert new.column("note").to_pylist()[1] == "f"  # the last rule aims at no column: where it fails it means none
    assert counts.replaced["age", "failed expression"] == 1


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("[{rows: {update: [{value: this}]}}]", "needs a name"),
        ("[{rows: {update: [{name: a}]}}]", "needs a value"),
        ("[{rows: {drop: [{condition: 'this ||'}]}}]", "cannot be read"),
        ("[{columns: {rename: [{name: a}]}}]", "new name"),
        ("[{columns: {add: [{value: this}]}}]", "takes its name"),
        ("[{columns: {drop: [{position: 1}]}}]", "needs a name"),
    ],
)
def test_policies_without_sense_are_refused_before_any_work(policy, message):
    with pytest.raises(ConfigError, match=message):
        check_policy(PiiParameters(steps=yaml.safe_load(policy)).steps)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("[{columns: {rename: [{name: shoe, value: a}]}}]", "'shoe'"),
        ("[{columns: {rename: [{name: age, value: first}]}}]", "name of another"),
        ("[{columns: {add: [{name: age}]}}]", "already"),
        ("[{rows: {update: [{name: age, value: row.shoe}]}}]", "'shoe'"),
        ("[{vars: {a: nosuch}}]", "'a'"),
        ("[{rows: {update: [{name: frist, value: this}]}}]", "'frist'"),
        ("[{rows: {drop: [{name: frist}]}}]", "'frist'"),
        ("[{columns: {drop: [{name: frist}]}}]", "'frist'"),
    ],
)
def test_policies_that_do_not_fit_the_table_are_refused(policy, message):
    with pytest.raises(ConfigError, match=message):
        applied(policy)


def test_endless_and_greedy_expressions_end_with_their_process():
    shared, cells = {"vars": {}}, [{"this": "x"}, {"this": "y"}]
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}"
    for source, seconds in ((loop, 1.0), ("fake.pystr(max_chars=10**10)", 5.0)):
        with (
            Sandbox(KEY, PiiPlan(columns=(), text_columns=(), ner_model=None), deadline_seconds=seconds) as sandbox,
            pytest.raises(ConfigError, match="takes over"),
        ):
            sandbox.evaluate(Rule(value=Expression(source)), shared, cells)


def test_sandbox_writes_no_files_and_sees_no_credentials(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    with Sandbox(KEY, PiiPlan(columns=(), text_columns=(), ner_model=None)) as sandbox:
        folder = Path(f"/proc/{sandbox.process_id}")
        environment, arguments = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
        limits = (folder / "limits").read_text()
    assert b"hidden" not in environment
    assert KEY.hex().encode() not in arguments + environment
    assert "Max file size             0 " in limits


def test_schema_of_a_renamed_column_holds_no_original():
    policy = """
        - rows: {update: [{name: first, value: column.entity | fake}]}
        - columns: {rename: [{name: first, value: given}, {name: fax, value: telefax}]}
          rows: {drop: [{name: age, condition: this > 60}]}
        """
    plan = planned(policy)
    new, _ = TableReplacer(plan, PSEUDONYMS).replace(PEOPLE)
    schema = schema_after(infer_schema(table_facts(PEOPLE), {}, is_text=False), plan, KEY, table_facts(new))
    assert "Anna" not in str(schema)
    assert "yes" not in str(schema)
    assert "63" not in str(schema)  # the age of a dropped row
    schema.check(new)


def test_locked_columns_are_left_alone():
    schema = infer_schema(table_facts(PEOPLE), {}, is_text=False)
    steps = yaml.safe_load(
        "[{rows: {update: [{name: [first, mail], value: \"'x'\"}]}, columns: {drop: [{name: age}]}}]"
    )
    asked = PiiParameters(steps=steps, globals={"ner": {"model": None}, "lock_columns": ["first", "age"]})
    new, _ = TableReplacer(make_pii_plan({}, schema, asked), PSEUDONYMS).replace(PEOPLE)
    assert new.column("first") == PEOPLE.column("first")
    assert new.column("age") == PEOPLE.column("age")
    assert set(new.column("mail").to_pylist()) == {"x"}


def test_a_policy_works_on_a_table_without_texts():
    policy = (
        "[{rows: {drop: [{name: age, condition: this < 18}], update: [{name: first, value: this | fake_entities}]}}]"
    )
    table = PEOPLE.select(["first", "age"])
    plan = make_pii_plan(
        {},
        infer_schema(table_facts(table), {}, is_text=False),
        PiiParameters(steps=yaml.safe_load(policy), globals={"ner": {"model": None}}),
    )
    assert TableReplacer(plan, PSEUDONYMS).replace(table)[0].num_rows == 3


def test_a_condition_in_braces_is_the_condition():
    new = applied("[{rows: {update: [{condition: \"{{ column.name == 'first' }}\", value: \"'x'\"}]}}]")
    assert set(new["first"]) == {"x"}
    assert new["age"] == [41, 17, 41, 63]
