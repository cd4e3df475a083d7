"""Train the column model and write its weights.

    python -m recipes.train_columns --out ss_ray/pii/columns/column_weights.npz

First the held-out scores, as one JSON line: a model of the training locales and of all but every fifth header phrase
is judged on columns of other locales under those phrases, under meaningless headers, and without any. Then the
model that is written: all locales and phrases.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score
from sklearn.neural_network import MLPClassifier

from recipes.columns import HELD_OUT, LOCALES, Pools, gazetteer_texts, make_pools
from recipes.columns_plain import plain_column
from recipes.columns_vocabulary import vocabulary
from ss_ray.config.pii import Operator
from ss_ray.pii.columns import headers
from ss_ray.pii.columns.classify import classify_column
from ss_ray.pii.columns.column_model import NONE, ColumnModel
from ss_ray.pii.columns.features import (
    GAZETTEERS,
    Floats,
    Gazetteers,
    column_features,
    num_statistics,
    text_hash,
    value_features,
)
from ss_ray.pii.entities import BY_NAME, FREE_TEXT, UNKNOWN
from ss_ray.pii.text.detect import Detector

PLAIN_SHARE = 0.4
NUM_HIDDEN = 64
OUR_SHARE = 0.35
_TOLD_BY_WORDS = {
    "FIRST_NAME",
    "LAST_NAME",
    "PERSON",
    "STREET_ADDRESS",
    "ADDRESS",
    "CITY",
    "PHONE_NUMBER",
    "EMAIL_ADDRESS",
}
_NEUTRAL = "col field x value c var v feature attr column data_ f q attribute unnamed spalte".split()


@dataclass(frozen=True)
class Example:
    """A column to learn from: its class, its distinct values and the header it is shown with."""

    label: str
    values: list[str]
    header: str


def main() -> None:
    """Parse the command line, score, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=24_000)
    parser.add_argument("--pool-size", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-scores", action="store_true", help="write the model without the held-out evaluation")
    asked = parser.parse_args()
    if not asked.skip_scores:
        print(json.dumps(held_out_scores(asked.columns, asked.pool_size, asked.seed)), flush=True)

    pools = make_pools([*LOCALES, *HELD_OUT], asked.pool_size, asked.seed)
    train(pools, phrases_of(lambda place: True), asked.columns, asked.seed).save(asked.out)


def held_out_scores(num_columns: int, pool_size: int, seed: int) -> dict[str, object]:
    """Macro F1, false alarms and calibration on columns of locales and under headers that training did not see."""
    unseen = phrases_of(lambda p: p % 5 == 4)
    unknown = frozenset("".join(phrase.split()) for found in unseen.values() for phrase in found)
    model = train(make_pools(LOCALES, pool_size, seed), phrases_of(lambda p: p % 5 != 4), num_columns, seed)
    model = replace(model, unknown_headers=unknown)
    others = make_pools(HELD_OUT, pool_size, seed + 1)
    scores: dict[str, object] = {}
    examples = list(make_examples(others, unseen, 3000, Random(seed + 2), header_share=1.0))
    scores["under_unseen_headers"] = _scores(model, examples)
    bare = [replace(example, header="") for example in examples]
    scores["without_header"] = _scores(model, bare)
    scores["decisions_under_unseen_headers"] = _decisions(model, examples)
    scores["decisions_without_header"] = _decisions(model, bare)

    return scores


def phrases_of(keep: Callable[[int], bool]) -> dict[str, list[str]]:
    """The header phrases of each type whose place in its list passes."""
    types = {*headers.SPECIFIC, *headers.AMBIGUOUS}
    found = {}
    for entity_type in types:
        specific, ambiguous = (
            headers.phrases(lexicon, entity_type) for lexicon in (headers.SPECIFIC, headers.AMBIGUOUS)
        )
        found[entity_type] = [phrase for place, phrase in enumerate((*specific, *ambiguous)) if keep(place)]

    return found


def train(pools: Pools, phrases: Mapping[str, Sequence[str]], num_columns: int, seed: int) -> ColumnModel:
    """A calibrated model of columns drawn from the pools."""
    started = time.monotonic()
    texts = gazetteer_texts(pools)
    gazetteers = Gazetteers(
        {name: np.unique(np.array([text_hash(text) for text in texts[name]], np.uint32)) for name in GAZETTEERS}
    )
    random = Random(seed)
    examples = list(make_examples(pools, phrases, num_columns, random))
    features = np.stack([_forgetful_features(example, gazetteers, random) for example in examples])
    size = num_statistics()
    mean = features[:, :size].mean(axis=0)
    scale = features[:, :size].std(axis=0) + 0.05
    features[:, :size] = np.clip((features[:, :size] - mean) / scale, -8, 8)
    labels = np.array([example.label for example in examples])
    print(f"{len(examples)} columns, {time.monotonic() - started:.0f} s", file=sys.stderr)
    cut = len(examples) * 9 // 10
    network = MLPClassifier(
        (NUM_HIDDEN,), alpha=3e-4, batch_size=256, learning_rate_init=1e-3, max_iter=14, random_state=seed
    )

    with warnings.catch_warnings():
        # That the number of passes is fixed.
        warnings.simplefilter("ignore")
        network.fit(features[:cut], labels[:cut])

    print(f"trained, {time.monotonic() - started:.0f} s", file=sys.stderr)
    model = ColumnModel(
        classes=tuple(network.classes_), mean=mean, scale=scale, temperature=1.0, gazetteers=gazetteers,
        hidden=(network.coefs_[0].astype(np.float32), network.intercepts_[0].astype(np.float32)),
        output=(network.coefs_[1].astype(np.float32), network.intercepts_[1].astype(np.float32)),
    )  # fmt: skip
    return replace(model, temperature=_temperature(network, features[cut:], labels[cut:]))


def make_examples(
    pools: Pools,
    phrases: Mapping[str, Sequence[str]],
    number: int,
    random: Random,
    header_share: float | None = None,
) -> Iterator[Example]:
    """Columns of all types in equal shares, and ordinary ones.

    `header_share` is the share under a header that names their type; otherwise 45 %, and the others are shown under
    none, a meaningless one, any word or, seldom, that of another type.
    """
    types = sorted(pools)
    for _ in range(number):
        size = int(2 ** random.uniform(1, 8))
        if random.random() < PLAIN_SHARE:
            header, values = plain_column(random, size)
            label = NONE
        else:
            label = random.choice(types)
            header = random.choice(phrases[label] or ["x"])
            values = _drawn(pools[label], size, random)

        header = _shown(header, phrases, random, 0.45 if header_share is None else header_share)
        values = list(dict.fromkeys(value.strip() for value in _noisy(values, random) if value.strip()))
        if values:
            yield Example(label, values, header)


def _drawn(pools: Mapping[str, list[str]], size: int, random: Random) -> list[str]:
    names = sorted(pools)
    ours = [name for name in names if name.startswith(("own ", "words "))]
    # Few pools beside those of the locales, but other forms.
    if ours and random.random() < OUR_SHARE:
        names = ours

    kind = random.random()
    if kind < 0.6:
        several = 1
    else:
        if kind < 0.8:
            several = random.randint(2, 5)
        else:
            several = len(names)

    chosen = random.sample(names, min(several, len(names)))
    drawn = [random.choice(pools[random.choice(chosen)]) for _ in range(size)]
    how = random.random()
    if how < 0.06:
        return [v.upper() for v in drawn]
    if how < 0.1:
        return [v.lower() for v in drawn]

    return drawn


def _noisy(values: list[str], random: Random) -> list[str]:
    """Now and then with a placeholder for missing values."""
    if random.random() < 0.15:
        return [*values, random.choice(("n/a", "unknown", "-", "none", "NULL", "?"))]
    return values


def _shown(header: str, phrases: Mapping[str, Sequence[str]], random: Random, share: float) -> str:
    kind = random.random()
    if kind < share:
        return _styled(header, random)

    rest = (kind - share) / (1 - share)
    if rest < 0.45:
        return ""
    # A word that says nothing about the type.
    if rest < 0.65:
        return _styled(" ".join(random.choices(vocabulary(), k=random.randint(1, 2))), random)
    if rest < 0.9:
        return random.choice(_NEUTRAL) + random.choice(("", "_", " ")) + random.choice(("", str(random.randint(0, 40))))

    return _styled(random.choice(phrases[random.choice(sorted(phrases))] or ["x"]), random)


def _styled(header: str, random: Random) -> str:
    words = header.replace("_", " ").split()
    if random.random() < 0.15 and len(words) < 3:
        words = [random.choice(headers.ROLES.split()), *words]

    style = random.randrange(6)
    capitalised = [word.capitalize() for word in words]
    styled = (
        "_".join(words),
        "".join(capitalised),
        " ".join(capitalised),
        "".join(words),
        "_".join(words).upper(),
        words[0] + "".join(capitalised[1:]),
    )[style]

    return styled + (random.choice(("_1", "2", "_")) if random.random() < 0.08 else "")


def _forgetful_features(example: Example, gazetteers: Gazetteers, random: Random) -> Floats:
    """Features as if a random share of the gazetteers' names were unknown."""
    forgetful = replace(gazetteers, forget=random.choice((0.0, random.random() * 0.95)), salt=random.getrandbits(32))
    words = "".join(headers.header_words(example.header))
    # Of the lexicon, so that parts of words count too.
    unknown = frozenset({words} if random.random() < 0.3 else ())
    return column_features(value_features(example.values, forgetful), example.header, unknown)


def _temperature(network: MLPClassifier, features: Floats, labels: npt.NDArray[np.str_]) -> float:
    """What the logits are divided by for the smallest log loss on columns that were not trained on."""
    logits = np.log(np.clip(network.predict_proba(features), 1e-12, 1))
    places = np.searchsorted(network.classes_, labels)

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        chosen = scaled[np.arange(len(places)), places]
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - chosen))

    return float(minimize_scalar(loss, bounds=(0.3, 5), method="bounded").x)


