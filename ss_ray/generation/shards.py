"""The shards of a synthetic table: which rows, which file."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.plan import GenerationPlan
from ss_ray.runs import Location


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Rows first_row .. first_row + num_rows - 1 of the synthetic table."""

    number: int
    first_row: int
    num_rows: int


def cut_shards(plan: GenerationPlan) -> tuple[Shard, ...]:
    """The shards of a plan; they do not depend on the number of actors."""
    starts = range(0, plan.num_records, plan.shard_rows)
    return tuple(
        Shard(number=i, first_row=start, num_rows=min(plan.shard_rows, plan.num_records - start))
        for i, start in enumerate(starts)
    )


def shard_file(folder: Location, shard: Shard) -> Location:
    """Where the shard's rows are."""
    return folder / f"part-{shard.number:05d}.parquet"
