"""Fidelity of the texts of a column: their structure, their vocabulary and their subjects.

All comparisons are of equally many texts, missing ones left out, and stand beside the same number for the holdout. The
two distances of NeMo (structure, semantic) are its formulas; its default embedding is not ours, see `text_embedding`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ss_ray.evaluation.columns import labels
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric, measured, not_measured, unavailable
from ss_ray.evaluation.models import auc_std_error, roc_auc
from ss_ray.evaluation.quality.text_embedding import Embed, fit_embedding
from ss_ray.evaluation.quality.text_semantic import semantic_similarity
from ss_ray.evaluation.quality.text_structure import (
    MAX_CHARACTERS,
    length_distance,
    structure_distance,
    text_shapes,
    words,
)

MAX_TEXTS = 2000
"""Most texts of each table."""
MIN_TEXTS = 20
"""Texts of each table below which nothing is compared."""
SEMANTIC_TEXTS = 200
"""Texts of each table below which meanings are not compared. Source: NeMo Safe Synthesizer."""
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class TextSimilarity:
    """Similarity of the texts of one table to the training texts.

    Attributes:
        structure: Mean Jensen-Shannon distance (base 2) of sentences per text, words per sentence and characters per
            word, 0 (same) to 1 (disjoint).
        semantic: exp(-over) exp(-under), 0.14 to 1 (best): `over` is how much closer the texts are to training texts
            than these are to each other, `under` how much further from holdout texts than these are from each other,
            each a one-sided Kolmogorov-Smirnov statistic of the largest cosines.
        lengths: Jensen-Shannon distance of the lengths in characters.
        vocabulary: Distinct words of both sides as a share of those of either, 0 to 1.
        duplicates: Share of texts that occur before in their table.
        discriminator: AUC of a linear classifier of embeddings that tells these texts from unseen real ones (training
            ones for the holdout, and where there is no holdout); 0.5 is best.
    """

    structure: Metric
    semantic: Metric
    lengths: Metric
    vocabulary: Metric
    duplicates: Metric
    discriminator: Metric


@dataclass(frozen=True, kw_only=True)
class TextFidelity:
    """Fidelity of one text column.

    Attributes:
        column: Name of the text column.
        embedding: Model behind `semantic` and `discriminator`; None is latent semantic analysis of all texts.
        synthetic: Synthetic against training texts.
        baseline: Holdout against training texts. Its `semantic` takes one half of the holdout for the other table.
        train_duplicates: Share of the training texts that occur before.
    """

    column: str
    embedding: str | None
    synthetic: TextSimilarity
    baseline: TextSimilarity
    train_duplicates: Metric


def evaluate_text(
    tables: EvaluationTables,
    column: str,
    *,
    embedding: str | None,
    no_holdout: str,
    seed: int,
) -> TextFidelity:
    """Compare the texts of one column in all tables.

    Args:
        tables: Real and generated rows; the others are compared with the training rows.
        column: Name of the column.
        embedding: sentence-transformers model, a folder or an id; None is latent semantic analysis.
        no_holdout: Why there is no holdout, in words.
        seed: Seed of sampling, embedding and folds.

    Raises:
        ResourceError: The embedding model or its package is not there.
    """
    train, holdout, synthetic = tables.column(column)
    series = [values for values in (train, synthetic, holdout) if values is not None]
    drawn = _draw_equally([present_texts(values) for values in series], seed=seed)
    # Fitted on one side, it would know that side better.
    every = [text for texts in drawn for text in texts]
    if len(drawn[0]) >= MIN_TEXTS:
        embed = fit_embedding(every, embedding, seed=seed)
    else:
        embed = None

    real, made, *rest = [Texts(texts=texts, vectors=_embed_texts(texts, embed)) for texts in drawn]
    unseen = rest[0] if rest else None
    if unseen is None:
        meaning = unavailable(no_holdout)
        baseline = not_measured(TextSimilarity, no_holdout)
    else:
        meaning = _compare_semantics(real, made, unseen)
        baseline = _compare_texts(real, unseen, real, _compare_holdout_halves(real, unseen), seed=seed)

    return TextFidelity(
        column=column,
        embedding=embedding,
        synthetic=_compare_texts(real, made, unseen if unseen and unseen.enough else real, meaning, seed=seed),
        baseline=baseline,
        train_duplicates=_measure_duplicates(real, seed),
    )


def no_text_fidelity(column: str, reason: str) -> TextFidelity:
    """A column without any number."""
    none = not_measured(TextSimilarity, reason)
    return TextFidelity(
        column=column, embedding=None, synthetic=none, baseline=none, train_duplicates=unavailable(reason)
    )


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Texts of one table, and their embeddings, (texts, dimensions); None without an embedding."""

    texts: list[str]
    vectors: NDArray[np.float64] | None

    @property
    def enough(self) -> bool:
        """Whether they can be compared."""
        return len(self.texts) >= MIN_TEXTS

    def take(self, rows: slice) -> Texts:
        """A subset of the texts."""
        return Texts(texts=self.texts[rows], vectors=None if self.vectors is None else self.vectors[rows])


