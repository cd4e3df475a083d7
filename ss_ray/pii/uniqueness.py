"""How many rows the columns that are kept single out together: whoever knows these facts of a person finds the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.cells import encode
from ss_ray.pii.rules import ColumnRule, PiiPlan

MOST_NAMED = 8
"""Columns that the sentence names."""
_GENERALISED = frozenset({entities.AGE, entities.DATE_TIME, entities.DATE_OF_BIRTH})


@dataclass(frozen=True, kw_only=True)
class KeptTogether:
    """Rows that are alone in the combination of all kept columns of a personal kind. Internal: a count of real rows.

    Attributes:
        columns: Names of the columns.
        rows: Number of rows that were compared.
        unique_rows: Number of rows whose combination no other row has.
        sentence: Consequence for a reader, with the option that changes it.
    """

    columns: tuple[str, ...]
    rows: int
    unique_rows: int
    sentence: str


def hash_kept(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.uint64]:
    """(num_rows,) hash of the cells of each row in these columns; rows with the same cells have the same one."""
    total = np.zeros(table.num_rows, np.uint64)
    for name in columns:
        indices, values = encode(table.column(name))
        texts = values.cast(pa.string()).to_pandas() if len(values) else pd.Series([], dtype=str)
        hashes = np.append(pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False), np.uint64(0))
        # A missing cell has the last hash; the odd factor tells columns apart.
        places = indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        total = total * np.uint64(0x9E3779B97F4A7C15) + hashes[places]

    return total


def count_together(hashes: Sequence[npt.NDArray[np.uint64]], plan: PiiPlan) -> KeptTogether | None:
    """The figure of a whole table; None where nothing is kept, or there is no row.

    Args:
        hashes: Hashes of the rows of each part, from `hash_kept`.
        plan: Plan of the replacement.
    """
    rules = kept_together(plan)
    num_rows = sum(len(part) for part in hashes)
    if not rules or not num_rows:
        return None

    counts = np.unique(np.concatenate(hashes), return_counts=True)[1]
    unique_rows = int((counts == 1).sum())
    return KeptTogether(
        columns=tuple(rule.name for rule in rules),
        rows=num_rows,
        unique_rows=unique_rows,
        sentence=_write_sentence(rules, unique_rows, num_rows),
    )


def kept_together(plan: PiiPlan) -> tuple[ColumnRule, ...]:
    """Columns of a personal kind whose values stay."""
    return () if plan.steps else plan.kept


def _write_sentence(rules: Sequence[ColumnRule], unique_rows: int, num_rows: int) -> str:
    names = [repr(rule.name) for rule in rules[:MOST_NAMED]]
    if len(rules) > MOST_NAMED:
        names.append(f"{len(rules) - MOST_NAMED} more kept columns")

    facts = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    coarser = {rule.entity_type: _suggest_operator(rule.entity_type) for rule in rules}
    option = ", ".join(f"{entity_type}: {operator}" for entity_type, operator in sorted(coarser.items()))
    return (
        f"Whoever knows {facts} of a person finds that person's row, with all that it tells, for {unique_rows:,} "
        f"of {num_rows:,} rows ({unique_rows / num_rows:.1%}), which are alone in what is kept; "
        f"--set 'replace_pii.operators={{{option}}}' makes the kept values coarser or hides them."
    )


def _suggest_operator(entity_type: str) -> Operator:
    return Operator.GENERALISE if entity_type in _GENERALISED else Operator.REDACT
