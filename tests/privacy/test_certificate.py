"""The certificate states what was really charged, and nothing that tells a table from its neighbour."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.certificate import Certificate, Remarks, make_certificate
from ss_ray.privacy.charges import Charge, DPPlan
from ss_ray.privacy.ledger.ledger import Balance
from ss_ray.privacy.plan import CountedUnits, count_charge, make_dp_plan, run_epsilon

DELTA = 1e-5
COUNT = count_charge(3.0, DELTA)
SCHEMA = Charge(mechanism="schema: keys of city", noise_multiplier=30.0, count=4, delta=1e-7)
BALANCE = Balance(
    dataset="people",
    privacy_unit="row",
    epsilon=10.0,
    delta=DELTA,
    epsilon_spent=4.0,
    epsilon_reserved=4.0,
    jobs=(),
)


@pytest.fixture(scope="module")
def plan() -> DPPlan:
    return make_plan()


def make_plan() -> DPPlan:
    return make_dp_plan(
        CountedUnits(privacy_unit="row", num_units=5000, rough_num_units=5100), target_epsilon=3.0, delta=DELTA,
        max_grad_norm=1.0, spent=[COUNT, SCHEMA],
    )  # fmt: skip


def certify(plan: DPPlan, *spent: Charge, **changes: Any) -> Certificate:
    asked: dict[str, Any] = {
        "steps_in_weights": plan.num_steps - 6, "num_units": 5000, "schema": {"city": "private"}, "balance": None,
        "remarks": Remarks(not_covered=("the report",), notes=()),
    }  # fmt: skip
    return make_certificate(plan, spent, **asked | changes)


def test_epsilon_is_that_of_the_charges(plan: DPPlan) -> None:
    spent = [COUNT, SCHEMA, plan.charge(plan.num_steps)]
    certificate = certify(plan, *spent)
    assert certificate.epsilon == run_epsilon(spent, DELTA)
    assert 0.98 * 3 <= certificate.epsilon <= 3
    assert certificate.epsilon_rdp > certificate.epsilon
    assert (certificate.num_steps, certificate.num_steps_lost) == (plan.num_steps, 6)
    assert certificate.schema_epsilon == run_epsilon([COUNT, SCHEMA], DELTA)


def test_first_count_is_added_by_basic_composition() -> None:
    """All other noise is planned from it, while PLD composes mechanisms that are fixed beforehand."""
    apart = epsilon_of([COUNT], 0.01 * DELTA) + epsilon_of([SCHEMA], 0.99 * DELTA)
    assert run_epsilon([COUNT, SCHEMA], DELTA) == apart
    assert run_epsilon([SCHEMA], DELTA) == epsilon_of([SCHEMA], DELTA)


def test_fewer_steps_than_planned_are_stated_as_such(plan: DPPlan) -> None:
    certificate = certify(plan, COUNT, SCHEMA, plan.charge(50), steps_in_weights=50)
    assert (certificate.num_steps, certificate.num_steps_lost) == (50, 0)
    assert certificate.epsilon < 2


def test_more_than_was_asked_for_is_refused(plan: DPPlan) -> None:
    with pytest.raises(PrivacyError, match="more than the 3 asked for"):
        certify(plan, COUNT, replace(SCHEMA, count=400, delta=0.0), plan.charge(plan.num_steps))


def test_account_of_a_table_without_a_name_is_not_told(plan: DPPlan) -> None:
    """It goes by a fingerprint: whoever knows the ledger could tell the table from its neighbours."""
    certificate = json.loads(certify(plan, COUNT, SCHEMA, plan.charge()).to_json())
    assert certificate["ledger"] is None
    assert {"epsilon", "delta", "noise_multiplier", "sample_rate", "num_steps", "privacy_unit"} <= certificate.keys()


def test_account_of_a_named_data_set_is_told(plan: DPPlan) -> None:
    certificate = json.loads(certify(plan, COUNT, SCHEMA, plan.charge(), balance=BALANCE).to_json())
    assert certificate["ledger"] == {"dataset": "people", "epsilon_spent": 4.0, "delta": DELTA, "epsilon_budget": 10.0}


def test_inferred_schema_is_not_said_to_be_covered(plan: DPPlan) -> None:
    certificate = certify(plan, plan.charge(), schema={"city": "inferred"})
    assert certificate.covered == (
        "the model's weights, given the exact schema and number of units, towards one unit: row",
    )
