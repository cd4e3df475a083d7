"""Generation on Ray: each actor holds the model and works off shards of rows, one file each.

A shard is a function of the weights, the seed and its number, whichever actor makes it; so the table is the same
for any number of actors, a lost actor costs one shard, and a killed run goes on with the shards that are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config import ResourceParameters
from ss_ray.errors import GenerationError
from ss_ray.generation.shards import Shard, cut_shards, shard_file
from ss_ray.plan import GenerationPlan
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.tables.parts import count_rows


@dataclass(frozen=True, kw_only=True)
class SyntheticTable:
    """The synthetic table in release/synthetic.

    Attributes:
        num_rows: Exactly as many as asked for; where groups are, as many as they have.
        num_files: Parquet files.
    """

    num_rows: int
    num_files: int


def generate_table(
    model: Location,
    plan: GenerationPlan,
    resources: ResourceParameters,
    work: Location,
    target: Location,
    on_progress: OnProgress,
) -> SyntheticTable:
    """Write the rows or groups of the plan as Parquet files of the model's schema into `target`.

    Args:
        model: Folder with the model and its codec.
        plan: What to do.
        resources: Actors.
        work: Folder for finished shards until all are; belongs to this very plan and model.
        target: Folder that appears complete.
        on_progress: Told the rows or groups done.
    """
    shards = cut_shards(plan)
    done = {file.name for file in work.make_folder().files(".parquet")}
    missing = [shard for shard in shards if shard_file(work, shard).name not in done]
    unit = "rows" if plan.num_groups is None else "groups"
    with reported_progress(on_progress, "generate", sum(shard.size for shard in shards), unit) as report:
        report(sum(shard.size for shard in shards) - sum(shard.size for shard in missing))
        actors = map_items(
            _shard_worker,
            missing,
            arguments=(model, plan, work, resources.threads_per_worker or 1, report),
            num_actors=resources.num_generation_workers,
            num_cpus=0 if resources.use_gpu else 0.5,  # less than a core each: upstream tasks need room too
            num_gpus=1 if resources.use_gpu else 0,
            failure=GenerationError,
        )
        for _ in actors if missing else ():
            pass
    target.remove()
    work.move_to(target)
    return SyntheticTable(num_rows=sum(count_rows(target.files(".parquet"))), num_files=len(shards))


def _shard_worker(*arguments: Any) -> Callable[[Shard], None]:
    """What an actor does with a shard; what it imports takes seconds, and no other process needs it."""
    from ss_ray.generation.worker import shard_worker

    return shard_worker(*arguments)
