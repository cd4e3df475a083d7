"""Trains the NER pipeline that ships with the package, from made sentences alone.

    python -m recipes.train_ner --out ss_ray/pii/text/ner_model

Needs the extra `recipes`. Same seed, same libraries, same machine type: the same weights. Prints one JSON line with
the recall and precision on held-out templates with names of another draw.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from thinc.api import Adam, Model, fix_random_seed, set_dropout_rate

from recipes.documents import Document
from recipes.labelled_sets import read_set
from recipes.sentences import documents
from recipes.sentences_real import real_documents
from recipes.sentences_slots import make_stock
from ss_ray.pii.text.ner import COMPONENT, LISTS_COLUMN, EntityTagger, Floats, Keys, keys, read, tokens, with_matmul

LABELS = (
    "PERSON", "LOCATION", "STREET_ADDRESS", "POSTCODE", "ORGANIZATION", "NRP", "TITLE", "JOB_TITLE", "AGE", "DATE_TIME",
    "PHONE_NUMBER",
)  # fmt: skip
MODEL = {
    "@architectures": "ss_ray.EntityTagger.v2",
    "pieces": 2, "rows": [36000, 4000, 7000, 1500, 200], "labels": list(LABELS),
}  # fmt: skip
Tags = NDArray[np.int64]
BATCH = 48
REAL = 0.45
"""Share of the documents that people wrote."""
OPEN, UNKNOWN = -1, -2
"""Tags of tokens: none of the labels that the annotators looked for; nobody looked."""
_LOOKED_FOR = {2 * LABELS.index(label) + k for label in ("PERSON", "LOCATION", "ORGANIZATION") for k in (1, 2)}
IS_OPEN = np.array([float(tag not in _LOOKED_FOR) for tag in range(1 + 2 * len(LABELS))])
"""1 for each tag that an OPEN token may have: (tags,)."""
# Annotators disagree on what a hashtag or the name of an account is.
_UNLABELLED = re.compile(r"[@#]\w+|https?://\S+")
TRAINING_SETS = ("wnut17-train", "btc-train", "gum-train", "goemotions-train")
UNSURE = "UNSURE"
"""Label of spans that may be names: their tokens are UNKNOWN."""
FORGOTTEN = 0.1
"""Share of the words whose lists are forgotten, so that the network does not rely on them."""
OUTSIDE_BIAS = 1.25  # recall matters more than precision: what is missed is published


def blank_pipeline(width: int, depth: int) -> Language:
    """An untrained pipeline."""
    nlp = spacy.blank("en")
    model = {**MODEL, "width": width, "depth": depth}
    nlp.add_pipe(COMPONENT, config={"model": model, "labels": list(LABELS), "outside_bias": OUTSIDE_BIAS})
    nlp.initialize()
    return nlp


def tagged(document: Document) -> tuple[Keys, Tags]:
    """The tokens and the tag of each; a token that reaches beyond a span belongs to it.

    In a partial document a token outside of the spans is OPEN, and UNKNOWN where nobody said what it is.
    """
    places = tokens(document.text)
    ends = [end for _, end in places]
    tags = np.full(len(places), OPEN if document.is_partial else 0, dtype=np.int64)

    for start, end, label in document.spans:
        first = bisect_right(ends, start)
        last = next((at for at in range(first, len(places)) if places[at][0] >= end), len(places))
        if label in LABELS:
            tags[first:last] = 2 * LABELS.index(label) + 2
            tags[first : first + 1] -= 1

    if document.is_partial:
        for match in _UNLABELLED.finditer(document.text):
            tags[bisect_right(ends, match.start()) : bisect_left(ends, match.end()) + 1] = UNKNOWN

    for start, end, label in document.spans:
        if label == UNSURE:
            tags[bisect_right(ends, start) : bisect_left(ends, end) + 1] = UNKNOWN

    return keys(document.text, places), tags


def forget_lists(words: Keys, rng: random.Random) -> Keys:
    """The keys, some of which say that no list holds their word."""
    words[[rng.random() < FORGOTTEN for _ in words], LISTS_COLUMN] = 0
    return words


def mixed(made: Iterator[Document], real: Iterator[Document], rng: random.Random) -> Iterator[Document]:
    """Endless documents, REAL of them real ones."""
    while True:
        yield next(real if rng.random() < REAL else made)


def train(nlp: Language, source: Iterator[Document], minutes: float, steps: int, rng: random.Random) -> None:
    """Adam with a rate that rises for 200 steps and falls to zero at the last step or minute, whichever is first."""
    tagger = _tagger(nlp)
    optimizer = Adam(learn_rate=0.002, L2=1e-5, grad_clip=1.0, use_averages=True)
    set_dropout_rate(tagger.model, 0.1)
    started = time.monotonic()
    losses = 0.0

    for step in range(steps):
        progress = max(step / steps, (time.monotonic() - started) / (minutes * 60))
        if progress >= 1:
            break

        optimizer.learn_rate = 0.002 * min(1.0, (step + 1) / 200) * (1 - progress)
        words, tags = zip(*(tagged(document) for document in islice(source, BATCH)), strict=True)
        scores, backward = tagger.model.begin_update([forget_lists(its, rng) for its in words])
        gradients = [_gradient(s, t) for s, t in zip(scores, tags, strict=True)]
        losses += sum(loss for loss, _ in gradients) / sum(map(len, tags))
        total = np.float32(sum(map(len, tags)))
        backward([gradient / total * 16 for _, gradient in gradients])
        tagger.model.finish_update(optimizer)
        if (step + 1) % 500 == 0:
            print(f"step {step + 1}: loss {losses / 500:.4f}, {time.monotonic() - started:.0f} s", flush=True)
            losses = 0.0

    tagger.model.use_params(optimizer.averages).__enter__()


def _tagger(nlp: Language) -> EntityTagger:
    return cast("EntityTagger", nlp.get_pipe(COMPONENT))


def _gradient(scores: Floats, tags: Tags) -> tuple[float, Floats]:
    """Cross entropy and its gradient.

    An OPEN token may have any tag that the annotators did not look for, so the sum of their probabilities counts. An
    UNKNOWN token has no loss.
    """
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely = exponents / exponents.sum(axis=1, keepdims=True)
    allowed = np.where((tags == OPEN)[:, None], IS_OPEN, 1.0)
    known = np.flatnonzero(tags >= 0)
    allowed[known] = 0
    allowed[known, tags[known]] = 1

    wanted = likely * allowed
    share = wanted.sum(axis=1, keepdims=True) + 1e-9
    return float(-np.log(share).sum()), (likely - wanted / share).astype(np.float32)


def evaluate(nlp: Language, made: list[Document]) -> dict[str, list[float]]:
    """Recall and precision by label, a span counting as found where one of its label overlaps it."""
    counts: Counter[tuple[str, str]] = Counter()
    found = read(nlp, [document.text for document in made], BATCH)
    for document, its in zip(made, found, strict=True):
        predicted = [(start, end, label) for start, end, label, _ in its]
        for name, ours, theirs in (("recall", document.spans, predicted), ("precision", predicted, document.spans)):
            for start, end, label in ours:
                hit = any(s < end and start < e and other == label for s, e, other in theirs)
                counts.update([(name, label), (f"{name} hit", label)] if hit else [(name, label)])

    return {
        label: [round(counts[f"{n} hit", label] / max(1, counts[n, label]), 3) for n in ("recall", "precision")]
        for label in LABELS
    }


def start_from(nlp: Language, trained: Language) -> None:
    """Copy the weights of a trained pipeline; the weights of inputs that it does not have become zero."""
    ours, theirs = (_layers_by_name(pipeline) for pipeline in (nlp, trained))
    for name, layers in theirs.items():
        for layer, other in zip(ours[name], layers, strict=False):
            for param in other.param_names:
                weights = other.get_param(param)
                padded = np.zeros_like(layer.get_param(param))
                padded[tuple(map(slice, weights.shape))] = weights
                layer.set_param(param, padded)


def _layers_by_name(nlp: Language) -> dict[str, list[Model[Any, Any]]]:
    """Layers with weights, in the order of the network."""
    layers: dict[str, list[Model[Any, Any]]] = {}
    for layer in _tagger(nlp).model.walk():
        if layer.param_names:
            layers.setdefault(layer.name, []).append(layer)
    return layers


def save(nlp: Language, fresh: Language, out: Path) -> None:
    """Weights, tokenizer and configuration; of the vocabulary nothing, since features are hashes of characters."""
    _tagger(fresh).model.from_bytes(_tagger(nlp).model.to_bytes())
    fresh.meta.update(
        name="ss_ray_pii", version="1.0.0", description="Personal data in English text", license="Apache-2.0"
    )
    fresh.to_disk(out)


def main() -> None:
    """Trains, evaluates and writes the pipeline."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="local copies of the public texts")
    parser.add_argument("--start", type=Path, help="pipeline whose weights training starts from; else random ones")
    parser.add_argument("--steps", type=int, default=9500)
    parser.add_argument("--minutes", type=float, default=25.0, help="stop early; costs reproducibility")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    fix_random_seed(chosen.seed)
    started = time.monotonic()
    nlp = with_matmul(blank_pipeline(chosen.width, chosen.depth))
    if chosen.start:
        start_from(nlp, spacy.load(chosen.start))
    rng = random.Random(chosen.seed)
    stock = make_stock(chosen.seed)
    real = [read_set(name, chosen.folder) for name in TRAINING_SETS]
    source = mixed(documents(stock, rng), real_documents(real, stock, rng), rng)
    train(nlp, source, chosen.minutes, chosen.steps, rng)
    held_out = list(islice(documents(make_stock(chosen.seed + 1), random.Random(chosen.seed + 1), held_out=True), 3000))
    save(nlp, blank_pipeline(chosen.width, chosen.depth), chosen.out)
    size = sum(path.stat().st_size for path in chosen.out.rglob("*") if path.is_file())
    report = {"seconds": round(time.monotonic() - started), "bytes": size, "held_out": evaluate(nlp, held_out)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
