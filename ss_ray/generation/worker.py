"""What runs in a generation actor: the model, and a shard at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pyarrow import fs as pafs

from ss_ray.codec.sequences import SequenceCodec, codec_from_json, unbounded
from ss_ray.codec.slots import SlotCodec
from ss_ray.generation.decoder import decode_rows
from ss_ray.generation.sequences import SequenceWriter
from ss_ray.generation.shards import Shard, shard_file
from ss_ray.plan import GenerationPlan
from ss_ray.runs import Location
from ss_ray.training.models import CompactModel

BATCH_ROWS = 1024
"""Rows that are decoded together; fixed, because the random draws of a shard depend on it."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The random numbers of a shard."""

    rng: np.random.Generator
    generator: torch.Generator


def load_model(folder: Location) -> tuple[CompactModel, SlotCodec | SequenceCodec]:
    """A trained model and its codec, ready to generate."""
    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        model = CompactModel.from_pretrained(local).eval()
        codec = codec_from_json((Path(local) / "codec.json").read_text())
    return model, codec


def shard_worker(
    model_folder: Location,
    plan: GenerationPlan,
    work: Location,
    threads: int,
    report: Callable[..., None],
) -> Callable[[Shard], None]:
    """Load the model once; the function returned writes a shard's file.

    Args:
        model_folder: Of the model and its codec.
        plan: What to do.
        work: Folder of the finished shards.
        threads: Of torch.
        report: Told the rows or groups done.
    """
    torch.set_num_threads(threads)
    model, codec = load_model(model_folder)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")

    def generate(shard: Shard) -> None:
        partial = work / f"_part-{shard.number:05d}.partial"
        rng = np.random.default_rng([plan.seed, shard.number])
        draws = Draws(rng=rng, generator=torch.Generator(model.device).manual_seed(int(rng.integers(2**62))))
        with pq.ParquetWriter(partial.path, codec.schema.to_arrow(), filesystem=partial.filesystem) as writer:
            for table, done in _tables(model, codec, plan, shard, draws):
                _check(table, codec, plan)
                writer.write_table(table)
                report(done)
        partial.move_to(shard_file(work, shard))

    return generate


def _check(table: pa.Table, codec: SlotCodec | SequenceCodec, plan: GenerationPlan) -> None:
    """Raise DataError unless the rows satisfy the schema; where sequences start and stop, the plan says."""
    schema = codec.schema
    if isinstance(codec, SequenceCodec) and codec.axis and (plan.start, plan.stop) != (None, None):
        schema = schema.with_column(unbounded(codec.axis.column))
    schema.check(table)


def _tables(
    model: CompactModel, codec: SlotCodec | SequenceCodec, plan: GenerationPlan, shard: Shard, draws: Draws
) -> Iterator[tuple[pa.Table, int]]:
    if isinstance(codec, SlotCodec):
        return row_tables(model, codec, plan, shard, draws)
    return sequence_tables(model, codec, plan, shard, draws)


def row_tables(
    model: CompactModel, codec: SlotCodec, plan: GenerationPlan, shard: Shard, draws: Draws
) -> Iterator[tuple[pa.Table, int]]:
    """The rows of a shard, and how many, batch by batch."""
    for start in range(0, shard.size, BATCH_ROWS):
        size = min(BATCH_ROWS, shard.size - start)
        tokens = decode_rows(model, codec.slots, size, plan.sampling, draws.generator)
        yield codec.decode(tokens, rng=draws.rng, first_row=shard.first + start, seed=plan.seed), size


def sequence_tables(
    model: CompactModel, codec: SequenceCodec, plan: GenerationPlan, shard: Shard, draws: Draws
) -> Iterator[tuple[pa.Table, int]]:
    """The sequences of a shard, and how many rows, or groups where groups are asked for, some at a time."""
    writer = SequenceWriter(model, codec, plan.sampling, draws.rng, draws.generator)
    ends = codec.ends(plan.start, plan.stop)
    by_group, length = plan.num_groups is not None, codec.length(ends)
    if length is not None:
        number = shard.size if by_group else 1 if plan.is_one_sequence else -(-shard.size // length)
        tokens = writer.sequences(number, length)
    else:
        tokens = writer.sequences(shard.size) if by_group else writer.rows(shard.size)
    longest = max(codec.sequences.max_rows, length or 0)
    first_row = shard.first * longest if by_group else shard.first  # no two shards share a number
    table = codec.decode(tokens, rng=draws.rng, first_group=shard.first, first_row=first_row, seed=plan.seed, ends=ends)
    yield table, shard.size
