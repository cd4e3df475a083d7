"""Which constraints hold in new rows of a finished run."""

from __future__ import annotations

from typing import Any

import pytest

from ss_ray.config.constraints import OrderConstraint, RangeConstraint
from ss_ray.config.files import parse_config
from ss_ray.errors import ConfigError
from ss_ray.pipelines.kept_constraints import keep_constraints

ORDER = OrderConstraint(low="start", high="end")
RANGE = RangeConstraint(column="age", minimum=18)


def manifest(*constraints: Any) -> dict[str, Any]:
    return {"asked": {"constraints": [constraint.model_dump(mode="json") for constraint in constraints]}}


def request(*constraints: Any) -> dict[str, Any]:
    return {"constraints": [constraint.model_dump(mode="json") for constraint in constraints]}


def test_a_request_without_constraints_keeps_those_of_the_run() -> None:
    kept = keep_constraints(parse_config({}), manifest(ORDER))
    assert kept.all == (ORDER,)
    assert kept.added == kept.dropped == ()


def test_constraints_of_a_request_are_added_to_those_of_the_run_once() -> None:
    kept = keep_constraints(parse_config(request(RANGE, ORDER)), manifest(ORDER))
    assert (kept.of_run, kept.added) == ((ORDER,), (RANGE,))
    assert kept.all == (ORDER, RANGE)


def test_an_explicit_empty_list_drops_those_of_the_run() -> None:
    kept = keep_constraints(parse_config({"constraints": []}), manifest(ORDER))
    assert kept.all == ()
    assert kept.dropped == (ORDER,)


def test_a_run_that_stopped_before_its_rows_is_refused_unless_its_constraints_are_dropped() -> None:
    with pytest.raises(ConfigError, match="its constraints are not known"):
        keep_constraints(parse_config({}), None)
    assert keep_constraints(parse_config({"constraints": []}), None).all == ()


def test_constraints_that_the_run_found_are_kept_and_cannot_be_searched_again() -> None:
    asked = {"asked": {"constraints": "auto"}}
    assert keep_constraints(parse_config({}), asked, (ORDER,)).all == (ORDER,)
    with pytest.raises(ConfigError, match="auto is for `ss-ray run`"):
        keep_constraints(parse_config({"constraints": "auto"}), asked, (ORDER,))
