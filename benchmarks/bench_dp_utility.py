r"""Utility under differential privacy: the whole pipeline on --data for each epsilon, scored against --holdout.

    python benchmarks/bench_dp_utility.py --data train.csv --holdout holdout.csv --target income --out runs/dp \
        --epsilon 1 --epsilon 3 --epsilon 8

Prints one JSON line for each epsilon, which is that of the whole run, the measured schema included. The scores are the
project's own; OUT-<epsilon>/release/synthetic.csv can be given to any other judge.

Keys: target_epsilon, epsilon, epsilon_rdp, schema_epsilon, delta, noise_multiplier, sample_rate, num_steps, tstr, trtr,
discriminator_auc, sqs, stage_seconds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from bench_quality import asked_config, read, scored_run, table_parser
from smoke import TABLE_ARGUMENTS, arguments_of, table_arguments

from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.infer import infer_schema


def main() -> None:
    """Parse the command line, measure, print."""
    parser = table_parser(__doc__)
    parser.add_argument("--epsilon", action="append", type=float)
    with arguments_of(parser, required=TABLE_ARGUMENTS, smoke=smoke) as arguments:
        for epsilon in arguments.epsilon or [1.0, 3.0, 8.0]:
            print(json.dumps(measure(arguments, epsilon)), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: one epsilon."""
    return {**table_arguments(folder), "epsilon": [8.0]}


def measure(arguments: argparse.Namespace, epsilon: float) -> dict[str, object]:
    """One run, its certificate's figures and its scores."""
    out = f"{arguments.out}-{epsilon:g}"
    blocks = read(arguments.data)
    schema = infer_schema(merge_tables([table_facts(blocks)]), {}, is_text=True)
    privacy = ("dp_enabled=true", f"epsilon={epsilon}", f"ledger=sqlite:///{out}-ledger.sqlite")
    config = asked_config(arguments, blocks.num_rows, *(f"privacy.{setting}" for setting in privacy))
    report, scored = scored_run(arguments, config, out, schema)
    guarantee = report.guarantee
    assert guarantee is not None

    return {
        "target_epsilon": epsilon,
        "epsilon": guarantee.epsilon,
        "epsilon_rdp": guarantee.epsilon_rdp,
        "schema_epsilon": guarantee.schema_epsilon,
        "delta": guarantee.delta,
        "noise_multiplier": guarantee.noise_multiplier,
        "sample_rate": guarantee.sample_rate,
        "num_steps": guarantee.num_steps,
        "tstr": scored.utility.synthetic.value,
        "trtr": scored.utility.real.value,
        "discriminator_auc": scored.fidelity.discriminator.value,
        "sqs": scored.scores.quality.sqs.value,
        "stage_seconds": report.stage_seconds,
    }


if __name__ == "__main__":
    main()
