"""What private training learns of dependences of many columns: the parity of 2 to 5 columns, at one epsilon.

    python benchmarks/bench_dp_parity.py --rows 20000 --epsilon 1 --out runs/parity

A table of eight random bits and the parity of the first of them; any fewer of them say nothing of the parity. Prints
one JSON line for each number of columns: the share of synthetic rows with the right parity. 0.5 is chance.

Keys: columns, epsilon, right.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from smoke import SMALL_RUN, arguments_of

BITS = 8
SEED = 0


def main() -> None:
    """Parse the command line, measure each parity, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the table")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--columns", type=int, nargs="+", default=[2, 3, 4, 5], help="columns of the parity")
    parser.add_argument("--out", help="folder of the tables and runs")
    parser.add_argument("--set", action="append", default=[], help="a setting of the runs, `section.key=value`")
    with arguments_of(parser, required=["--out"], smoke=smoke) as arguments:
        for columns in arguments.columns:
            right = share_right(columns, arguments)
            print(json.dumps({"columns": columns, "epsilon": arguments.epsilon, "right": right}), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a small table, and the parity of two columns."""
    settings = [setting for setting in SMALL_RUN if not setting.startswith("training.num_input")]
    return {"rows": 400, "epsilon": 8.0, "columns": [2], "out": str(folder), "set": settings}


def share_right(columns: int, arguments: argparse.Namespace) -> float:
    """Share of synthetic rows whose last column is the parity of the first ones."""
    from ss_ray.config.files import load_config
    from ss_ray.pipelines.run import run

    folder = Path(arguments.out) / f"{columns}"
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"bit_{number}" for number in range(BITS)]
    bits = np.random.default_rng(SEED).integers(0, 2, (arguments.rows, BITS))
    table = pd.DataFrame(np.where(bits, "yes", "no"), columns=names)
    table["parity"] = np.where(bits[:, :columns].sum(axis=1) % 2, "odd", "even")
    table.to_csv(folder / "table.csv", index=False)

    asked = ["data.holdout=0", "evaluation.enabled=false", "privacy.dp_enabled=true", "replace_pii=null"]
    asked += [
        f"privacy.epsilon={arguments.epsilon}",
        f"privacy.ledger=sqlite:///{folder.parent.resolve()}/ledger.sqlite",
    ]
    config = load_config(None, [*asked, f"generation.num_records={min(arguments.rows, 5000)}", *arguments.set])
    report = run(config, str(folder / "table.csv"), str(folder / "run"), csv=True, redo=True)
    assert report.csv is not None
    made = pd.read_csv(report.csv)
    odd = (made[names[:columns]] == "yes").sum(axis=1) % 2 == 1
    return round(float((odd == (made["parity"] == "odd")).mean()), 3)


if __name__ == "__main__":
    main()