def present_texts(series: pd.Series) -> list[str]:
    """The texts that are not missing."""
    return [str(text) for text in labels(series.dropna())]


def _draw_equally(texts: list[list[str]], *, seed: int) -> list[list[str]]:
    """Equally many texts of each table, but of those that have too few to compare."""
    size = min([MAX_TEXTS, *(len(part) for part in texts if len(part) >= MIN_TEXTS)])
    rng = np.random.default_rng([seed, 22])
    return [[part[i] for i in rng.permutation(len(part))[:size]] for part in texts]


def _embed_texts(texts: list[str], embed: Embed | None) -> NDArray[np.float64] | None:
    if embed is not None and texts:
        return embed(texts)
    return None


def _compare_texts(train: Texts, other: Texts, unseen: Texts, semantic: Metric, *, seed: int) -> TextSimilarity:
    """All measures of one table's texts; the discriminator tells them from the unseen texts."""
    if not (train.enough and other.enough):
        found = f"training {len(train.texts)}, the other {len(other.texts)}"
        return not_measured(TextSimilarity, f"it needs {MIN_TEXTS} texts of each table; there are: {found}")

    size = min(len(train.texts), len(other.texts))
    x = text_shapes(train.texts)
    y = text_shapes(other.texts)

    return TextSimilarity(
        structure=measured(structure_distance(x, y), size, seed=seed),
        semantic=semantic,
        lengths=measured(length_distance(x, y), size, seed=seed),
        vocabulary=_compare_vocabulary(train, other, seed),
        duplicates=_measure_duplicates(other, seed),
        discriminator=_discriminate_texts(unseen, other, seed=seed),
    )


def _compare_semantics(train: Texts, other: Texts, holdout: Texts) -> Metric:
    if train.vectors is None:
        return unavailable("the training texts have no words to compare meanings by")

    size = min(len(train.texts), len(other.texts), len(holdout.texts))
    if size < SEMANTIC_TEXTS or other.vectors is None or holdout.vectors is None:
        found = f"training {len(train.texts)}, the other {len(other.texts)}, holdout {len(holdout.texts)}"
        return unavailable(f"it needs {SEMANTIC_TEXTS} texts of each table; there are: {found}")

    return measured(semantic_similarity(train.vectors, other.vectors, holdout.vectors), size)


def _compare_holdout_halves(train: Texts, holdout: Texts) -> Metric:
    """Score of a fresh real sample: one half of the holdout in place of the synthetic texts."""
    return _compare_semantics(train, holdout.take(slice(0, None, 2)), holdout.take(slice(1, None, 2)))


def _compare_vocabulary(train: Texts, other: Texts, seed: int) -> Metric:
    x, y = ({word for text in part.texts for word in words(text[:MAX_CHARACTERS])} for part in (train, other))
    if not x | y:
        return unavailable("there are no words")
    return measured(len(x & y) / len(x | y), min(len(train.texts), len(other.texts)), seed=seed)


def _measure_duplicates(part: Texts, seed: int) -> Metric:
    if not part.texts:
        return unavailable("there are no texts")
    share = 1.0 - len(set(part.texts)) / len(part.texts)
    return measured(share, len(part.texts), seed=seed)


def _discriminate_texts(real: Texts, other: Texts, *, seed: int) -> Metric:
    """AUC of a classifier between the texts and real texts, out of fold."""
    if real.vectors is None or other.vectors is None:
        return unavailable("the training texts have no words to tell texts by")

    size = min(len(real.texts), len(other.texts))
    features = np.vstack([real.vectors[:size], other.vectors[:size]])
    spread = features.std(axis=0)
    sides = np.repeat([0, 1], size)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=200)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    scores = cross_val_predict(model, scaled, sides, cv=folds, method="decision_function")
    auc = roc_auc(sides == 1, scores)

    return measured(auc, size, seed=seed, std_error=auc_std_error(auc, size, size))
