"""A synthesizer of others, in an environment of its own (`make env-peers`): learns a table, writes as many rows.

    .venv-sdv-peer/bin/python benchmarks/peers.py --method sdv-copula --data train.parquet --out synthetic.parquet

Methods: sdv-copula and sdv-tvae (SDV 2.0, defaults), mostly (the TabularARGN of mostlyai-engine 2.7.3, defaults: it
stops when its validation loss does). Prints one JSON line.

Keys: train_cpu_seconds, rows_per_cpu_second, peak_memory_mb.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

TABLE = "table"


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


METHODS: dict[str, Callable[[pd.DataFrame, int], Callable[[int], pd.DataFrame]]] = {
    "sdv-copula": learn_copula,
    "sdv-tvae": learn_tvae,
    "mostly": learn_mostly,
}

if __name__ == "__main__":
    main()