def _scores(model: ColumnModel, examples: Sequence[Example]) -> dict[str, object]:
    probabilities = [model.probabilities(model.read(example.values), example.header) for example in examples]
    found = [max(p, key=p.__getitem__) for p in probabilities]
    sure = np.array([max(p.values()) for p in probabilities])
    right = np.array([label == example.label for label, example in zip(found, examples, strict=True)])
    ordinary = [label for label, example in zip(found, examples, strict=True) if example.label == NONE]
    labels = [example.label for example in examples]
    by_type = {
        name: round(float(np.mean([r for r, label in zip(right, labels, strict=True) if label == name])), 2)
        for name in sorted(set(labels))
    }
    confused = Counter((label, f) for label, f in zip(labels, found, strict=True) if label != f)

    return {
        "columns": len(examples),
        "accuracy": round(float(right.mean()), 3),
        "macro_f1": round(float(f1_score(labels, found, average="macro", labels=sorted(set(labels)))), 3),
        "false_alarm_rate": round(float(np.mean([label != NONE for label in ordinary])), 4),
        "false_alarm_rate_at_0.9": round(
            float(
                np.mean(
                    [f != NONE and s >= 0.9 for f, s, label in zip(found, sure, labels, strict=True) if label == NONE]
                )
            ),
            4,
        ),
        "calibration_error": round(_calibration_error(sure, right), 3),
        "recall": by_type,
        "confused": [f"{a} as {b}: {n}" for (a, b), n in confused.most_common(25)],
    }


