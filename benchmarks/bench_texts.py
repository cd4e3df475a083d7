"""Synthetic texts beside real ones: bench_texts.py --data X.csv --text COLUMN --label COLUMN.

Trains the compact model in this process on some rows, and writes as many rows as the holdout has, without personal data
replaced. Prints one JSON line for the texts as they were written, one for the texts after they found their rows, and
one for real ones. With --peer a synthesizer of others does it (see `peers.py`). With --split FOLDER the script writes
train.csv and holdout.csv and ends, and with --judge FILE it judges a table that a run made from that train.csv:

    python benchmarks/bench_texts.py --data X.csv --text T --label L --split runs/texts
    ss-ray run --data runs/texts/train.csv --out runs/texts/run --csv --set replace_pii=null -n 1200
    python benchmarks/bench_texts.py --data X.csv --text T --label L --judge runs/texts/run/release/synthetic.csv

words, trigrams: share of words, and of runs of three words, that occur in real texts. copies: share of texts of 20
letters or more that stand in the training rows. discriminator: area under the ROC curve of TF-IDF and logistic
regression, real holdout against these texts. vectors: the same by the vectors of MiniLM, where the extra `text` is
installed. label: that of a classifier of the label by the text, trained on these texts and tested on the holdout; the
label needs two values.

Keys: texts, words, trigrams, copies, discriminator, vectors, label, train_cpu_s.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from bench_quality import train_in_process
from peers import ENVIRONMENTS, make_with_peer
from pyarrow import csv
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from smoke import arguments_of

from ss_ray.codec.prose import fit_prose_codec
from ss_ray.codec.words import text_columns
from ss_ray.config.files import parse_config
from ss_ray.demo import make_patients
from ss_ray.errors import ResourceError
from ss_ray.evaluation.quality.text_embedding import fit_embedding
from ss_ray.generation.decoder import decode_rows
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from ss_ray.training.matching import fit_matcher

WORD = re.compile(r"[^\W\d_]{3,}")
BLOCK = 500


def main() -> None:
    """Print the figures of written, matched and real texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="CSV file")
    parser.add_argument("--text", help="column with texts")
    parser.add_argument("--label", help="column with two values")
    parser.add_argument("--rows", type=int, default=2200, help="training rows")
    parser.add_argument("--holdout", type=int, default=1200, help="rows of the holdout, and of the synthetic table")
    parser.add_argument("--peer", choices=ENVIRONMENTS, help="method of peers.py that is measured instead")
    parser.add_argument("--split", help="folder for train.csv and holdout.csv, which ends the script")
    parser.add_argument("--judge", help="CSV file of synthetic rows that is measured instead")
    with arguments_of(parser, required=["--data", "--text", "--label"], smoke=smoke) as arguments:
        compare_texts(arguments)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: notes of the demo's patients."""
    csv.write_csv(make_patients(300, 1).select(["sex", "department", "note"]), folder / "notes.csv")
    return {"data": str(folder / "notes.csv"), "text": "note", "label": "sex", "rows": 200, "holdout": 60}


def compare_texts(arguments: argparse.Namespace) -> None:
    """Make the texts, or read them, and print what they are like."""
    read = csv.read_csv(arguments.data)
    rows = read.take(np.random.default_rng(1).permutation(read.num_rows)[: arguments.rows + arguments.holdout])
    schema = infer_schema(table_facts(rows), {}, is_text=True)
    typed = type_table(rows, schema)
    train, holdout = typed.slice(0, arguments.rows), typed.slice(arguments.rows)
    if arguments.split:
        folder = Path(arguments.split)
        folder.mkdir(parents=True, exist_ok=True)
        csv.write_csv(rows.slice(0, arguments.rows), folder / "train.csv")
        csv.write_csv(rows.slice(arguments.rows), folder / "holdout.csv")
        return

    seconds = None
    if arguments.judge:
        tables = {Path(arguments.judge).stem: csv.read_csv(arguments.judge)}
    elif arguments.peer:
        made, cost = make_with_peer(arguments.peer, train, seed=1)
        tables = {arguments.peer: pa.Table.from_pandas(made.head(holdout.num_rows), preserve_index=False)}
        seconds = round(cost["train_cpu_seconds"])
    else:
        tables, seconds = write_compact(train, schema, holdout.num_rows)

    for name, table in (tables | {"real": train}).items():
        figures = judge_texts(table, train, holdout, arguments.text, arguments.label)
        print(json.dumps({"texts": name} | figures | {"train_cpu_s": seconds}), flush=True)


