"""A run's part of the ledger: what was charged under its label, and a ledger that does not know the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ss_ray.errors import PrivacyError
from ss_ray.privacy.account import Account
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.ledger import Ledger

STEP = Charge(mechanism="dp-sgd", noise_multiplier=1.5, sample_rate=0.1)
COUNT = Charge(mechanism="schema: number of units", noise_multiplier=50.0)


def account(folder: Path, label: str = "first", job: str = "run") -> Account:
    ledger = Ledger(f"sqlite:///{folder}/ledger.sqlite")
    ledger.open_job(job, "people", "row", 1e-5)
    return Account(ledger=ledger, job=job, label=label)


def test_requests_of_one_run_are_told_apart_and_all_stay_in_the_ledger(tmp_path: Path) -> None:
    first, second = account(tmp_path, "first"), account(tmp_path, "second")
    first.reserve([COUNT, replace(STEP, count=3)])
    assert [first.charge(COUNT), first.charge(STEP), first.charge(STEP)] == [1, 1, 2]
    second.reserve([replace(STEP, count=5)])
    assert second.charge(STEP) == 1
    assert first.spent() == (COUNT, replace(STEP, count=2))
    assert (first.uses(STEP), second.uses(STEP), second.uses(COUNT)) == (2, 1, 0)
    assert sum(charge.count for charge in first.ledger.spent("run")) == 4


def test_ledger_that_lost_what_was_spent_stops_the_run(tmp_path: Path) -> None:
    """Else the next stage would spend the budget again, and the certificate would say that nothing was spent."""
    before = account(tmp_path)
    before.reserve([COUNT, replace(STEP, count=3)])
    before.charge(COUNT)
    before.charge(STEP)
    before.check_known(before.spent())
    with pytest.raises(PrivacyError, match="does not know what job run spent"):
        before.check_known([replace(STEP, count=2)])
    (tmp_path / "other").mkdir()
    with pytest.raises(PrivacyError, match="does not know"):
        account(tmp_path / "other").check_known(before.spent())
