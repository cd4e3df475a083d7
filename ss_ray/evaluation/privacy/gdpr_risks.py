"""The three risks that data protection names: singling out, linkability, inference.

Each attack is made three times: on training rows, on holdout rows (control: what anyone learns from good statistics)
and blindly on training rows (naive baseline: an attack that does no better shows nothing). The risk is the part of the
control's failures that the attack on training rows turns into successes.

Our choices: as many training as holdout rows are attacked, so that the size of the control table needs no correction;
the columns of linkability are dealt alternately by their number of values; inference reports the worst column.

Source: Giomi, Boenisch, Wehmeyer & Tasnadi 2023, "A Unified Framework for Quantifying Privacy Risk in Synthetic Data",
PoPETs 2023(2), arXiv:2211.10459. WP29 Opinion 05/2014 on anonymisation techniques names the risks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, norm

from ss_ray.evaluation.columns import Table
from ss_ray.evaluation.metrics import Metric, measured, not_measured
from ss_ray.evaluation.nearest import CHUNK_BYTES, Points, total_differences
from ss_ray.evaluation.privacy.attributes import Attributes
from ss_ray.evaluation.privacy.predicates import Guesses, Hits, multivariate, univariate
from ss_ray.evaluation.significance import Z_95, share, wilson

MAX_PREDICATES = 500
"""Of each kind; no more than there are training rows, since predicates about the same row succeed or fail together."""
MIN_PREDICATES = 20
LINK_TARGETS = 500
"""Rows of each side that are to be linked."""
LINK_NEIGHBOURS = 5
"""Synthetic rows nearest to either half of a row; the halves are linked if they have one in common."""
TOLERABLE_RISK = 0.05
"""Risk of which the excess is tested."""


@dataclass(frozen=True, kw_only=True)
class Risk:
    """One risk, with 95 % intervals by Wilson's method.

    Attributes:
        attack: Share of successful attacks on training rows, 0 to 1.
        control: Share of successful attacks on holdout rows, 0 to 1.
        naive: Share of successful blind attacks on training rows. Where `attack` is no higher, the attack was too weak
            to show anything.
        risk: (attack - control) / (1 - control) of Wilson's centres; 0 is fair, below 0 is noise.
        p_value: Probability of a risk as large if the true risk is TOLERABLE_RISK; for inference, times the number of
            columns.
        column: The column that is inferred; None for the other risks.
    """

    attack: Metric
    control: Metric
    naive: Metric
    risk: Metric
    p_value: Metric
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class GdprRisks:
    """Singling out by one column, by several columns, linkability, and inference of the worst column."""

    singling_out: Risk
    singling_out_together: Risk
    linkability: Risk
    inference: Risk

    @property
    def risks(self) -> dict[str, Risk]:
        """All by their names in words."""
        return {
            "singling out by one column": self.singling_out,
            "singling out by several columns": self.singling_out_together,
            "linkability": self.linkability,
            "inference": self.inference,
        }


def gdpr_risks(
    tables: tuple[Table, Table, Table], points: tuple[Points, Points, Points], attributes: Attributes, *, seed: int
) -> GdprRisks:
    """Measure the risks.

    Args:
        tables: Training rows, as many holdout rows, and synthetic rows; each in random order and not empty.
        points: Coordinates of the same rows in the space of the distance.
        attributes: Attribute inference on these rows.
        seed: Seed of the guesses.
    """
    rng = np.random.default_rng([seed, 7])
    size = min(MAX_PREDICATES, tables[0].rows)
    if points[0].columns > 1:
        together = multivariate(*points, size, rng)
    else:
        together = None

    return GdprRisks(
        singling_out=_singling_out(univariate(*tables, size, rng), seed),
        singling_out_together=_singling_out(together, seed)
        if together
        else not_measured(Risk, "there is only one column"),
        linkability=linkability(*points, seed=seed),
        inference=inference(attributes, seed=seed),
    )


def make_risk(
    attack: Metric, control: Metric, naive: Metric, *, seed: int, column: str | None = None, tests: int = 1
) -> Risk:
    """The risk of two success rates that are available."""
    (r_attack, e_attack), (r_control, e_control) = (
        wilson((m.value or 0.0) * m.sample_size, m.sample_size) for m in (attack, control)
    )
    risk = (r_attack - r_control) / (1 - r_control)
    # The error of the ratio is propagated from the two half widths, to first order.
    half = float(np.hypot(e_attack / (1 - r_control), e_control * (1 - r_attack) / (1 - r_control) ** 2))
    excess = float(norm.sf((risk - TOLERABLE_RISK) * Z_95 / half))
    size = min(attack.sample_size, control.sample_size)

    return Risk(
        attack=attack,
        control=control,
        naive=naive,
        risk=measured(risk, size, seed=seed, std_error=half / Z_95, bounds=(risk - half, risk + half)),
        p_value=measured(min(1.0, excess * tests), size),
        column=column,
    )


def _singling_out(guesses: Guesses, seed: int) -> Risk:
    if len(guesses.train) < MIN_PREDICATES:
        found = f"{len(guesses.train)} predicates single out a synthetic row"
        return not_measured(Risk, f"only {found}, and it needs {MIN_PREDICATES}")
    attack, control, naive = (share(h, seed=seed) for h in (guesses.train, guesses.holdout, guesses.naive))
    return make_risk(attack, control, naive, seed=seed)


def linkability(train: Points, holdout: Points, synthetic: Points, *, seed: int) -> Risk:
    """Two halves of a person's columns are linked if a synthetic row is near both."""
    if train.columns < 2:
        return not_measured(Risk, "there is only one column")
    if synthetic.rows <= 2 * LINK_NEIGHBOURS:
        return not_measured(Risk, f"it needs more than {2 * LINK_NEIGHBOURS} synthetic rows")

    halves = _split_columns(synthetic)
    size = min(LINK_TARGETS, train.rows, holdout.rows)
    attack, control = (
        share(_find_linked(side.take(np.arange(size)), synthetic, halves), seed=seed) for side in (train, holdout)
    )
    none_in_common = hypergeom.pmf(0, synthetic.rows, LINK_NEIGHBOURS, LINK_NEIGHBOURS)

    return make_risk(attack, control, measured(float(1 - none_in_common), size), seed=seed)


