"""What runs in a generation actor: the model, and a shard at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from pyarrow import fs as pafs

from ss_ray.codec.slots import SlotCodec
from ss_ray.generation.decoder import decode_rows
from ss_ray.generation.shards import Shard, shard_file
from ss_ray.plan import GenerationPlan
from ss_ray.runs import Location
from ss_ray.training.models import CompactModel

BATCH_ROWS = 1024
"""Rows that are decoded together; fixed, because the random draws of a shard depend on it."""


def load_model(folder: Location) -> tuple[CompactModel, SlotCodec]:
    """A trained model and its codec, ready to generate."""
    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        model = CompactModel.from_pretrained(local).eval()
        codec = SlotCodec.from_json((Path(local) / "codec.json").read_text())
    return model, codec


def shard_worker(
    model_folder: Location,
    plan: GenerationPlan,
    work: Location,
    threads: int,
    report: Callable[..., None],
) -> Callable[[Shard], int]:
    """Load the model once; the function returned writes a shard's file and gives its number of rows.

    Args:
        model_folder: Of the model and its codec.
        plan: What to do.
        work: Folder of the finished shards.
        threads: Of torch.
        report: Told the rows done.
    """
    torch.set_num_threads(threads)
    model, codec = load_model(model_folder)
    schema = codec.schema
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")

    def generate(shard: Shard) -> int:
        partial = work / f"_part-{shard.number:05d}.partial"
        rng = np.random.default_rng([plan.seed, shard.number])
        generator = torch.Generator(model.device).manual_seed(int(rng.integers(2**62)))
        with pq.ParquetWriter(partial.path, schema.to_arrow(), filesystem=partial.filesystem) as writer:
            for start in range(0, shard.num_rows, BATCH_ROWS):
                num_rows = min(BATCH_ROWS, shard.num_rows - start)
                tokens = decode_rows(model, codec.slots, num_rows, plan.sampling, generator)
                table = codec.decode(tokens, rng=rng, first_row=shard.first_row + start, seed=plan.seed)
                schema.check(table)
                writer.write_table(table)
                report(num_rows)
        partial.move_to(shard_file(work, shard))
        return shard.num_rows

    return generate
