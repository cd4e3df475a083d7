"""Tests whether the synthetic table discloses training rows, each compared with the same test on unseen real rows.

A synthetic row may equal or resemble a training row by chance, as an unseen real row may. Only what training rows
suffer beyond the holdout counts. Identifiers are left out of distances (they are made afresh), as are texts; both are
searched for values and runs of words of training rows. Averages over samples cannot show that no single person is
exposed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, prepare, scored_columns
from ss_ray.evaluation.evaluation_tables import DEFAULT_LIMITS, EvaluationTables, SampleLimits
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, measured, not_measured, too_small
from ss_ray.evaluation.nearest import Neighbours, Points, merged, nearest, to_points
from ss_ray.evaluation.privacy.attributes import Attributes, attribute_inference, no_attributes
from ss_ray.evaluation.privacy.combinations import Combination, replayed_combination
from ss_ray.evaluation.privacy.copies import NO_COLUMN, Copies, row_copies, row_keys, text_copies
from ss_ray.evaluation.privacy.disclosure import Disclosure, Persons, disclosure
from ss_ray.evaluation.privacy.gdpr_risks import GdprRisks, gdpr_risks
from ss_ray.evaluation.privacy.membership import Membership, membership
from ss_ray.evaluation.privacy.memorised import Memorised, memorised_texts
from ss_ray.evaluation.privacy.near_copies import DistanceQuantiles, NearCopies, near_copies, quantiles
from ss_ray.evaluation.privacy.nemo_privacy import NemoPrivacy, nemo_privacy
from ss_ray.evaluation.privacy.replay import Originals, Replay, replays
from ss_ray.evaluation.privacy.single_values import ReleasedSingles, UnseenValues, released_singles, unseen_values
from ss_ray.evaluation.privacy_tests import ALL_TESTS, SWITCHED_OFF, PrivacyTests
from ss_ray.schema import Kind

MAX_QUERIES = 2000
"""Rows whose nearest record is looked up, per question."""
REFERENCE_FACTOR = 4
"""Reference rows of each table, in multiples of max_rows: the more, the fewer near copies go unseen."""
MAX_COMPARED = 20_000
"""Rows of each table among which disclosed rows and combinations are looked for."""
TIE = 1e-6
"""Distances that differ by less are equal (they are float32 means over the columns)."""


@dataclass(frozen=True, kw_only=True)
class Resemblance:
    """Distances among the rows of the three tables, in [0, 1], see `nearest`.

    Attributes:
        closer_to_train: Share of distinct synthetic rows closer to a training row than to any of equally many holdout
            rows, ties half; an honest generator gives 0.5. With a cluster-robust standard error.
        distance_to_train: Median distance of distinct synthetic rows to the closest training row.
        distance_to_holdout: Median distance of the same rows to the closest of equally many holdout rows.
        distance_of_holdout: Median distance of holdout rows to the closest of as many training rows.
        distances: Quantiles of such distances.
        near_copies: Synthetic rows nearer to a training row than almost all holdout rows.
        membership_auc: How well the distance to the closest synthetic row tells training from holdout rows; 0.5 is
            not at all. The same as in `membership`.
        membership: Guesses who was trained on.
        attributes: Guesses of one column from the others.
        gdpr_risks: Singling out, linkability and inference.
    """

    closer_to_train: Metric
    distance_to_train: Metric
    distance_to_holdout: Metric
    distance_of_holdout: Metric
    distances: DistanceQuantiles
    near_copies: NearCopies
    membership_auc: Metric
    membership: Membership
    attributes: Attributes
    gdpr_risks: GdprRisks


@dataclass(frozen=True, kw_only=True)
class Privacy(Resemblance):
    """All numbers on resemblance to training rows.

    Attributes:
        copies: Copies of whole rows first, then copies in each text column.
        replays: Values of personal columns, then of all other columns but texts.
        memorised: Runs of words, per text column.
        disclosure: Copies of strange rows, verbatim or all but one cell.
        combination: Values of several columns together that one real row has.
        unseen: Values that only the holdout has.
        singles: Values of one training unit that were released.
        nemo: NeMo's scores, for comparison; no part of the verdict.
        left_out: Tests that the configuration switched off, in words.
    """

    copies: tuple[Copies, ...]
    replays: tuple[Replay, ...]
    memorised: tuple[Memorised, ...]
    disclosure: Disclosure
    combination: Combination
    unseen: UnseenValues
    singles: tuple[ReleasedSingles, ...]
    nemo: NemoPrivacy
    left_out: tuple[str, ...] = ()


def evaluate_privacy(
    tables: EvaluationTables,
    *,
    limits: SampleLimits = DEFAULT_LIMITS,
    pii: Mapping[str, str] | None = None,
    originals: Originals | None = None,
    tests: PrivacyTests = ALL_TESTS,
    public: Collection[str] = (),
) -> Privacy:
    """Look for training rows in the synthetic table.

    Args:
        tables: Real and generated rows. Copies and replayed values are counted over all of them.
        limits: Limits of the samples. Distances are measured from MAX_QUERIES rows to REFERENCE_FACTOR * max_rows rows
            of each table. NeMo's scores use seeds of their own.
        pii: Column -> entity type of the columns that hold personal data; None where none are known.
        originals: Training and holdout rows before personal data were replaced; None where they were not.
        tests: Switches of the tests.
        public: Columns whose values are public knowledge.
    """
    seed = limits.seed
    schema = tables.schema
    columns = scored_columns(tables.train, schema, max_columns=limits.max_columns, seed=seed)
    real = prepare(tables.train, columns)
    made = prepare(tables.synthetic, columns)
    unseen = None if tables.holdout is None else prepare(tables.holdout, columns)

    found = _measure_resemblance(tables, (real, unseen, made), limits, tests)
    personal = pii or {}
    now = Originals(train=tables.train, holdout=tables.holdout)
    texts = [c.name for c in schema.of_kind(Kind.TEXT)]
    compared, persons = _draw_compared(tables, (real, unseen, made), seed)

    return Privacy(
        **vars(found),
        copies=(row_copies(real, unseen, made), *(text_copies(n, *tables.column(n)) for n in texts)),
        replays=replays(
            now, tables.synthetic, schema, pii=personal, originals=originals or now, seed=seed, tests=tests
        ),
        memorised=tuple(memorised_texts(n, *tables.column(n), seed=seed) for n in texts),
        disclosure=disclosure(*compared, persons),
        combination=replayed_combination(*compared, seed=seed),
        unseen=unseen_values(tables),
        singles=released_singles(tables, group=tables.group, without={*public, *personal}),
        nemo=nemo_privacy(tables, tests),
        left_out=tests.left_out(personal),
    )


Prepared = tuple[Table, Table | None, Table]
"""Scored columns of the training, holdout and synthetic rows; None without a holdout."""


def _measure_resemblance(
    tables: EvaluationTables, prepared: Prepared, limits: SampleLimits, tests: PrivacyTests
) -> Resemblance:
    """Resemblance of one random row of each person."""
    real, unseen, made = prepared
    seed = limits.seed

    # Several rows of one person are no independent evidence of a copy.
    single_real = real.take(one_row_each(tables.train, tables.group, seed))
    single_made = made.take(one_row_each(tables.synthetic, tables.group, seed))
    if tables.holdout is None or unseen is None:
        single_unseen = None
    else:
        single_unseen = unseen.take(one_row_each(tables.holdout, tables.group, seed))

    return resemblance(single_real, single_unseen, single_made, max_rows=limits.max_rows, seed=seed, tests=tests)


def _draw_compared(tables: EvaluationTables, prepared: Prepared, seed: int) -> tuple[Prepared, Persons]:
    """At most MAX_COMPARED rows of each table, with the persons of these rows."""
    real, unseen, made = prepared
    frames = (tables.train, tables.holdout, tables.synthetic)
    kept = [_some_rows(table, seed) for table in prepared]
    compared = real.take(kept[0]), None if unseen is None else unseen.take(kept[1]), made.take(kept[2])
    persons = Persons(*(_number_owners(frame, tables.group)[rows] for frame, rows in zip(frames, kept, strict=True)))

    return compared, persons


def _number_owners(frame: pd.DataFrame | None, group: str | None) -> NDArray[np.int64]:
    """(rows,) the person of each row; every row its own without groups."""
    if frame is None:
        return np.empty(0, np.int64)
    if group is None or group not in frame.columns:
        return np.arange(len(frame))
    return np.asarray(pd.factorize(frame[group], use_na_sentinel=False)[0], dtype=np.int64)


def _some_rows(table: Table | None, seed: int) -> NDArray[np.intp]:
    """Positions of at most MAX_COMPARED rows, ascending."""
    rows = 0 if table is None else table.rows
    if rows <= MAX_COMPARED:
        return np.arange(rows)
    return np.sort(np.random.default_rng([seed, 23]).choice(rows, MAX_COMPARED, replace=False))


def one_row_each(frame: pd.DataFrame, group: str | None, seed: int) -> NDArray[np.intp]:
    """Positions of one random row of each group, or of all rows where there are no groups."""
    positions = np.arange(len(frame))
    if group is None or group not in frame.columns:
        return positions
    order = np.random.default_rng([seed, 11]).permutation(positions)
    return np.sort(order[~frame[group].iloc[order].duplicated().to_numpy()])


def resemblance(
    train: Table,
    holdout: Table | None,
    synthetic: Table,
    *,
    max_rows: int,
    seed: int,
    tests: PrivacyTests = ALL_TESTS,
) -> Resemblance:
    """Distances among the rows, or the reason why there are none."""
    if holdout is None:
        return _no_resemblance("there is no holdout to compare with")
    if not train.columns:
        return _no_resemblance(NO_COLUMN)

    # A generator that repeats one row would otherwise count it many times.
    distinct = synthetic.take(np.unique(row_keys(synthetic), return_index=True)[1])
    if min(train.rows, holdout.rows, distinct.rows) < MIN_ROWS:
        rows = {"training": train.rows, "holdout": holdout.rows, "distinct synthetic": distinct.rows}
        return _no_resemblance(too_small(rows))

    rng = np.random.default_rng([seed, 4])
    # Rows are shuffled once; every later prefix of them is then a random sample.
    drawn = tuple(_draw_rows(table, REFERENCE_FACTOR * max_rows, rng) for table in (train, holdout, distinct))
    return _with_distances(train, drawn, max_rows=max_rows, seed=seed, tests=tests)


def _with_distances(
    train: Table, drawn: tuple[Table, ...], *, max_rows: int, seed: int, tests: PrivacyTests
) -> Resemblance:
    """Resemblance of the rows drawn; comparisons of training with holdout rows use equally many of each."""
    all_real, all_unseen, made = to_points(train, *drawn)
    # With more training than holdout rows, the nearest training row would be closer by chance alone.
    size = min(all_real.rows, all_unseen.rows)
    real, unseen = (p.take(np.arange(size)) for p in (all_real, all_unseen))
    queries, strangers = (p.take(np.arange(min(p.rows, MAX_QUERIES))) for p in (made, unseen))
    to_train = nearest(queries, real)
    to_holdout = nearest(queries, unseen)
    between = nearest(strangers, real)
    to_all = to_train
    of_holdout = between
    # A near copy counts wherever the training row is, so here all reference rows are searched.
    if all_real.rows > size:
        rest = all_real.take(np.arange(size, all_real.rows))
        to_all, of_holdout = (
            merged(near, nearest(rows, rest), size) for near, rows in ((to_train, queries), (between, strangers))
        )

    seen = made.take(np.arange(min(made.rows, max_rows)))
    names = tuple(c.name for c in sorted(train.columns, key=lambda c: not c.nominal))
    attributes = no_attributes(SWITCHED_OFF)
    if tests.attributes:
        attributes = attribute_inference(names, real, unseen, seen, seed=seed)

    members = _test_membership(names, real, unseen, made, tests, seed=seed)
    few = np.arange(min(size, max_rows))
    tables = (drawn[0].take(few), drawn[1].take(few), drawn[2].take(np.arange(seen.rows)))

    return Resemblance(
        closer_to_train=closer_to_train(to_train, to_holdout, seed=seed),
        distance_to_train=_measure_median(to_train, seed),
        distance_to_holdout=_measure_median(to_holdout, seed),
        distance_of_holdout=_measure_median(between, seed),
        distances=DistanceQuantiles(
            to_train=quantiles(to_train.distance),
            to_holdout=quantiles(to_holdout.distance),
            of_holdout=quantiles(between.distance),
        ),
        near_copies=near_copies(to_all, of_holdout, seed=seed),
        membership_auc=members.distance.auc,
        membership=members,
        attributes=attributes,
        gdpr_risks=gdpr_risks(tables, (real.take(few), unseen.take(few), seen), attributes, seed=seed),
    )


def _test_membership(
    names: tuple[str, ...], train: Points, holdout: Points, synthetic: Points, tests: PrivacyTests, *, seed: int
) -> Membership:
    """Membership inference by the columns that may be looked at; `names` are those of the points."""
    if not tests.membership:
        return not_measured(Membership, SWITCHED_OFF)

    kept = np.array([j for j, name in enumerate(names) if name not in tests.membership_without], dtype=np.intp)
    if not len(kept):
        return not_measured(Membership, "all columns are left out of it")

    return membership(*(side.of_columns(kept) for side in (train, holdout, synthetic)), seed=seed)


def _draw_rows(table: Table, size: int, rng: np.random.Generator) -> Table:
    """At most `size` rows in random order."""
    return table.take(rng.permutation(table.rows)[:size])


def closer_to_train(to_train: Neighbours, to_holdout: Neighbours, *, seed: int) -> Metric:
    """Share of queries closer to their training than to their holdout neighbour, ties half."""
    difference = to_train.distance - to_holdout.distance
    closer = np.where(np.abs(difference) <= TIE, 0.5, difference < 0)
    share = float(closer.mean())
    # Queries that share a nearest real row are not independent, so each real row is one cluster. Holdout rows get
    # negative numbers, which training rows do not use.
    nearest_row = np.where(difference <= 0, to_train.index, -1 - to_holdout.index)
    clusters = np.unique(nearest_row, return_inverse=True)[1]
    sums = np.bincount(clusters, weights=closer - share)
    # The usual correction of a cluster-robust error for few clusters.
    correction = len(sums) / max(len(sums) - 1, 1)
    error = np.sqrt(correction * float((sums**2).sum())) / len(closer)

    return measured(share, len(closer), seed=seed, std_error=float(error))


def _measure_median(neighbours: Neighbours, seed: int) -> Metric:
    distance: NDArray[np.float32] = neighbours.distance
    return measured(float(np.median(distance)), len(distance), seed=seed)


def _no_resemblance(reason: str) -> Resemblance:
    return not_measured(Resemblance, reason, attributes=no_attributes(reason))
