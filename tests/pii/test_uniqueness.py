"""Rows that the kept columns single out, and the option that the sentence offers."""

import re

import pyarrow as pa

from ss_ray.config.files import load_config
from ss_ray.config.pii import Operator
from ss_ray.pii.rules import ColumnRule, PiiPlan
from ss_ray.pii.uniqueness import count_together, hash_kept

TABLE = pa.table(
    {
        "company": ["Acme", "Acme", "Globex", "Globex", None, None],
        "age": pa.array([30, 31, 30, 30, 40, None], pa.int64()),
        "sex": pa.array(["f", "f", "m", "m", "m", "m"]).dictionary_encode(),
    }
)
TYPES = {"company": "ORGANIZATION", "age": "AGE", "sex": "GENDER"}


def plan_of(names: list[str]) -> PiiPlan:
    rules = [
        ColumnRule(name=name, entity_type=TYPES[name], operator=Operator.KEEP, confidence=1.0, explanation="")
        for name in names
    ]
    return PiiPlan(columns=(), text_columns=(), kept=tuple(rules))


def unique_rows(names: list[str], *parts: pa.Table) -> int:
    counted = count_together([hash_kept(part, names) for part in parts], plan_of(names))
    return counted.unique_rows


def test_rows_are_counted_by_all_columns_together_and_however_the_table_is_cut():
    assert unique_rows(["company"], TABLE) == 0
    assert unique_rows(["sex"], TABLE) == 0
    assert unique_rows(["company", "age"], TABLE) == 4
    assert unique_rows(["company", "age", "sex"], TABLE.slice(0, 3), TABLE.slice(3)) == 4


def test_cells_of_two_columns_are_not_mistaken_for_each_other():
    swapped = pa.table({"company": ["a", "b"], "sex": ["b", "a"]})
    assert unique_rows(["company", "sex"], swapped) == 2


def test_nothing_kept_or_no_row_says_nothing():
    assert count_together([hash_kept(TABLE, [])], plan_of([])) is None
    assert count_together([hash_kept(TABLE.slice(0, 0), ["age"])], plan_of(["age"])) is None


def test_the_sentence_offers_an_option_that_the_configuration_takes():
    counted = count_together([hash_kept(TABLE, ["company", "age"])], plan_of(["company", "age"]))
    assert "'company' and 'age'" in counted.sentence
    assert "4 of 6 rows (66.7%)" in counted.sentence
    option = re.search(r"--set '([^']+)'", counted.sentence)
    operators = load_config(None, [option[1]]).replace_pii.operators
    assert operators == {"AGE": Operator.GENERALISE, "ORGANIZATION": Operator.REDACT}