def write_compact(train: pa.Table, schema: TableSchema, num_rows: int) -> tuple[dict[str, pa.Table], int]:
    """Rows of the compact model, as they were written and after their texts found them, and its CPU seconds."""
    started = time.process_time()
    codec, model = train_in_process(train, schema, parse_config({}))
    seconds = time.process_time() - started
    model.texts = text_columns(codec.columns)
    tokens = [
        np.asarray(decode_rows(model, codec.slots, BLOCK, Sampling(), torch.Generator().manual_seed(seed)), np.int32)
        for seed in range(-(-num_rows // BLOCK))
    ]
    written = codec.decode(np.concatenate(tokens)[:num_rows], rng=np.random.default_rng(0), first_row=0, seed=0)

    tables = {"written": written}
    prose = fit_prose_codec(schema, train, reserved=frozenset())
    matcher = None if prose is None else fit_matcher(train, prose.texts, prose.shown, seed=0)
    if matcher is not None:
        tables["matched"] = matcher.match(written, [0])

    return tables, round(seconds)


def judge_texts(table: pa.Table, train: pa.Table, holdout: pa.Table, text: str, label: str) -> dict[str, float | None]:
    """The figures of one table; those of the training rows themselves are what real texts reach."""
    is_real = table is train
    real, known = _texts_of(holdout, text), _texts_of(train, text)
    texts = real if is_real else _texts_of(table, text)
    seen = known if is_real else [*real, *known]
    long = [cell for cell in texts if len(cell) >= 20]
    return {
        "words": _share_seen(texts, seen, 1),
        "trigrams": _share_seen(texts, seen, 3),
        "copies": round(float(np.mean([cell in set(known) for cell in long])), 4) if long else None,
        "discriminator": None if is_real else _tell_apart(texts, real, _make_classifier()),
        "vectors": None if is_real else _tell_vectors_apart(texts, real),
        "label": _learn_label(table, holdout, text, label),
    }


def _texts_of(table: pa.Table, text: str) -> list[str]:
    return [cell for cell in table.column(text).to_pylist() if cell]


def _share_seen(texts: Sequence[str], known: Sequence[str], length: int) -> float:
    """Share of runs of so many words that occur in other texts."""
    seen = {run for text in known for run in _runs_of(text, length)}
    found = [run in seen for text in texts for run in _runs_of(text, length)]
    return round(float(np.mean(found)), 3)


def _runs_of(text: str, length: int) -> list[tuple[str, ...]]:
    words = [word.lower() for word in WORD.findall(text)]
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]


def _make_classifier() -> Any:
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=4, max_iter=400))


def _tell_apart(texts: Any, real: Any, classifier: Any) -> float:
    """Area under the ROC curve of a classifier that tells written texts, or their vectors, from real ones."""
    size = min(len(texts), len(real))
    is_real = np.repeat([0, 1], size)
    told = cross_val_predict(classifier, [*texts[:size], *real[:size]], is_real, cv=5, method="predict_proba")
    return round(float(roc_auc_score(is_real, told[:, 1])), 3)


def _tell_vectors_apart(texts: Sequence[str], real: Sequence[str]) -> float | None:
    """The same by what the texts mean; None without a model that says so."""
    try:
        embed = fit_embedding([], "minilm", seed=0)
    except ResourceError:
        return None

    assert embed is not None
    return _tell_apart(embed(texts), embed(real), make_pipeline(StandardScaler(), LogisticRegression(max_iter=400)))


def _learn_label(table: pa.Table, holdout: pa.Table, text: str, label: str) -> float | None:
    """Area under the ROC curve of the label on the holdout; None where it has not two values."""
    sides = []
    for rows in (table, holdout):
        pairs = zip(rows.column(text).to_pylist(), map(str, rows.column(label).to_pylist()), strict=True)
        sides.append([(cell or "", value) for cell, value in pairs])

    (texts, labels), (tested, truth) = (tuple(zip(*side, strict=True)) for side in sides)
    if len(set(labels)) != 2 or len(set(truth)) != 2:
        return None

    model = _make_classifier().fit(texts, labels)
    return round(float(roc_auc_score(np.array(truth) == model.classes_[1], model.predict_proba(tested)[:, 1])), 3)


if __name__ == "__main__":
    main()
