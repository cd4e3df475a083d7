"""Cost of differential privacy: seconds of a DP-SGD step over those of an ordinary one, equal tokens and batch.

    python benchmarks/bench_dp_overhead.py --rows 256 --slots 17

Both are whole steps of this project's loops on one thread: loss, gradients, clipping and noise or not, optimizer.
Prints one JSON line. The seconds are CPU seconds, the median of --repeats.

Keys: rows, slots, parameters, step_seconds, dp_step_seconds, ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from smoke import arguments_of

from ss_ray.codec.columns import FIRST_TOKEN, Slot
from ss_ray.plans.shape import CompactShape
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import secret_generator
from ss_ray.training.loop import Worker
from ss_ray.training.models import CompactModel, build_compact, group_slots, row_losses
from ss_ray.training.private.loop import RowUnits, own_units, set_private_gradient


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--slots", type=int, default=17)
    parser.add_argument("--values", type=int, default=25)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=15)
    with arguments_of(parser, smoke=smoke) as arguments:
        print(json.dumps(measure(arguments)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a tiny model, and two steps of each kind."""
    return {"rows": 8, "slots": 3, "values": 5, "hidden": 16, "layers": 1, "repeats": 2}


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Median CPU seconds of both kinds of steps."""
    torch.set_num_threads(1)
    starts = range(FIRST_TOKEN, FIRST_TOKEN + arguments.slots * arguments.values, arguments.values)
    slots = [Slot(column=f"c{start}", start=start, stop=start + arguments.values) for start in starts]
    tokens = torch.stack([torch.randint(s.start, s.stop, (arguments.rows,)) for s in slots], dim=1)
    groups = group_slots(slots)
    plain = model(arguments)
    private = model(arguments)
    dp = DPPlan(
        privacy_unit="row",
        sample_rate=1.0,
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        num_steps=10**6,
        expected_batch_size=float(arguments.rows),
        target_epsilon=8.0,
        delta=1e-5,
    )
    worker = Worker(rank=0, world_size=1)
    generator = secret_generator()
    units = RowUnits(units=own_units(tokens, None, 1, worker), groups=groups, most_units=len(tokens))

    def plain_gradient() -> None:
        plain.zero_grad()
        torch.autograd.backward(row_losses(plain, tokens, groups).mean())

    def private_gradient() -> None:
        set_private_gradient(private, units, dp, worker, generator, arguments.rows)

    ordinary = seconds(plain, plain_gradient, arguments.repeats)
    with_privacy = seconds(private, private_gradient, arguments.repeats)
    return {
        "rows": arguments.rows,
        "slots": arguments.slots,
        "parameters": sum(p.numel() for p in plain.parameters()),
        "step_seconds": round(ordinary, 4),
        "dp_step_seconds": round(with_privacy, 4),
        "ratio": round(with_privacy / ordinary, 3),
    }


def model(arguments: argparse.Namespace) -> CompactModel:
    """A compact model for the slots."""
    shape = CompactShape(
        hidden_size=arguments.hidden,
        num_layers=arguments.layers,
        num_heads=4,
        intermediate_size=2 * arguments.hidden,
    )
    vocabulary = FIRST_TOKEN + arguments.slots * arguments.values
    return build_compact(shape, vocabulary_size=vocabulary, num_slots=arguments.slots, seed=0)


def seconds(model: CompactModel, gradient: Callable[[], None], repeats: int) -> float:
    """Median CPU seconds of a gradient and an optimizer step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    found = []
    for _ in range(repeats + 2):
        started = time.process_time()
        gradient()
        optimizer.step()
        found.append(time.process_time() - started)

    return statistics.median(found[2:])


if __name__ == "__main__":
    main()
