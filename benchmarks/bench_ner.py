"""Recall and precision of the detector on labelled sentences, and its speed. Prints one JSON line.

    python benchmarks/bench_ner.py --data sentences.jsonl

The file has one JSON object a line: text, spans [{start, end, label}], template_id. A span is found where a finding of
the right type overlaps it, and a finding is right where a span of its type does. Labels are presidio-research's:

    GPE = LOCATION, ZIP_CODE = POSTCODE, DOMAIN_NAME = URL, US_DRIVER_LICENSE = LICENSE, TITLE = TITLE or JOB_TITLE,
    DATE_TIME = DATE_TIME or DATE_OF_BIRTH; the others by name.

Addresses are labelled as a whole in some sentences and in parts in others, and the detector finds parts: street and
unit, town, postcode. So a town or postcode inside of a labelled address is right, but does not count as having found
the address; a part that holds nothing but a postcode is found by a POSTCODE; a ZIP_CODE is found by an address over it.

Templates with even ids may be looked at while developing; the odd ones are for the figure alone.

    --prose reviews.csv:text --prose events.csv:reason,notes

counts what the model finds in text columns: per 1,000 words, in the first half of the rows (which may be looked at) and
in the second. Where the columns hold next to no names or places, these are false alarms.

A span is gone if findings of any type cover its letters and digits. `--labels PERSON,LOCATION` names the labels that a
file has wherever they apply, where it has not all of them: findings of other types are neither right nor wrong. F1 and
F2 come with 95 % intervals from 1,000 bootstrap samples of the texts. `recipes/labelled_sets.py` makes such files of
public sets.

Keys: notes_per_second, ours, presidio_alone, alarms; the last one with --prose.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from smoke import arguments_of

from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.ner_engines import load_engine

# Label -> types that find it.
RIGHT_FOR = {
    "GPE": {"LOCATION", "CITY", "STATE", "COUNTRY"},
    "ZIP_CODE": {"POSTCODE", "STREET_ADDRESS"},
    "DOMAIN_NAME": {"URL"},
    "US_DRIVER_LICENSE": {"LICENSE"},
    "TITLE": {"TITLE", "JOB_TITLE"},
    "DATE_TIME": {"DATE_TIME", "DATE_OF_BIRTH"},
    "PHONE_NUMBER": {"PHONE_NUMBER", "FAX_NUMBER"},
    "USERNAME": {"USERNAME", "PERSON"},
}
BY_MODEL = {"PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE", "JOB_TITLE", "STREET_ADDRESS"}
INSIDE_ADDRESS = {"LOCATION", "POSTCODE"}
PRESIDIO_NAMES = {"US_DRIVER_LICENSE": "LICENSE"}

Span = tuple[int, int, str]
Find = Callable[[list[str]], list[list[Span]]]


def right_for(label: str, text: str) -> set[str]:
    """Types that find a labelled span."""
    types = RIGHT_FOR.get(label, {label})
    if label == "STREET_ADDRESS" and re.fullmatch(r"[\w -]{3,10}", text) and sum(map(str.isdigit, text)) >= 3:
        if re.fullmatch(r"[A-Z]{0,2}[\d -]+[A-Z]{0,2}", text):
            return types | {"POSTCODE"}
        return types

    return types


def fits(kind: str, label: str, text: str) -> bool:
    """Whether a finding is right over a labelled span."""
    return kind in right_for(label, text) or (label == "STREET_ADDRESS" and kind in INSIDE_ADDRESS)


def scores(rows: list[dict[str, Any]], found_each: list[list[Span]], labels: Collection[str] = ()) -> dict[str, Any]:
    """Recall by label, precision by type, and both over all of them; F1 and F2 by label with their intervals.

    Args:
        rows: Labelled texts.
        found_each: Findings in each text.
        labels: Labels that the file has wherever they apply, so that findings of other types are neither right nor
            wrong; empty for all.
    """
    each = [_count_findings(row, found, labels) for row, found in zip(rows, found_each, strict=True)]
    total = sum(each, Counter[tuple[str, str]]())
    wanted, hit, gone, made, good = (_by_name(total, kind) for kind in ("wanted", "hit", "gone", "made", "good"))

    return {
        "recall": round(hit.total() / max(1, wanted.total()), 3),
        "precision": round(good.total() / max(1, made.total()), 3),
        "gone": round(gone.total() / max(1, wanted.total()), 3),
        "recall_by_label": {k: [round(hit[k] / wanted[k], 3), wanted[k]] for k in sorted(wanted)},
        "gone_by_label": {k: round(gone[k] / wanted[k], 3) for k in sorted(wanted)},
        "precision_by_type": {k: [round(good[k] / made[k], 3), made[k]] for k in sorted(made)},
        "f_by_label": {k: f_scores(each, k) for k in sorted(wanted)},
        "clean_texts_changed": _count_changed(rows, found_each, labels),
    }


def _count_findings(row: dict[str, Any], found: list[Span], labels: Collection[str]) -> Counter[tuple[str, str]]:
    """Numbers of a text: labelled spans by label, of these the found and the gone ones; findings by type, right ones.

    A span is gone if findings of any type cover all of its letters and digits.
    """
    counts = Counter[tuple[str, str]]()
    gold = [(s["start"], s["end"], s["label"], row["text"][s["start"] : s["end"]]) for s in row["spans"]]
    hidden = {place for start, end, _ in found for place in range(start, end)}

    for start, end, label, text in gold:
        is_hit = any(s < end and start < e and kind in right_for(label, text) for s, e, kind in found)
        is_gone = all(place in hidden for place in range(start, end) if row["text"][place].isalnum())
        counts.update([("wanted", label), *([("hit", label)] * is_hit), *([("gone", label)] * is_gone)])

    for start, end, kind in found:
        if not _is_judged(kind, labels):
            continue
        is_good = any(s < end and start < e and fits(kind, label, text) for s, e, label, text in gold)
        counts.update([("made", kind), *([("good", kind)] * is_good)])

    return counts


def _by_name(total: Counter[tuple[str, str]], wanted: str) -> Counter[str]:
    return Counter({name: count for (kind, name), count in total.items() if kind == wanted})


def f_scores(each: list[Counter[tuple[str, str]]], label: str, draws: int = 1000) -> dict[str, list[float]]:
    """F1 and F2 of a label, each with the ends of its 95 % interval from texts drawn again (bootstrap, fixed seed)."""
    kinds = sorted({kind for counts in each for _, kind in counts if fits(kind, label, "")})
    table = np.array(
        [
            [c["wanted", label], c["hit", label], *(sum(c[n, kind] for kind in kinds) for n in ("made", "good"))]
            for c in each
        ],
        dtype=np.float64,
    )
    weights = np.random.default_rng(0).multinomial(len(each), np.full(len(each), 1 / len(each)), draws)
    sums = np.vstack([table.sum(axis=0), weights @ table])
    recall = sums[:, 1] / np.maximum(sums[:, 0], 1)
    precision = sums[:, 3] / np.maximum(sums[:, 2], 1)

    scores = {}
    for name, square in (("f1", 1), ("f2", 4)):
        f = (1 + square) * precision * recall / np.maximum(square * precision + recall, 1e-9)
        scores[name] = [round(float(value), 3) for value in (f[0], *np.quantile(f[1:], (0.025, 0.975)))]

    return scores


def _count_changed(rows: list[dict[str, Any]], found_each: list[list[Span]], labels: Collection[str]) -> list[int]:
    """Number of texts without a labelled span in which something is found, and number of such texts."""
    clean = [found for row, found in zip(rows, found_each, strict=True) if not row["spans"]]
    return [sum(any(_is_judged(kind, labels) for _, _, kind in found) for found in clean), len(clean)]


def _is_judged(kind: str, labels: Collection[str]) -> bool:
    """Whether a finding of a type can be right or wrong where only some labels are known."""
    return not labels or any(fits(kind, label, "") for label in labels)


def ours(detector: Detector) -> Find:
    """The detector's findings."""

    def find(texts: list[str]) -> list[list[Span]]:
        found = detector.find_each(texts)
        return [[(f.start, f.end, f.entity_type) for f in found[text] or ()] for text in texts]

    return find


