"""Rows of one identifier stay together when a part of the rows is kept for validation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch

from ss_ray.training.encoding import hash_units
from ss_ray.training.examples import row_examples
from ss_ray.training.loop import Worker, split_examples
from tests.training import toy


def test_equal_identifiers_are_one_unit_over_all_parts_and_missing_ones_none() -> None:
    first = hash_units(pa.array(["a", "b", None, "a", None]), 0)
    second = hash_units(pa.array(["b", None]), 1)
    units = np.unique(np.concatenate([first, second]), return_inverse=True)[1].tolist()
    assert units[0] == units[3]
    assert units[1] == units[5]
    assert len(set(units)) == 5
    numbers = hash_units(pa.array([7, 8, 7]), 0)
    assert (numbers[0] == numbers[2], numbers[0] == numbers[1]) == (True, False)


def test_rows_of_one_unit_are_trained_on_or_validated_on_together() -> None:
    tokens = toy.make_rows(120)
    together = torch.arange(120) // 3
    for skips_unused in (False, True):
        examples = row_examples(tokens, toy.SLOTS, skips_unused=skips_unused, together=together)
        sides = split_examples(examples.units, toy.PLAN, Worker(rank=0, world_size=1))
        learned, validated = (set(together[side].tolist()) for side in (sides.train, sides.validation))
        assert not learned & validated
        assert (len(sides.train), len(sides.validation)) == (96, 24)
