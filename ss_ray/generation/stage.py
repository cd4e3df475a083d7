"""Generation on Ray: each actor holds the model and works off shards of rows, one file each.

A shard is a function of the weights, the seed and its number, whichever actor makes it; so the table is the same
for any number of actors, a lost actor costs one shard, and a killed run goes on with the shards that are missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from pyarrow import fs as pafs
from transformers import LlamaForCausalLM

from ss_ray.cluster import map_items, reported_progress
from ss_ray.codec.slots import SlotCodec
from ss_ray.config import ResourceParameters
from ss_ray.generation.decoder import decode_rows
from ss_ray.plan import GenerationPlan
from ss_ray.progress import OnProgress
from ss_ray.runs import Location

BATCH_ROWS = 1024
"""Rows that are decoded together; fixed, because the random draws of a shard depend on it."""


@dataclass(frozen=True, kw_only=True)
class SyntheticTable:
    """The synthetic table in release/synthetic.

    Attributes:
        num_rows: Exactly as many as asked for.
        num_files: Parquet files.
    """

    num_rows: int
    num_files: int


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Rows first_row .. first_row + num_rows - 1 of the synthetic table."""

    number: int
    first_row: int
    num_rows: int


def generate_table(
    model: Location,
    plan: GenerationPlan,
    resources: ResourceParameters,
    work: Location,
    target: Location,
    on_progress: OnProgress,
) -> SyntheticTable:
    """Write `plan.num_records` rows as Parquet files of the model's schema into `target`.

    Args:
        model: Folder with the model and its codec.
        plan: What to do.
        resources: Actors.
        work: Folder for finished shards until all are; belongs to this very plan and model.
        target: Folder that appears complete.
        on_progress: Told the rows done.
    """
    shards = cut_shards(plan)
    missing = [shard for shard in shards if not _file(work, shard).exists()]
    work.make_folder()
    with reported_progress(on_progress, "generate", plan.num_records) as report:
        report(plan.num_records - sum(shard.num_rows for shard in missing))
        actors = map_items(
            _shard_worker,
            missing,
            arguments=(model, plan, work, resources.threads_per_worker or 1, report),
            num_actors=resources.num_generation_workers,
            num_cpus=0 if resources.use_gpu else 0.5,  # less than a core each: upstream tasks need room too
            num_gpus=1 if resources.use_gpu else 0,
        )
        for _ in actors if missing else ():
            pass
    target.remove()
    for shard in shards:
        _file(work, shard).move_to(_file(target, shard))
    work.remove()
    return SyntheticTable(num_rows=sum(shard.num_rows for shard in shards), num_files=len(shards))


def cut_shards(plan: GenerationPlan) -> tuple[Shard, ...]:
    """The shards of a plan; they do not depend on the number of actors."""
    starts = range(0, plan.num_records, plan.shard_rows)
    return tuple(
        Shard(number=i, first_row=start, num_rows=min(plan.shard_rows, plan.num_records - start))
        for i, start in enumerate(starts)
    )


def load_model(folder: Location) -> tuple[LlamaForCausalLM, SlotCodec]:
    """A trained model and its codec, ready to generate."""
    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        model = LlamaForCausalLM.from_pretrained(local).eval()
        codec = SlotCodec.from_json((Path(local) / "codec.json").read_text())
    return model, codec


def _file(folder: Location, shard: Shard) -> Location:
    return folder / f"part-{shard.number:05d}.parquet"


def _shard_worker(
    model_folder: Location,
    plan: GenerationPlan,
    work: Location,
    threads: int,
    report: Callable[..., None],
) -> Callable[[Shard], int]:
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
        partial.move_to(_file(work, shard))
        return shard.num_rows

    return generate
