"""A synthesizer of others, in an environment of its own (`make env-peers`): learns a table, writes as many rows.

    .venv-sdv-peer/bin/python benchmarks/peers.py --method sdv-copula --data train.parquet --out synthetic.parquet

Methods: sdv-copula and sdv-tvae (SDV 2.0, defaults), mostly (the TabularARGN of mostlyai-engine 2.7.3, defaults: it
stops when its validation loss does), mostly-lstm (its LSTM from scratch for the texts, given the other columns of real
rows). Prints one JSON line.

Keys: train_cpu_seconds, rows_per_cpu_second, peak_memory_mb.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ENVIRONMENTS = {
    "sdv-copula": ".venv-sdv-peer",
    "sdv-tvae": ".venv-sdv-peer",
    "mostly": ".venv-mostly-peer",
    "mostly-lstm": ".venv-mostly-peer",
}
"""Method -> its environment, which `make env-peers` makes."""
TABLE = "table"
KEY = "row number"
PROSE_WORDS = 4
"""Words of at least half of the texts of a column of prose."""


def main() -> None:
    """Parse the command line, learn, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--data", required=True, help="Parquet file of the rows to learn from")
    parser.add_argument("--out", required=True, help="Parquet file to write")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    train = pd.read_parquet(asked.data)
    started = cpu_seconds()
    generate = METHODS[asked.method](train, asked.seed)
    trained = cpu_seconds()
    synthetic = generate(len(train))
    generated = cpu_seconds()

    synthetic[list(train.columns)].to_parquet(asked.out)
    print(
        json.dumps(
            {
                "train_cpu_seconds": trained - started,
                "rows_per_cpu_second": len(train) / (generated - trained),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def cpu_seconds() -> float:
    """Of this process and of the processes that it waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def learn_copula(train: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    """SDV's Gaussian copula."""
    from sdv.single_table import GaussianCopulaSynthesizer

    return _learn_with_sdv(GaussianCopulaSynthesizer, train, seed)


def learn_tvae(train: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    """SDV's variational autoencoder."""
    from sdv.single_table import TVAESynthesizer

    return _learn_with_sdv(TVAESynthesizer, train, seed)


def _learn_with_sdv(synthesizer: Any, train: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    import numpy as np
    import torch
    from sdv.metadata import Metadata

    np.random.seed(seed)
    torch.manual_seed(seed)
    # None of the columns is a key or personal: SDV would make those up.
    described: dict[str, Any] = {str(name): {"sdtype": _sdv_type(column)} for name, column in train.items()}
    metadata = Metadata.load_from_dict({"tables": {TABLE: {"columns": described}}})
    model = synthesizer(metadata)
    model.fit({TABLE: train})

    def generate(num_rows: int) -> pd.DataFrame:
        made: pd.DataFrame = model.sample(num_rows)[TABLE]
        return made

    return generate


def _sdv_type(column: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "datetime"
    return "numerical" if pd.api.types.is_numeric_dtype(column) else "categorical"


def learn_mostly(train: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    """The TabularARGN of MOSTLY AI."""
    from mostlyai import engine

    engine.set_random_state(seed)
    folder = tempfile.mkdtemp()
    engine.split(tgt_data=train, workspace_dir=folder, model_type="TABULAR")
    engine.analyze(workspace_dir=folder)
    engine.encode(workspace_dir=folder)
    engine.train(workspace_dir=folder)

    def generate(num_rows: int) -> pd.DataFrame:
        engine.generate(workspace_dir=folder, sample_size=num_rows)
        return pd.read_parquet(f"{folder}/SyntheticData")

    return generate


def learn_mostly_texts(train: pd.DataFrame, seed: int) -> Callable[[int], pd.DataFrame]:
    """The LSTM of MOSTLY AI; it writes texts for the other columns of the rows that it has learned from."""
    from mostlyai import engine

    engine.set_random_state(seed)
    folder = tempfile.mkdtemp()
    texts = [name for name, column in train.items() if _is_prose(column)]
    numbered = train.reset_index(drop=True).assign(**{KEY: range(len(train))})
    rest = numbered.drop(columns=texts)
    engine.split(
        tgt_data=numbered[[KEY, *texts]],
        ctx_data=rest,
        ctx_primary_key=KEY,
        tgt_context_key=KEY,
        model_type="LANGUAGE",
        tgt_encoding_types=dict.fromkeys(texts, "LANGUAGE_TEXT"),
        workspace_dir=folder,
    )
    engine.analyze(workspace_dir=folder)
    engine.encode(workspace_dir=folder)
    engine.train(model="MOSTLY_AI/LSTMFromScratch-3m", workspace_dir=folder)

    def generate(num_rows: int) -> pd.DataFrame:
        asked = rest.head(num_rows)
        engine.generate(workspace_dir=folder, ctx_data=asked)
        written = pd.read_parquet(f"{folder}/SyntheticData")
        return asked.merge(written, on=KEY).drop(columns=KEY)

    return generate


def _is_prose(column: pd.Series) -> bool:
    return (
        pd.api.types.is_string_dtype(column)
        and column.dropna().astype(str).str.split().map(len).median() >= PROSE_WORDS
    )


def make_with_peer(method: str, train: pa.Table, seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of a synthesizer of others, and what they cost in a process of its own on one thread."""
    python = Path(__file__).parents[1] / ENVIRONMENTS[method] / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{method} needs an environment of its own: make env-peers")

    with tempfile.TemporaryDirectory() as folder:
        learned, made = f"{folder}/train.parquet", f"{folder}/synthetic.parquet"
        pq.write_table(train, learned)
        command = [str(python), __file__, "--method", method, "--data", learned, "--out", made, "--seed", str(seed)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        synthetic = pd.read_parquet(made).astype(train.to_pandas().dtypes.to_dict(), errors="ignore")

    return synthetic, json.loads(done.stdout.splitlines()[-1])


METHODS: dict[str, Callable[[pd.DataFrame, int], Callable[[int], pd.DataFrame]]] = {
    "sdv-copula": learn_copula,
    "sdv-tvae": learn_tvae,
    "mostly": learn_mostly,
    "mostly-lstm": learn_mostly_texts,
}

if __name__ == "__main__":
    main()
