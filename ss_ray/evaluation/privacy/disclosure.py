"""Disclosed rows: synthetic rows that agree with one training row more than any other real row does.

A copy of a common row proves nothing, since many people share it. A copy of a strange one does, even if cells of it
were changed. So agreement is counted in bits (`agreement.py`), and what counts is the lead:

    lead(row) = max over training rows t of [agreement(row, t) - largest agreement of t with any other real row]

Every real row has a lead too, computed without itself, and an honest synthetic row is one more row of their kind. A
lead far beyond all of theirs discloses a row. Pairs are found by blocks of columns that agree, so that large tables
need no comparison of all rows with all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson

from ss_ray.evaluation.columns import Ints, Table
from ss_ray.evaluation.metrics import Metric, measured, not_measured, unavailable
from ss_ray.evaluation.privacy.agreement import Floats, RowPairs, Space, find_pairs
from ss_ray.evaluation.significance import rate_p_value

MIN_COLUMNS = 3
"""Scored columns below which agreement of whole rows means little."""
MIN_NULL = 100
"""Real rows (or groups) whose leads are needed to know what is usual."""
RIVALS = 2_000
"""Real rows, from all over the table, with which every training row is compared, beside those of its blocks."""
CHUNK_ROWS = 256
CHANGED_SHARES = (0.0, 0.25)
"""Shares of the cells in which a copy may differ from its training row, one cell at least; each has its own limit."""
TAIL_SHARES = (0.1, 0.01)
"""Shares of the leads of real rows, the largest, to each of which an exponential tail is fitted."""
MIN_TAIL = 10
MIN_SCALE = 1.0
"""Smallest scale of such a tail in bits; that of independent columns is 1.44."""
MARGIN = 1.25
"""Factor on the largest lead of a real row below which no row is disclosed."""
TAIL_ERROR = 1e-3
"""Expected number of honest rows of a table that are said to be disclosed."""
MAX_LISTED = 50
SHARE_RANKS = (0.01, 0.05, 0.2)
"""Training rows for which an unseen row leads far, as shares of the number of unseen rows."""


@dataclass(frozen=True, kw_only=True)
class DisclosedRow:
    """One disclosed row, by row numbers only.

    Attributes:
        row: Number of the synthetic row, from 0 on, among the rows that were read.
        training_row: Number of the training row that it agrees with.
        equal_cells: Scored cells in which the two are equal.
        lead: Bits by which it agrees better with that row than any other real row does.
    """

    row: int
    training_row: int
    equal_cells: int
    lead: float


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """Disclosed rows of a table.

    Attributes:
        disclosed: Synthetic rows (or groups) whose lead no honest row would have, among those that differ from their
            training row in one cell at most, or in a quarter of the cells.
        real_disclosed: Real rows (or groups) of which the same would be said; people who are twice in the data.
        limit: Lead in bits from which a row is disclosed that differs in one cell at most.
        p_value: Probability that so many synthetic rows are disclosed by chance.
        ahead: Training rows for which a synthetic row leads far, as a share of the synthetic rows (or groups).
        unseen_ahead: Unseen real rows for which a synthetic row leads far, as a share of the synthetic rows (or
            groups).
        ahead_p_value: Probability of such an excess by chance, corrected for the number of limits that were tried.
        rows: The disclosed rows with the largest leads, MAX_LISTED at most.
    """

    disclosed: Metric
    real_disclosed: Metric
    limit: Metric
    p_value: Metric
    ahead: Metric
    unseen_ahead: Metric
    ahead_p_value: Metric
    rows: tuple[DisclosedRow, ...] = ()


@dataclass(frozen=True)
class Persons:
    """Person of each row of each table, as (rows,) codes; every row is a person of its own without groups."""

    train: Ints
    holdout: Ints
    synthetic: Ints


def disclosure(train: Table, holdout: Table | None, synthetic: Table, persons: Persons) -> Disclosure:
    """Compare the leads of synthetic rows with those of real rows.

    Args:
        train: Rows that the generator learned from.
        holdout: Rows that it has not seen; None where there are none.
        synthetic: Generated rows, in the columns of `train`.
        persons: Whose rows they are.
    """
    if len(train.columns) < MIN_COLUMNS:
        return not_measured(Disclosure, f"fewer than {MIN_COLUMNS} columns can be compared")
    if holdout is None or not synthetic.rows:
        return not_measured(Disclosure, "there is no holdout to compare with")

    space = Space.of(train, holdout, synthetic)
    num_real = train.rows + holdout.rows
    train_owner, holdout_owner, made_owner = map(_renumber_owners, (persons.train, persons.holdout, persons.synthetic))
    # Persons of the holdout are others than those of the training table.
    real_owner = np.concatenate([train_owner, train_owner.max(initial=-1) + 1 + holdout_owner])

    real = find_pairs(space, np.arange(num_real), train.rows)
    real = real.where(real_owner[real.query] != real_owner[real.target])
    rivals = _Rivals.of(space, real, real_owner, train.rows)
    # An honest synthetic row is one more row of the real table, so the leads of real rows are the null distribution.
    of_real = rivals.leads(space, real, real_owner)
    unseen = real.query >= train.rows
    nulls = [_of_persons(leads, real, real_owner, train_owner) for leads in of_real.copies]
    if len(nulls[0]) < MIN_NULL:
        return not_measured(Disclosure, f"fewer than {MIN_NULL} real rows can be compared")

    found = find_pairs(space, np.arange(num_real, num_real + synthetic.rows), train.rows)
    leads = rivals.leads(space, found, None)
    owner = np.concatenate([np.zeros(num_real, np.int64), made_owner])
    mades = [_of_persons(copies, found, owner, train_owner) for copies in leads.copies]
    limits = [_compute_limit(null, len(mades[0])) for null in nulls]
    made = _any_above(mades, limits)
    null = _any_above(nulls, limits)
    ahead = _compare_ahead(
        (_find_largest_leads(leads.all, found.target, train.rows), len(made)),
        (
            _find_largest_leads(of_real.all[unseen], real.target[unseen], train.rows),
            int(holdout_owner.max(initial=-1)) + 1,
        ),
    )

    return Disclosure(
        disclosed=measured(float(made.sum()), len(made)),
        real_disclosed=measured(float(null.sum()), len(null)),
        limit=measured(limits[0], len(null)),
        p_value=_p_value(made, null),
        ahead=ahead[0],
        unseen_ahead=ahead[1],
        ahead_p_value=ahead[2],
        rows=_list_disclosed(found, leads.copies, limits, space),
    )


def _any_above(leads: Sequence[Floats], limits: Sequence[float]) -> NDArray[np.bool_]:
    """(persons,) whether any lead of a person is above its limit."""
    return np.any([own > limit for own, limit in zip(leads, limits, strict=True)], axis=0)


def _renumber_owners(owners: Ints) -> Ints:
    """The codes of persons from 0 on, without gaps."""
    return np.unique(owners, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class _Rivals:
    """Agreement of the best other real rows with each training row, (training rows,) each; 0 if no pair was found.

    Attributes:
        best: Largest agreement with a real row.
        owner: Person of that row.
        second: Largest agreement with a row of another person than that.
    """

    best: Floats
    owner: Ints
    second: Floats

    @classmethod
    def of(cls, space: Space, pairs: RowPairs, owners: Ints, num_train: int) -> _Rivals:
        """The rivals among the pairs that were found, and among RIVALS real rows from all over."""
        stride = max(1, -(-space.num_real // RIVALS))
        # Rivals from all over the table bound the lead of rows that no block pairs with another.
        some = np.arange(0, space.num_real, stride)
        frames = [pd.DataFrame({"target": pairs.target, "owner": owners[pairs.query], "bits": space.agreement(pairs)})]

        for start in range(0, num_train, CHUNK_ROWS):
            targets = np.arange(start, min(start + CHUNK_ROWS, num_train))
            bits = space.agreements(some, targets)
            # Rows of one person are no rivals of each other.
            bits[owners[targets][:, None] == owners[some][None, :]] = 0.0
            if len(some) < 3:
                top = np.argsort(-bits, axis=1)[:, :2]
            else:
                top = np.argpartition(-bits, 2, axis=1)[:, :3]

            near = {"target": np.repeat(targets, top.shape[1]), "owner": owners[some][top].ravel()}
            frames.append(pd.DataFrame({**near, "bits": np.take_along_axis(bits, top, axis=1).ravel()}))

        by_person = pd.concat(frames).groupby(["target", "owner"], sort=False)["bits"].max().reset_index()
        by_person = by_person.sort_values("bits", ascending=False, kind="stable")
        place = by_person.groupby("target").cumcount()
        best = np.zeros(num_train)
        owner = np.full(num_train, -1, np.int64)
        second = np.zeros(num_train)
        first = by_person[place == 0]
        after = by_person[place == 1]
        best[first["target"]] = first["bits"]
        owner[first["target"]] = first["owner"]
        second[after["target"]] = after["bits"]

        return cls(best, owner, second)

    def leads(self, space: Space, pairs: RowPairs, owners: Ints | None) -> _Leads:
        """Leads of pairs over all real rows of other persons.

        Args:
            space: Rows of all tables, column by column.
            pairs: Pairs of a row and a training row.
            owners: Person of each row; None for synthetic rows, which are nobody's.
        """
        rival = self.best[pairs.target]
        if owners is not None:
            # Other rows of the same person are no rivals.
            rival = np.where(owners[pairs.query] == self.owner[pairs.target], self.second[pairs.target], rival)

        lead = space.agreement(pairs) - rival
        changed = len(space.columns) - space.equal_cells(pairs)
        allowed = (max(1, int(share * len(space.columns))) for share in CHANGED_SHARES)

        return _Leads(all=lead, copies=tuple(np.where(changed <= most, lead, 0.0) for most in allowed))


@dataclass(frozen=True)
class _Leads:
    """Leads of pairs, (pairs,) bits each.

    Attributes:
        all: Leads of all pairs, in bits.
        copies: For each of CHANGED_SHARES those of pairs that differ in as many cells at most; 0 for all others.
    """

    all: Floats
    copies: tuple[Floats, ...]


def _find_largest_leads(leads: Floats, rows: Ints, num_rows: int) -> Floats:
    """(rows,) the largest lead of each row, 0 where it has none."""
    largest = np.zeros(num_rows)
    np.maximum.at(largest, rows, leads)
    return largest


def _of_persons(leads: Floats, pairs: RowPairs, owners: Ints, train_owners: Ints) -> Floats:
    """(persons,) largest lead of each person for one training person: the sum over the rows of both.

    Args:
        leads: (pairs,) bits; 0 for pairs that do not count.
        pairs: Pairs of a row and a training row.
        owners: Person of each row.
        train_owners: Person of each training row.
    """
    largest = np.zeros(int(owners.max(initial=-1)) + 1)
    counted = leads > 0
    frame = pd.DataFrame(
        {
            "row": pairs.query[counted],
            "of": owners[pairs.query[counted]],
            "for": train_owners[pairs.target[counted]],
            "lead": leads[counted],
        }
    )
    by_row = frame.groupby(["row", "of", "for"], sort=False)["lead"].max()
    sums = by_row.groupby(["of", "for"], sort=False).sum().reset_index()
    np.maximum.at(largest, sums["of"].to_numpy(np.int64), sums["lead"].to_numpy(np.float64))

    return largest


def _compute_limit(null: Floats, num_made: int) -> float:
    """Lead that one of `num_made` honest rows exceeds with a probability of about TAIL_ERROR."""
    positive = np.sort(null[null > 0])[::-1]
    limits = [MIN_SCALE * float(np.log(num_made / TAIL_ERROR)), MARGIN * float(positive[:1].sum())]
    for share in TAIL_SHARES:
        count = max(MIN_TAIL, int(share * len(positive)))
        if count < len(positive):
            start = float(positive[count])
            scale = float((positive[:count] - start).mean())
            limits.append(start + scale * float(np.log(count / len(null) * num_made / TAIL_ERROR)))

    return max(limits)


def _p_value(made: NDArray[np.bool_], null: NDArray[np.bool_]) -> Metric:
    """P-value of the number of disclosed rows, by the tail or, where real rows pass the limit, by their number."""
    if not null.any():
        return measured(float(poisson.sf(int(made.sum()) - 1, len(CHANGED_SHARES) * TAIL_ERROR)), len(made))
    return rate_p_value(int(made.sum()), len(made), int(null.sum()), len(null))


def _compare_ahead(made: tuple[Floats, int], unseen: tuple[Floats, int]) -> tuple[Metric, Metric, Metric]:
    """Training rows for which synthetic rows lead far, the same of unseen rows, and the p-value of the excess.

    Training rows are counted, not synthetic ones: several of these may lead for one training row that lies apart. Of
    several limits the one with the smallest p-value counts, which is corrected for their number.

    Args:
        made: Largest lead of a synthetic row for each training row, and the number of synthetic persons.
        unseen: Largest lead of a synthetic row for each unseen real row, and the number of synthetic persons.
    """
    # The limits are quantiles of the leads for unseen rows, so that each is exceeded equally often by chance.
    ordered = np.sort(unseen[0])[::-1]
    limits = [ordered[min(int(share * unseen[1]), len(ordered) - 1)] for share in SHARE_RANKS]
    # Training rows are counted, not synthetic ones: several synthetic rows may lead for one remote training row.
    counts = [(int((made[0] > limit).sum()), int((unseen[0] > limit).sum())) for limit in limits if limit > 0]
    if not counts:
        none = unavailable("unseen real rows lead for too few training rows")
        return none, none, none

    # The smallest p-value counts; below it is multiplied by the number of limits that were tried (Bonferroni).
    tests = [(rate_p_value(hits, made[1], chance, unseen[1]).value or 0.0, hits, chance) for hits, chance in counts]
    p_value, hits, chance = min(tests)
    return (
        measured(hits / made[1], made[1]),
        measured(chance / unseen[1], unseen[1]),
        measured(min(1.0, len(tests) * p_value), made[1]),
    )


def _list_disclosed(
    pairs: RowPairs, copies: Sequence[Floats], limits: Sequence[float], space: Space
) -> tuple[DisclosedRow, ...]:
    """Each disclosed row once, with the training row that it leads for."""
    leads = np.max([np.where(own > limit, own, 0.0) for own, limit in zip(copies, limits, strict=True)], axis=0)
    order = np.argsort(-leads, kind="stable")
    order = order[leads[order] > 0]
    _, first = np.unique(pairs.query[order], return_index=True)
    chosen = order[np.sort(first)][:MAX_LISTED]
    shown = RowPairs(pairs.query[chosen], pairs.target[chosen])
    cells = (shown.query - space.num_real, shown.target, space.equal_cells(shown), np.round(leads[chosen], 2))

    return tuple(
        DisclosedRow(row=row, training_row=training_row, equal_cells=equal, lead=lead)
        for row, training_row, equal, lead in zip(*(part.tolist() for part in cells), strict=True)
    )
