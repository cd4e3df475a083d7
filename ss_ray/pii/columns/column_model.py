"""The trained column model: features -> probabilities of the entity types, and of none.

One hidden layer, its weights in `column_weights.npz` beside this file as plain arrays: no pickle, and no version of
scikit-learn to match. `recipes/COLUMNS.md` says how it was trained and how good it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ss_ray.pii.columns.features import GAZETTEERS, Floats, Gazetteers, ValueFeatures, column_features, value_features

NONE = "NONE"
"""Class of ordinary columns."""
WEIGHTS = Path(__file__).with_name("column_weights.npz")


@dataclass(frozen=True)
class ColumnModel:
    """A network with one hidden layer, and the gazetteers of its features.

    Attributes:
        classes: Entity types and NONE, in the order of the outputs.
        mean: (num_statistics,) subtracted from the first features.
        scale: (num_statistics,) that they are divided by.
        hidden: (num_features, num_hidden) weights and (num_hidden,) biases.
        output: (num_hidden, num_classes) weights and (num_classes,) biases.
        temperature: Divisor of the outputs that makes the probabilities calibrated.
        gazetteers: Gazetteers of first names, last names and places.
        unknown_headers: Phrases that the lexicon of headers shall not know; empty but in held-out evaluation.
    """

    classes: tuple[str, ...]
    mean: Floats
    scale: Floats
    hidden: tuple[Floats, Floats]
    output: tuple[Floats, Floats]
    temperature: float
    gazetteers: Gazetteers
    unknown_headers: frozenset[str] = frozenset()

    def read(self, values: Sequence[str]) -> ValueFeatures:
        """Features of a column's distinct values for `probabilities`; the costly half of the work."""
        return value_features(values, self.gazetteers)

    def probabilities(self, values: ValueFeatures, header: str) -> dict[str, float]:
        """Probability of each class for a column; header "" ignores the header."""
        features = column_features(values, header, self.unknown_headers)
        size = len(self.mean)
        features[:size] = np.clip((features[:size] - self.mean) / self.scale, -8, 8)
        activations = np.maximum(features @ self.hidden[0] + self.hidden[1], 0)
        logits = (activations @ self.output[0] + self.output[1]) / self.temperature
        exponentials = np.exp(logits - logits.max())

        return dict(zip(self.classes, (exponentials / exponentials.sum()).tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Write the arrays; weights lose half of their digits, which no probability shows."""
        arrays: Mapping[str, npt.NDArray[Any]] = {
            "classes": np.array(self.classes),
            "mean": self.mean,
            "scale": self.scale,
            "hidden": self.hidden[0].astype(np.float16),
            "hidden_bias": self.hidden[1],
            "output": self.output[0].astype(np.float16),
            "output_bias": self.output[1],
            "temperature": np.array(self.temperature, np.float32),
            **{f"gazetteer_{name}": self.gazetteers.hashes[name] for name in GAZETTEERS},
        }
        np.savez_compressed(path, allow_pickle=False, **arrays)


@cache
def load_column_model(path: Path = WEIGHTS) -> ColumnModel:
    """The model in a file; the packaged model without a file."""
    with np.load(path, allow_pickle=False) as arrays:
        return ColumnModel(
            classes=tuple(str(name) for name in arrays["classes"]),
            mean=arrays["mean"],
            scale=arrays["scale"],
            hidden=(arrays["hidden"].astype(np.float32), arrays["hidden_bias"]),
            output=(arrays["output"].astype(np.float32), arrays["output_bias"]),
            temperature=float(arrays["temperature"]),
            gazetteers=Gazetteers({name: arrays[f"gazetteer_{name}"] for name in GAZETTEERS}),
        )