def presidio_alone() -> Find:
    """All of Presidio's own recognizers, without a model."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from tldextract import TLDExtract, tldextract

    # No network.
    tldextract.TLD_EXTRACTOR = TLDExtract(suffix_list_urls=(), cache_dir=None)

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    no_op = {"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": "no_op"}]}
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = NlpEngineProvider(nlp_configuration=no_op).create_engine()
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])

    def find(texts: list[str]) -> list[list[Span]]:
        each = [analyzer.analyze(text, "en", score_threshold=0.3) for text in texts]
        return [[(r.start, r.end, PRESIDIO_NAMES.get(r.entity_type, r.entity_type)) for r in found] for found in each]

    return find


def alarms(detector: Detector, source: str) -> dict[str, Any]:
    """Findings of the model by 1,000 words of FILE.csv:COLUMN,..., by half and type."""
    path, _, columns = source.rpartition(":")
    with Path(path).open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))

    report = {}
    for half, part in {"first": rows[: len(rows) // 2], "second": rows[len(rows) // 2 :]}.items():
        texts = [row[column] for row in part for column in columns.split(",") if row[column]]
        found = detector.find_each(texts)
        kinds = Counter(f.entity_type for text in texts for f in found[text] or () if f.entity_type in BY_MODEL)
        words = sum(len(text.split()) for text in texts)
        rates = {kind: round(1000 * count / words, 2) for kind, count in kinds.most_common()}
        report[half] = {"words": words, "per_1000_words": round(1000 * kinds.total() / words, 2), "by_type": rates}

    return report


def notes(rows: list[dict[str, Any]], count: int) -> list[str]:
    """Distinct notes of 15 to 20 words, made of the sentences' words."""
    words = " ".join(row["text"] for row in rows).split()
    step = len(words) / count
    return [" ".join(words[int(i * step) % (len(words) - 20) :][: 15 + i % 6]) for i in range(count)]


