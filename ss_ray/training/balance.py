"""Texts that are like real ones on the whole: of several versions of each text one is chosen.

    balance = fit_balance("review", real_texts)
    balance.choose([["Soft and warm.", "Soft and odd."], ["Runs small.", "Small runs it."]], seed=[1])

A language model that learned from few texts writes some words and turns of phrase too often and others too seldom. How
often each feature occurs in real texts is known; of the versions of each text the one is drawn that brings the
frequencies nearer to these. Weights that do so with as little change as possible are exponential in the features
(entropy balancing, Hainmueller 2012, doi:10.1093/pan/mpr025). Nothing is written anew, and no real text is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ss_ray.location import Location
from ss_ray.training.arrays import load_named_arrays, save_named_arrays
from ss_ray.training.text_features import TextFeatures, fit_features

BALANCE_FILE = "balance.npz"
MIN_TEXTS = 100
"""Texts of which frequencies are told: those of fewer do not hold for others."""
MAX_TEXTS = 20_000
"""Texts that are looked at."""
RIDGE = 1.0
"""How strongly weights of features are drawn to 0, against noise in the frequencies of few versions."""
SHARPNESS = 2.0
"""Exponent of the weights: few versions are to choose from, which weights made for many would change too little."""
MAX_ITERATIONS = 60


@dataclass(frozen=True, kw_only=True)
class TextBalance:
    """How often each feature occurs in the texts of a column.

    Attributes:
        name: Name of the column.
        features: Features that are looked at.
        means: (features,) float64 mean of each feature over real texts.
        scales: (features,) float64 root mean square of each feature over real texts, above 0.
    """

    name: str
    features: TextFeatures
    means: NDArray[np.float64]
    scales: NDArray[np.float64]

    def choose(self, versions: Sequence[Sequence[str]], seed: Sequence[int]) -> list[int]:
        """The number of the version that is chosen of each text.

        Args:
            versions: Versions of each text, equally many of each.
            seed: Numbers that the choice follows from.
        """
        if not versions or len(versions[0]) == 1:
            return [0] * len(versions)

        from scipy.sparse import diags

        texts = [version for text in versions for version in text]
        scores = _weigh_texts(self.features.measure(texts) @ diags(1 / self.scales), self.means / self.scales)
        noise = np.random.default_rng(list(seed)).gumbel(size=(len(versions), len(versions[0])))
        # A draw by weights that are exponential in the scores.
        chosen: list[int] = (SHARPNESS * scores.reshape(noise.shape) + noise).argmax(axis=1).tolist()
        return chosen


def _weigh_texts(measured: Any, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(texts,) logarithms of the weights with which the texts' features have these means.

    Args:
        measured: (texts, features) sparse features.
        means: (features,) means that are wanted.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp, softmax

    def lack(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = measured @ weights
        reached = measured.T @ softmax(scores)
        value = logsumexp(scores) - means @ weights + RIDGE / 2 * weights @ weights
        return float(value), reached - means + RIDGE * weights

    found = minimize(lack, np.zeros(len(means)), jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    scores: NDArray[np.float64] = measured @ found.x
    return scores


def fit_balance(name: str, texts: Sequence[str]) -> TextBalance | None:
    """The frequencies in the texts of a column, '' left out; None where they are few, or have nothing in common."""
    texts = list(filter(None, texts))[:MAX_TEXTS]
    if len(texts) < MIN_TEXTS:
        return None

    fitted = fit_features(texts)
    if fitted is None:
        return None

    features, measured = fitted
    return TextBalance(
        name=name,
        features=features,
        means=np.asarray(measured.mean(axis=0)).reshape(-1),
        scales=np.sqrt(np.asarray(measured.power(2).mean(axis=0)).reshape(-1)),
    )


def save_balances(balances: Sequence[TextBalance], file: Location) -> None:
    """Write the frequencies of several columns into one file."""
    arrays = {
        f"{part}{place}": array
        for place, balance in enumerate(balances)
        for part, array in (
            ("kept", balance.features.kept),
            ("weights", balance.features.weights),
            ("means", balance.means),
            ("scales", balance.scales),
        )
    }
    save_named_arrays([balance.name for balance in balances], arrays, file)


def load_balances(file: Location) -> dict[str, TextBalance]:
    """The frequencies of each column; none where there is no file."""
    if not file.exists():
        return {}

    names, arrays = load_named_arrays(file)
    return {
        name: TextBalance(
            name=name,
            features=TextFeatures(kept=arrays[f"kept{place}"], weights=arrays[f"weights{place}"]),
            means=arrays[f"means{place}"],
            scales=arrays[f"scales{place}"],
        )
        for place, name in enumerate(names)
    }