def _decisions(model: ColumnModel, examples: Sequence[Example]) -> dict[str, object]:
    """What `classify_column` makes of it with its rules and thresholds, but without a detector's findings."""
    detector = Detector(entities=(), ner_model=None)
    typings = [classify_column(x.header, x.values, detector, model=model) for x in examples]
    found = [typing.entity_type if typing else NONE for typing in typings]
    ordinary = [f for f, example in zip(found, examples, strict=True) if example.label == NONE]
    personal = [(f, example.label) for f, example in zip(found, examples, strict=True) if example.label != NONE]

    return {
        "typed_rightly": round(float(np.mean([f == label for f, label in personal])), 3),
        "names_and_places_typed_rightly": round(
            float(np.mean([f == x for f, x in personal if x in _TOLD_BY_WORDS])), 3
        ),
        "typed_as_another": round(
            float(np.mean([f not in {label, NONE, UNKNOWN, FREE_TEXT} for f, label in personal])), 3
        ),
        "hidden_or_searched": round(float(np.mean([f in {UNKNOWN, FREE_TEXT} for f, _ in personal])), 3),
        "ordinary_replaced": round(float(np.mean([_is_replaced(f) for f in ordinary])), 4),
        "alarms": Counter(f for f in ordinary if _is_replaced(f)).most_common(10),
        "as_another": [
            f"{b} as {a}: {n}"
            for (a, b), n in Counter((f, x) for f, x in personal if f not in {x, NONE}).most_common(15)
        ],
    }


def _is_replaced(entity_type: str) -> bool:
    return entity_type not in {NONE, FREE_TEXT} and BY_NAME[entity_type].operator is not Operator.KEEP


def _calibration_error(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error in 10 equal bins of confidence."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(sum(abs(sure[bins == b].mean() - right[bins == b].mean()) * np.mean(bins == b) for b in set(bins)))


if __name__ == "__main__":
    main()
