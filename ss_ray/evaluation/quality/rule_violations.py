"""Rows that break the declared constraints, or relations that all training rows keep, in each of the tables.

A constraint that real rows break, too, was declared too strictly; one that only synthetic rows break is a fault of the
generator. Constraints are checked on all rows given, not on a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from ss_ray.config.constraints import ConstraintParameters, DeterminesConstraint
from ss_ray.constraints.check import check_declared, violations
from ss_ray.constraints.determines import with_first_pairs
from ss_ray.constraints.find import find_relations, usable_constraints
from ss_ray.errors import ConfigError, DataError
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.schema import TableSchema, arrow_type


@dataclass(frozen=True, kw_only=True)
class RuleViolations:
    """Violations of one constraint.

    Attributes:
        constraint: Its name, without values: "order(admitted <= discharged)".
        synthetic: Share of the synthetic rows that break it, 0 to 1. What determines what is read off training rows.
        train: Share of the training rows.
        holdout: Share of the holdout rows.
        synthetic_rows: Number of synthetic rows that break it; None where that is not known.
        train_rows: Number of training rows, likewise.
        is_found: True if the constraint was found in the training rows; False if it was declared.
    """

    constraint: str
    synthetic: Metric
    train: Metric
    holdout: Metric
    synthetic_rows: int | None
    train_rows: int | None
    is_found: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckedRules:
    """Constraints whose broken rows are counted.

    Attributes:
        declared: Constraints that the configuration declares, or that the run kept.
        finds: Whether relations that all training rows keep are found and counted, too. They tell of the training rows,
            so that differential privacy forbids them.
    """

    declared: Sequence[ConstraintParameters] = ()
    finds: bool = False


NO_RULES = CheckedRules()


def rule_violations(
    rules: CheckedRules,
    tables: EvaluationTables,
    *,
    no_holdout: str,
) -> tuple[RuleViolations, ...]:
    """Count the rows that break each constraint; a constraint that cannot be checked gets the reason.

    Args:
        rules: Constraints to count the broken rows of.
        tables: Real and generated rows; a constraint may learn from the training rows.
        no_holdout: Why there is no holdout, in words.

    Returns:
        The declared constraints in their order, then the found ones, those that most synthetic rows break first.
    """
    declared = tuple(_measure_rule(constraint, tables, no_holdout) for constraint in rules.declared)
    if not rules.finds:
        return declared

    known = {constraint.name for constraint in rules.declared}
    new = [constraint for constraint in _find_rules(tables) if constraint.name not in known]
    found = [replace(_measure_rule(constraint, tables, no_holdout), is_found=True) for constraint in new]
    # A rule that cannot be checked is no rule of the synthetic rows.
    measured_rules = [rule for rule in found if rule.synthetic.value is not None]
    return (*declared, *sorted(measured_rules, key=lambda rule: -(rule.synthetic.value or 0.0)))


def _find_rules(tables: EvaluationTables) -> tuple[ConstraintParameters, ...]:
    """Relations between columns that all training rows keep, and that as many synthetic rows could keep."""
    schema = tables.schema
    try:
        rows = _to_arrow(schema.names, tables.train, schema)
    except DataError:
        return ()

    found = find_relations(schema, rows, lambda names: rows.select(list(dict.fromkeys(names))))
    return usable_constraints(found, schema, len(tables.synthetic))


def _measure_rule(constraint: ConstraintParameters, tables: EvaluationTables, no_holdout: str) -> RuleViolations:
    train = tables.train
    schema = tables.schema
    made = _measure_broken(constraint, tables.synthetic, train, schema)
    real = _measure_broken(constraint, train, train, schema)
    if tables.holdout is None:
        unseen = unavailable(no_holdout)
    else:
        unseen = _measure_broken(constraint, tables.holdout, train, schema)

    return RuleViolations(
        constraint=constraint.name,
        synthetic=made,
        train=real,
        holdout=unseen,
        synthetic_rows=_count_rows(made),
        train_rows=_count_rows(real),
    )


def _measure_broken(
    constraint: ConstraintParameters, frame: pd.DataFrame, train: pd.DataFrame, schema: TableSchema
) -> Metric:
    """Share of the rows of a frame that break the constraint."""
    if not len(frame):
        return unavailable("the table has no rows")

    try:
        check_declared([constraint], schema)
        pairs = None
        if isinstance(constraint, DeterminesConstraint):
            pairs = with_first_pairs(constraint, None, _to_arrow(constraint.read_columns, train, schema))

        broken = violations(constraint, _to_arrow(constraint.read_columns, frame, schema), pairs)
    except (ConfigError, DataError) as error:
        # The report is made all the same, and says why this line is empty.
        return unavailable(str(error))

    share = float(broken.mean())
    return measured(share, len(frame), std_error=float(np.sqrt(share * (1 - share) / len(frame))))


def _to_arrow(columns: Sequence[str], frame: pd.DataFrame, schema: TableSchema) -> pa.Table:
    """Some columns in storage types.

    Raises:
        DataError: The schema has no such column, or the values of one are not of its type.
    """
    names = list(dict.fromkeys(columns))
    arrays = []
    for name in names:
        type_ = arrow_type(schema[name])
        try:
            arrays.append(pa.array(frame[name], type_, from_pandas=True))
        except (pa.ArrowException, TypeError, KeyError):
            # Their messages quote the value.
            raise DataError(f"column {name!r} cannot be read as {type_}", column=name) from None

    return pa.table(dict(zip(names, arrays, strict=True)))


def _count_rows(share: Metric) -> int | None:
    if share.value is None:
        return None
    return round(share.value * share.sample_size)
