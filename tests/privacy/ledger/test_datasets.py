"""One data set has one budget: other names, places, units and copies of it find the same account."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.datasets import DataIdentity, normalized_name
from ss_ray.privacy.ledger.ledger import Ledger
from tests.cli.test_main import outcome

STEP = Charge(mechanism="dp-sgd", noise_multiplier=4.0)
DELTA = 1e-5
DIGEST, OTHER_DIGEST = "a" * 64, "b" * 64
SPELLINGS = ("Patients", "patients ", "\tpatients", "PATIENTS", "pat\u200bients", "\ufeffpatients", "ｐａｔｉｅｎｔｓ")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")


def identity(name: str | None = None, place: str = "/data/table.csv", digest: str = DIGEST) -> DataIdentity:
    return DataIdentity(name=name, place=place, digests=(digest,))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_name_spelled_otherwise_has_the_same_budget(ledger: Ledger, spelling: str):
    ledger.set_budget("patients", "row", epsilon=1, delta=DELTA)
    ledger.open_job("first", spelling, "row", DELTA)
    with pytest.raises(PrivacyError, match="its budget is 1"):
        ledger.reserve("first", [STEP] * 1000)
    assert [balance.dataset for balance in ledger.balances()] == ["patients"]


@given(st.text())
def test_normalizing_a_name_twice_changes_nothing(name: str):
    try:
        normal = normalized_name(name)
    except ConfigError:
        return
    assert normalized_name(normal) == normal
    assert normalized_name(f" {name.upper().lower()}\u00a0") == normalized_name(name.upper().lower())


def test_words_of_a_name_are_told_apart_by_one_space(ledger: Ledger):
    assert normalized_name("Visits \u00a0\n of  2024") == "visits of 2024" != normalized_name("visitsof2024")
    with pytest.raises(ConfigError, match="visible character"):
        normalized_name(" \u200b ")


def test_a_unit_without_a_budget_is_refused_where_another_has_one(ledger: Ledger):
    ledger.set_budget("patients", "row", epsilon=1, delta=DELTA)
    with pytest.raises(PrivacyError, match="has a budget per row, and none per all rows of one 'visit_id'"):
        ledger.open_job("first", "Patients", "all rows of one 'visit_id'", DELTA)
    assert ledger.balance("patients", "row").jobs == ()


def test_a_unit_that_was_open_before_the_budget_reserves_nothing_more(ledger: Ledger):
    ledger.open_job("first", "patients", "all rows of one 'id'", DELTA)
    ledger.reserve("first", [STEP])
    ledger.set_budget("patients", "row", epsilon=1, delta=DELTA)
    with pytest.raises(PrivacyError, match="and none per all rows of one 'id'"):
        ledger.reserve("first", [STEP, STEP])
    ledger.set_budget("patients", "all rows of one 'id'", epsilon=50, delta=DELTA)
    ledger.reserve("first", [STEP, STEP])


def test_balances_of_a_table_are_those_of_its_name_place_or_content_and_asking_writes_nothing(ledger: Ledger):
    assert ledger.balances_of(identity("unknown")) == ()
    assert ledger.balances() == ()
    ledger.set_budget("patients", "row", epsilon=4, delta=DELTA)
    ledger.open_job("first", "patients", "row", DELTA, (DIGEST,))
    ledger.reserve("first", [STEP])
    (named,) = ledger.balances_of(identity(" PATIENTS", digest=OTHER_DIGEST))
    (copied,) = ledger.balances_of(identity())
    assert named == copied == ledger.balance("patients", "row")
    assert ledger.balances_of(identity(digest=OTHER_DIGEST)) == ()


def test_files_at_an_aliased_place_have_one_budget_whatever_rows_they_get(ledger: Ledger, tmp_path: Path):
    (tmp_path / "patients").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "patients")
    ledger.set_alias("Patients", place=str(tmp_path / "link"))
    ledger.set_budget("patients", "row", epsilon=1, delta=DELTA)
    for digest in (DIGEST, OTHER_DIGEST):
        place = str(tmp_path / "patients" / "june.csv")
        assert ledger.identify(identity(place=place, digest=digest), "row") == "patients"
    with pytest.raises(PrivacyError, match="'visits' and 'patients'"):
        ledger.identify(identity("visits", place=place), "row")
    assert ledger.identify(identity(place=f"{tmp_path}/patients-2/june.csv"), "row").startswith("sha256:")


def test_a_copy_of_known_files_is_recognised_under_any_name(ledger: Ledger):
    ledger.open_job("first", "patients", "row", DELTA, (DIGEST,))
    ledger.set_budget("patients", "row", epsilon=1, delta=DELTA)
    assert ledger.identify(identity(place="/tmp/copy.csv"), "row") == "patients"
    with pytest.raises(PrivacyError, match="belongs to the data sets 'mine' and 'patients'"):
        ledger.identify(identity("mine", place="/tmp/copy.csv"), "row")


def test_what_was_spent_before_a_data_set_had_a_name_counts(ledger: Ledger):
    unnamed = ledger.identify(identity(), "row")
    ledger.open_job("first", unnamed, "row", DELTA, (DIGEST,))
    ledger.reserve("first", [STEP])
    ledger.charge("first", STEP)
    ledger.open_job("second", ledger.identify(identity("patients"), "row"), "row", DELTA, (DIGEST,))
    assert [job.job for job in ledger.balance("patients", "row").jobs] == ["first", "second"]
    assert ledger.balance("patients", "row").epsilon_spent > 0


def test_another_name_shares_the_budget_and_brings_what_was_spent(ledger: Ledger):
    ledger.set_budget("patients", "row", epsilon=2, delta=DELTA)
    ledger.open_job("first", "clinic", "row", DELTA)
    ledger.reserve("first", [STEP] * 5)
    ledger.charge("first", STEP)
    ledger.set_alias("patients", name="Clinic")
    balance = ledger.balance("CLINIC", "row")
    assert (balance.dataset, balance.epsilon, [job.job for job in balance.jobs]) == ("patients", 2, ["first"])
    assert balance.epsilon_spent > 0
    ledger.charge("first", STEP)
    ledger.open_job("first", "clinic", "row", DELTA)
    with pytest.raises(ConfigError, match="already"):
        ledger.set_alias("clinic", name="patients")


def test_without_differential_privacy_only_data_without_a_budget_is_used(ledger: Ledger):
    ledger.refuse_budgeted(identity("patients"))
    ledger.set_budget("patients", "all rows of one 'id'", epsilon=1, delta=DELTA)
    ledger.set_alias("patients", place="/data/patients")
    for source in (identity(" PATIENTS"), identity(place="/data/patients/june.csv")):
        with pytest.raises(PrivacyError, match=r"set privacy\.dp_enabled to true"):
            ledger.refuse_budgeted(source)
    ledger.refuse_budgeted(identity("visits"))


def test_a_job_asks_for_no_more_than_the_operator_allows(ledger: Ledger):
    ledger.check_limits(1000, 0.09)
    ledger.set_limits(max_epsilon=10, max_delta=1e-4)
    ledger.check_limits(10, 1e-4)
    with pytest.raises(PrivacyError, match=r"privacy\.epsilon 10 at most here, not 1000"):
        ledger.check_limits(1000, 1e-5)
    with pytest.raises(PrivacyError, match=r"privacy\.delta 0\.0001 at most here, not 0\.09"):
        ledger.check_limits(1, 0.09)
    with pytest.raises(ConfigError, match="limits need"):
        ledger.set_limits(max_epsilon=float("nan"), max_delta=1e-4)


def test_a_ledger_of_an_earlier_version_keeps_every_charge_and_the_smaller_budget(ledger: Ledger, tmp_path: Path):
    """The file is brought to the state in which version 0.1.0 left it: names as typed, no table of aliases."""
    for job, dataset in (("first", "a"), ("second", "b"), ("third", "c")):
        ledger.open_job(job, dataset, "row", DELTA)
        ledger.reserve(job, [STEP] * 3)
        ledger.charge(job, STEP)
    ledger.set_budget("a", "row", epsilon=9, delta=1e-6)
    ledger.set_budget("b", "row", epsilon=3, delta=1e-4)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as file:
        for name, typed in (("a", "Patients"), ("b", "patients "), ("c", "patients")):
            for table in ("accounts", "jobs", "events"):
                file.execute(f"UPDATE ledger_{table} SET dataset = ? WHERE dataset = ?", (typed, name))
        file.execute("DROP TABLE ledger_aliases")
        file.execute("DROP TABLE ledger_limits")
    file.close()
    migrated = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    (balance,) = migrated.balances()
    assert (balance.dataset, balance.epsilon, balance.delta) == ("patients", 3, 1e-6)
    assert {job.job: sum(charge.count for charge in job.charges) for job in balance.jobs} == {
        "first": 1,
        "second": 1,
        "third": 1,
    }
    assert sum(charge.count for job in balance.jobs for charge in job.reserved) == 6
    migrated.charge("second", STEP)


def test_the_commands_name_places_and_set_limits(ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    command = ["ledger", "alias", "Patients", "--name", "Clinic", "--place", "/data/patients", "--ledger", url]
    assert outcome(command, capsys)[:2] == (0, "patients: Clinic, /data/patients\n")
    assert ledger.identify(identity("clinic", place="/data/patients/x.csv"), "row") == "patients"
    limits = ["ledger", "set-limits", "--max-epsilon", "4", "--max-delta", "1e-5", "--ledger", url]
    assert outcome(limits, capsys)[0] == 0
    with pytest.raises(PrivacyError, match="4 at most"):
        ledger.check_limits(5, 1e-6)
    assert outcome(["ledger", "alias", "patients", "--ledger", url], capsys)[0] == ConfigError.exit_code
