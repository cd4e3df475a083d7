"""The NeMo report's privacy scores, so that tables can be compared with those of NeMo Safe Synthesizer.

They are no part of our verdict: an exact copy of the training table is "Good" by them. The formulas are those of
version 0.1.16. What changed the meaning of a score there was not taken over:

- A score of 0 counts in the DPS; NeMo leaves it out, so that the worst table may be called excellent.
- The DPS needs both scores; without a holdout, NeMo reports the attribute score in its place.
- Decimals of a number are those of its shortest spelling; by NeMo's count 0.1 has 55, so that no guess is ever right.
- A guess may be right for zero and for negative numbers.
- Combinations of known columns are used again when there are fewer of them than rows to attack.
- Where all columns have the same entropy they weigh the same; NeMo gives them no weight, which scores 10.
- Columns that were never guessed are left out; NeMo scores them 10.
- Texts are left out, because their embeddings need a downloaded model; kinds of columns are those of the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.nemo_attributes import attribute_score
from ss_ray.evaluation.privacy.nemo_encoding import Features, attacked_columns, encode
from ss_ray.evaluation.privacy_tests import ALL_TESTS, SWITCHED_OFF, PrivacyTests
from ss_ray.evaluation.scores import Score, to_score
from ss_ray.schema import TableSchema

MAX_ROWS = 5000
ROW_SEED = 424242
"""Rows of the training and the synthetic table, and the seed by which they are drawn. Source: NeMo, whose holdout has
at most 2,000 rows by itself; here it is bounded likewise."""
RUNS = 10
THRESHOLDS = (0.4, 0.3, 0.2, 0.1)
PROPORTIONS = tuple(tenths / 10 for tenths in range(2, 11))


@dataclass(frozen=True, kw_only=True)
class NemoPrivacy:
    """NeMo's scores, 0 to 10.

    Attributes:
        membership: Membership inference protection.
        attributes: Attribute inference protection.
        dps: Data privacy score, their mean.
    """

    membership: Score
    attributes: Score
    dps: Score


def nemo_privacy(
    tables: EvaluationTables,
    tests: PrivacyTests = ALL_TESTS,
) -> NemoPrivacy:
    """The scores; all sampling is by NeMo's own seeds."""
    schema = tables.schema
    real, made = (_sample_rows(frame, MAX_ROWS, ROW_SEED) for frame in (tables.train, tables.synthetic))
    if not attacked_columns(schema):
        return _combine_scores(_missing_score("no column can be compared"), _missing_score("no column can be compared"))
    if not len(real) or not len(made):
        return _combine_scores(
            _missing_score("one of the tables has no rows"), _missing_score("one of the tables has no rows")
        )

    attributes = _missing_score(SWITCHED_OFF)
    if tests.attributes:
        attributes = attribute_score(real, made, schema, tests.known_columns)

    return _combine_scores(_score_membership(replace(tables, train=real, synthetic=made), tests), attributes)


def _score_membership(tables: EvaluationTables, tests: PrivacyTests) -> Score:
    if not tests.membership:
        return _missing_score(SWITCHED_OFF)
    if tables.holdout is None or not len(tables.holdout):
        return _missing_score("there is no holdout to compare with")

    seen = TableSchema(columns=tuple(c for c in tables.schema.columns if c.name not in tests.membership_without))
    if not attacked_columns(seen):
        return _missing_score("all columns are left out of it")

    unseen = _sample_rows(tables.holdout, MAX_ROWS, ROW_SEED)
    points = membership_points(tables.train, unseen, tables.synthetic, seen)
    return to_score(10 * (points - 1) / 2)


def _combine_scores(membership: Score, attributes: Score) -> NemoPrivacy:
    return NemoPrivacy(membership=membership, attributes=attributes, dps=dps(membership, attributes))


def dps(membership: Score, attributes: Score) -> Score:
    """Mean of both scores; a score of 0 counts."""
    if membership.value is None or attributes.value is None:
        return _missing_score(membership.reason or attributes.reason or "a part is not available")
    return to_score((membership.value + attributes.value) / 2)


def membership_points(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema
) -> float:
    """Mean points of 360 attacks, 1 (worst) to 3: whoever is near a synthetic row is called a member."""
    n = len(holdout)
    real = _sample_rows(train, RUNS * n, 1)
    parts = (real, synthetic, holdout)
    encoded = [
        encode(pd.concat([part[c.name] for part in parts], ignore_index=True), c) for c in attacked_columns(schema)
    ]
    features = np.hstack(encoded)
    members, made, strangers = np.split(features, np.cumsum([len(real), len(synthetic)]))
    distance = [_to_nearest(side, made) for side in (members, strangers)]

    return float(np.mean([round(_run_points(*distance, run=run), 2) for run in range(RUNS)]))


def _to_nearest(queries: Features, reference: Features) -> NDArray[np.float64]:
    model = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(reference)
    return np.asarray(model.kneighbors(queries)[0][:, 0], dtype=np.float64)


def _run_points(members: NDArray[np.float64], strangers: NDArray[np.float64], *, run: int) -> float:
    """Mean points of the 36 attacks of one run on its slice of the members."""
    chosen = members[: len(strangers) * (run + 1)][-len(strangers) :]
    order = pd.Series(np.arange(len(chosen) + len(strangers))).sample(frac=1, random_state=run).to_numpy()
    distance = np.concatenate([chosen, strangers])[order]
    distance = distance / (distance.max() or 1.0)
    member = order < len(chosen)

    return float(
        np.mean(
            [_award_points(distance[:size] < t, member[:size]) for t in THRESHOLDS for size in _list_sizes(len(order))]
        )
    )


def _list_sizes(rows: int) -> Sequence[int]:
    return [size for share in PROPORTIONS if (size := int(rows * share))]


def _award_points(called: NDArray[np.bool_], member: NDArray[np.bool_]) -> float:
    """Points of one attack by its precision and accuracy, both rounded to one decimal."""
    if called.any():
        precision = round(float(member[called].mean()), 1)
    else:
        precision = 0.0

    accuracy = round(float((called == member).mean()), 1)
    low, high = sorted((precision, accuracy))
    if high <= 0.5:
        return 3.0

    if high <= 0.8:
        if low <= 0.5:
            return 2.5
        return 2.0

    if low <= 0.8:
        return 1.5

    return 1.0


def _sample_rows(frame: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    if len(frame) > size:
        return frame.sample(size, random_state=seed)
    return frame


def _missing_score(reason: str) -> Score:
    return Score(value=None, grade=None, reason=reason)