def _split_columns(synthetic: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns dealt alternately, those with most values first, so that either half tells about as much."""
    values = [len(np.unique(c)) for c in (*synthetic.codes, *synthetic.quantiles)]
    order = np.argsort(-np.array(values), kind="stable")
    return order[0::2], order[1::2]


def _find_linked(targets: Points, synthetic: Points, halves: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Hits:
    linked = np.zeros(targets.rows, dtype=bool)
    step = max(1, CHUNK_BYTES // (4 * synthetic.rows))
    for start in range(0, targets.rows, step):
        rows = np.arange(start, min(start + step, targets.rows))
        one, other = (_find_closest(targets.take(rows), synthetic, half) for half in halves)
        linked[rows] = (one[:, :, None] == other[:, None, :]).any(axis=(1, 2))

    return linked


def _find_closest(targets: Points, synthetic: Points, columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """The LINK_NEIGHBOURS closest synthetic rows by these columns, (targets, LINK_NEIGHBOURS)."""
    total = total_differences(targets, synthetic, columns.tolist())
    return np.argpartition(total, LINK_NEIGHBOURS - 1, axis=1)[:, :LINK_NEIGHBOURS]


def inference(attributes: Attributes, *, seed: int) -> Risk:
    """The risk of the column whose advantage is most significant; its rates are those of `attributes`."""
    worst = attributes.worst
    if worst is None:
        return not_measured(Risk, attributes.reason or "no column can be attacked")
    tests = len(attributes.columns)
    return make_risk(worst.train, worst.holdout, worst.guess, seed=seed, column=worst.column, tests=tests)
