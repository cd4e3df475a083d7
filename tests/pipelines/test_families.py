"""What generation may see of the real rows."""

from __future__ import annotations

import pytest

from ss_ray.config.files import parse_config
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.pipelines.families import make_request

ROWS = Location.parse("/nowhere/train")


def test_real_rows_reach_generation_without_differential_privacy() -> None:
    assert make_request(parse_config({}), ROWS).real_rows == ROWS


def test_real_rows_are_refused_with_differential_privacy() -> None:
    """What `determines` constraints look up in them would not be paid for."""
    private = parse_config({"privacy": {"dp_enabled": True}})
    assert make_request(private, None).real_rows is None
    with pytest.raises(PrivacyError, match="no real row"):
        make_request(private, ROWS)