def speeds(texts: list[str]) -> dict[str, int]:
    """Notes a second of CPU time, of the model alone and of the whole detector."""
    engine = load_engine("builtin")
    detector = Detector()
    measured = {}

    for name, run in (("ner", engine.find_each), ("detector", detector.find_each)):
        run(texts[:200])
        best = min(_cpu_seconds(run, texts) for _ in range(3))
        measured[name] = round(len(texts) / best)

    return measured


def _cpu_seconds(run: Callable[[list[str]], Any], texts: list[str]) -> float:
    started = time.process_time()
    run(texts)
    return time.process_time() - started


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--ner-model", default="builtin")
    parser.add_argument("--labels", default="", help="labels that the file has wherever they apply; all unless given")
    parser.add_argument("--without-presidio", action="store_true", help="leave out the comparison")
    parser.add_argument("--prose", action="append", default=[], metavar="FILE.csv:COLUMN,...")
    parser.add_argument("--notes", type=int, default=4000, help="notes whose speed is measured")
    with arguments_of(parser, required=["--data"], smoke=smoke) as arguments:
        print(json.dumps(measure(arguments)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: two labelled sentences, one for each half, and a table of prose."""
    sentences = folder / "sentences.jsonl"
    with sentences.open("w", encoding="utf8") as file:
        for number, name in enumerate(["Maria Lopez", "John Miller"]):
            text = f"Please call {name} about the invoice before noon on Friday, and ask whether the knee is better."
            span = {"start": 12, "end": 12 + len(name), "label": "PERSON"}
            file.write(json.dumps({"text": text, "spans": [span], "template_id": number}) + "\n")

    prose = folder / "reviews.csv"
    prose.write_text("text\na soft fabric that fits well\nthe colour is darker than it looks\n", encoding="utf8")
    return {"data": sentences, "prose": [f"{prose}:text"], "notes": 20}


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Recall and precision by system, speeds, and false alarms."""
    rows = [json.loads(line) for line in chosen.data.read_text(encoding="utf8").splitlines()]
    labels = [label for label in chosen.labels.split(",") if label]
    systems = {"ours": ours(Detector(ner_model=chosen.ner_model))}
    if not chosen.without_presidio:
        systems["presidio_alone"] = presidio_alone()

    parts = {"even": [r for r in rows if r["template_id"] % 2 == 0], "odd": [r for r in rows if r["template_id"] % 2]}
    report: dict[str, Any] = {"notes_per_second": speeds(notes(rows, chosen.notes))}
    for name, find in systems.items():
        found = {part: find([row["text"] for row in subset]) for part, subset in parts.items()}
        report[name] = {part: scores(parts[part], found[part], labels) for part in parts}
        report[name]["all"] = scores([*parts["even"], *parts["odd"]], [*found["even"], *found["odd"]], labels)

    for source in chosen.prose:
        report.setdefault("alarms", {})[source] = alarms(Detector(ner_model=chosen.ner_model), source)

    return report


if __name__ == "__main__":
    main()
