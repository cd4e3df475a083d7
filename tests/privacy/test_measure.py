"""The driver's half of the private schema: one row of each unit is counted, and every count gets noise that is paid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.config.model import ColumnParameters, DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.histograms import CategoryQuery, Counted, PresenceQuery, Query
from ss_ray.privacy.ledger.ledger import Ledger
from ss_ray.privacy.measure import PartCounts, count_part, expect_schema, measure_private, sum_parts
from ss_ray.privacy.plan import NUMBER_OF_UNITS, count_charge
from ss_ray.privacy.units import count_units, one_row_per_unit
from ss_ray.schema import ColumnSchema, Kind, TableSchema

FLAG = ColumnSchema(name="flag", kind=Kind.BOOLEAN, arrow_type="bool", values=(False, True))
SCHEMA = TableSchema(columns=(FLAG,))
QUERIES = (CategoryQuery(column=FLAG, values=FLAG.values), PresenceQuery(column=FLAG))
NUM_PEOPLE, VISITS = 150, 4
PRIVACY = PrivacyParameters(dp_enabled=True, epsilon=8.0, delta=1e-5)


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Location, ...]:
    """Visits of people, in two parts of several row groups."""
    people = [f"p{i % NUM_PEOPLE}" for i in range(NUM_PEOPLE * VISITS)]
    table = pa.table({"person": people, "flag": [i % 3 == 0 for i in range(len(people))]})
    for index, half in enumerate((table[:250], table[250:])):
        pq.write_table(half, tmp_path / f"part-{index}.parquet", row_group_size=70)
    return Location.parse(tmp_path).files(".parquet")


def counted(parts: Sequence[Location], group: str | None, queries: Sequence[Query] = QUERIES) -> list[PartCounts]:
    kept = one_row_per_unit(parts, group, parts)
    return [count_part(part, own, queries, lambda rows: None) for part, own in zip(parts, kept, strict=True)]


def measured(folder: Path, exact: Counted) -> tuple[PrivateSchema, Account]:
    ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite")
    ledger.open_job("job", "visits", "row", 1e-5)
    account = Account(ledger=ledger, job="job", label="label")
    data = DataParameters()
    private = measure_private(
        SCHEMA, lambda queries: [exact for _ in queries], data=data, privacy=PRIVACY, account=account
    )
    return private, account


def test_each_person_counts_once_over_all_parts(parts: tuple[Location, ...]) -> None:
    by_value, by_presence = sum_parts(counted(parts, "person"), count_units(parts, "person"))
    assert sum(by_value.values()) == sum(by_presence.values()) == NUM_PEOPLE


def test_rows_count_where_each_is_a_unit(parts: tuple[Location, ...]) -> None:
    (by_value, _) = sum_parts(counted(parts, None), count_units(parts, None))
    assert by_value == {"null": 0, "false": 400, "true": 200, "[]": 0}


def test_counting_all_rows_of_a_person_is_refused(parts: tuple[Location, ...]) -> None:
    with pytest.raises(PrivacyError, match="another number of rows than there are privacy units"):
        sum_parts(counted(parts, None), count_units(parts, "person"))


def test_a_person_that_is_lost_is_refused_too(parts: tuple[Location, ...]) -> None:
    """A table that changed between the count of the units and that of the rows."""
    with pytest.raises(PrivacyError, match="another number of rows"):
        sum_parts(counted(parts, "person")[:1], count_units(parts, "person"))


def test_first_count_has_noise_and_is_charged_for_it(tmp_path: Path) -> None:
    """Two runs that both draw a noise of exactly 0 have a probability of one in 100,000."""
    exact = {"null": 0, "true": 3000, "false": 2000, "[]": 0}
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        private, account = measured(tmp_path / name, exact)
        found.append(private.rough_num_units)
        charge = next(c for c in account.spent() if c.mechanism == NUMBER_OF_UNITS)
        assert charge == count_charge(PRIVACY.epsilon, 1e-5)
        assert abs(private.rough_num_units - 3000) < 10 * charge.noise_multiplier
    assert found != [3000, 3000]


def test_a_ledger_that_refuses_comes_before_any_noise(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.set_budget("visits", "row", epsilon=1.0, delta=1e-4)
    ledger.open_job("job", "visits", "row", 1e-5)
    account = Account(ledger=ledger, job="job", label="label")
    with pytest.raises(PrivacyError, match="budget"):
        measure_private(SCHEMA, pytest.fail, data=DataParameters(), privacy=PRIVACY, account=account)
    assert account.spent() == ()


def test_blocks_and_parts_add_up_to_the_table(parts: tuple[Location, ...]) -> None:
    found = counted(parts, None)
    assert [part.rows for part in found] == [250, 350]
    assert np.sum([part.counts[1]["true"] for part in found]) == NUM_PEOPLE * VISITS


def test_what_was_planned_and_not_asked_is_charged_too(tmp_path: Path) -> None:
    """With known ends and no values, no cell is worth a split; what is spent must not tell that."""
    data = DataParameters(columns={"pay": ColumnParameters(minimum=0, maximum=1000)})
    pay = ColumnSchema(name="pay", kind=Kind.FLOAT, arrow_type="double", decimals=2, nullable=True)
    schema = TableSchema(columns=(pay,))
    pq.write_table(pa.table({"pay": pa.nulls(3000, pa.float64())}), tmp_path / "part-0.parquet")
    parts = Location.parse(tmp_path).files(".parquet")
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.open_job("job", "visits", "row", 1e-5)
    account = Account(ledger=ledger, job="job", label="label")

    def count(queries: Sequence[Query]) -> list[Counted]:
        return sum_parts(counted(parts, None, queries), 3000)

    measure_private(schema, count, data=data, privacy=PRIVACY, account=account)
    planned = expect_schema(schema, 3000, data=data, privacy=PRIVACY).charges
    assert sum(charge.count for charge in account.spent()) == sum(charge.count for charge in planned)


def test_a_table_that_is_too_small_is_told_what_it_needs_in_its_own_units() -> None:
    data = DataParameters(group_training_examples_by="person")
    with pytest.raises(PrivacyError, match=r"epsilon 8 needs at least \d+ groups \(values of 'person'\) to learn from"):
        expect_schema(SCHEMA, 90, data=data, privacy=PRIVACY)
    with pytest.raises(PrivacyError, match=r"needs at least \d+ rows to learn from, 100 beyond the noise"):
        expect_schema(SCHEMA, 90, data=DataParameters(), privacy=PRIVACY)
