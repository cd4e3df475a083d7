"""The shards of a synthetic table: which rows, which file."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.constraints.enforce import Enforcer
from ss_ray.location import Location
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.plans.plan import GenerationPlan

GROUPS_PER_SHARD = 4096


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Rows, or where groups are asked for groups, first .. first + size - 1 of the synthetic table."""

    number: int
    first: int
    size: int


def cut_shards(plan: GenerationPlan) -> tuple[Shard, ...]:
    """The shards of a plan; they do not depend on the number of actors. One sequence is one shard."""
    if plan.num_groups is None:
        total = plan.num_records
        most = plan.shard_rows
    else:
        total = plan.num_groups
        most = GROUPS_PER_SHARD

    most = total if plan.is_one_sequence else most
    return tuple(
        Shard(number=i, first=start, size=min(most, total - start)) for i, start in enumerate(range(0, total, most))
    )


def shard_file(folder: Location, shard: Shard) -> Location:
    """Where the shard's rows are."""
    return folder / f"part-{shard.number:05d}.parquet"


def counts_file(folder: Location, shard: Shard) -> Location:
    """Where is said what was rejected and repaired; it stays out of the table."""
    return folder / f"_counts-{shard.number:05d}.json"


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """The work of an actor that makes shards; small, so that it can be pickled.

    Attributes:
        model: Folder of the model and its codec.
        plan: Number of rows or groups, their constraints and sampling.
        enforcer: Enforcer of the constraints.
        given: File with given cells of all rows or groups; None: nothing is given.
        work: Folder of the finished shards.
        threads: Number of torch threads.
        identities: Columns and texts that get an invented person; None where there are none.
        may_move_texts: Whether texts may change places: nobody gave one, and no constraint names one.
    """

    model: Location
    plan: GenerationPlan
    enforcer: Enforcer
    given: Location | None
    work: Location
    threads: int
    identities: IdentityPlan | None = None
    may_move_texts: bool = False
