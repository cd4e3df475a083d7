"""All kinds of constraints, in the order in which they are suggested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ss_ray.config.constraints import Constraint
from ss_ray.constraints.determines import DeterminesRule
from ss_ray.constraints.format import FormatRule
from ss_ray.constraints.one_of import OneOfRule
from ss_ray.constraints.order import OrderRule
from ss_ray.constraints.present import PresentRule
from ss_ray.constraints.product import ProductRule
from ss_ray.constraints.range import RangeRule
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.constraints.sum import SumRule
from ss_ray.constraints.unique import UniqueRule
from ss_ray.constraints.values import ValuesRule

RULES: Mapping[type[Constraint], ConstraintKind[Any]] = {
    rule.parameters: rule
    for rule in (
        UniqueRule(),
        SumRule(),
        ProductRule(),
        OrderRule(),
        DeterminesRule(),
        OneOfRule(),
        PresentRule(),
        FormatRule(),
        ValuesRule(),
        RangeRule(),
    )
}


def rule_of(constraint: Constraint) -> ConstraintKind[Any]:
    """The kind of a constraint."""
    return RULES[type(constraint)]
