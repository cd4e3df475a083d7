"""Generation on Ray: each actor holds the model and works off shards of rows, one file each.

A shard is a function of the weights, the seed and its number, whichever actor makes it; so the table is the same
for any number of actors, a lost actor costs one shard, and a killed run goes on with the shards that are missing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.cluster import map_items, reported_progress
from ss_ray.codec.given_rows import givable_columns
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.codec.stored import codec_from_json
from ss_ray.config.constraints import DeterminesConstraint, UniqueConstraint
from ss_ray.config.model import ResourceParameters
from ss_ray.constraints.determines import LearnedMapping, learn_mapping
from ss_ray.constraints.enforce import Enforcer, Seen, make_enforcer
from ss_ray.errors import ConfigError, GenerationError
from ss_ray.generation.given import given_table, is_given
from ss_ray.generation.results import GenerationJob, GenerationRequest, SyntheticTable, most_frequent
from ss_ray.generation.shards import Shard, ShardTask, counts_file, cut_shards, shard_file
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan
from ss_ray.progress import OnProgress
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.parts import count_rows, read_part


def generate_table(job: GenerationJob, on_progress: OnProgress) -> SyntheticTable:
    """Write the rows or groups of a plan as Parquet files of the model's schema into `job.target`.

    Args:
        job: Rows to make, by a folder with the compact model and its codec.
        on_progress: Function that is told the rows or groups done.

    Raises:
        ConfigError: Constraints or given values that the table cannot have.
        DataError: Given values that the schema does not allow.
        GenerationError: Not a single row could be made.
    """
    # Rules of the rows are checked here once, before any actor loads the model.
    codec = codec_from_json((job.model / "codec.json").read_text())
    sequences = codec.sequences if isinstance(codec, SequenceCodec) else None
    length = codec.length(codec.ends(job.plan.start, job.plan.stop)) if isinstance(codec, SequenceCodec) else None

    mappings = learned_mappings(job.plan, job.request.real_rows)
    fixed = fixed_columns(codec.schema, sequences, job.request)
    enforcer = make_enforcer(job.plan.constraints, codec.schema, mappings, fixed)
    plan, given = _save_given(codec, of_whole_series(job.plan, length), job.request, job.work.make_folder())
    shards = list(cut_shards(plan))
    # Shards do not depend on the number of actors, so that a run gives the same table on any cluster.
    wanted = sum(shard.size for shard in shards)
    unit = "rows" if plan.num_groups is None else "groups"

    with reported_progress(on_progress, "generate", wanted, unit) as report:
        task = ShardTask(
            model=job.model,
            plan=plan,
            enforcer=enforcer,
            given=given,
            work=job.work,
            threads=job.resources.threads_per_worker or 1,
            identities=job.filled(codec.schema),
            may_move_texts=not job.named_columns.intersection(c.name for c in codec.schema.of_kind(Kind.TEXT)),
        )
        _make_shards(shards, Seen(), task, job.resources, report)
        settled = _settle_shards(shards, enforcer, codec, plan, job.work)
        # Rows that repeat a key of another shard are made once more, in a shard of their own.
        if settled.lost and given is None:
            last = shards[-1]
            shards.append(Shard(number=len(shards), first=last.first + last.size, size=settled.lost))
            _make_shards(shards[-1:], settled.seen, task, job.resources, report)
            settled = _settle_shards(shards, enforcer, codec, plan, job.work)

    return _release_shards(shards, wanted, unit, settled, job.work, job.target)


def fixed_columns(schema: TableSchema, sequences: Sequences | None, request: GenerationRequest) -> frozenset[str]:
    """Columns that no constraint may change: given ones, identifiers, and what holds a sequence together."""
    names = {*request.given_names, *(column.name for column in schema.of_kind(Kind.IDENTIFIER))}
    if sequences is not None:
        names |= {name for name in (sequences.group, sequences.order, *sequences.constants) if name is not None}

    return frozenset(names)


def of_whole_series(plan: GenerationPlan, length: int | None) -> GenerationPlan:
    """The plan for sequences from one end to the other: as many whole ones as make the rows asked for.

    Args:
        plan: For any sequences.
        length: Rows of each; None where it is not told.
    """
    if length is None or plan.num_groups is not None:
        return plan
    if plan.is_one_sequence:
        return replace(plan, num_records=length)
    return replace(plan, num_groups=-(-plan.num_records // length))


def learned_mappings(plan: GenerationPlan, real_rows: Location | None) -> dict[str, LearnedMapping]:
    """What decides what in real rows, for the constraints that ask for it."""
    if real_rows is None:
        return {}

    parts = real_rows.files(".parquet")
    return {
        constraint.name: learn_mapping(
            constraint,
            (block for part in parts for block in read_part(part, [*constraint.columns, constraint.determined])),
        )
        for constraint in plan.constraints
        if isinstance(constraint, DeterminesConstraint)
    }


def _save_given(
    codec: SlotCodec | SequenceCodec, plan: GenerationPlan, request: GenerationRequest, work: Location
) -> tuple[GenerationPlan, Location | None]:
    """The plan with as many rows as are given, and the file of what is given; None where nothing is."""
    generation = request.generation
    if not is_given(generation):
        return plan, None

    schema = codec.schema
    size = plan.num_records
    if isinstance(codec, SequenceCodec):
        schema = replace(codec.schema, columns=givable_columns(codec))
        if plan.num_groups is None and (generation.shares or generation.seed_table):
            raise ConfigError("generation.shares and seed_table of groups: say how many with generation.num_groups")
        size = plan.num_groups or 1

    table = given_table(generation, schema, size, plan.seed, request.encoding)
    file = work / "_save_given.parquet"
    pq.write_table(table, file.path, filesystem=file.filesystem)
    if isinstance(codec, SequenceCodec):
        return (plan if plan.num_groups is None else replace(plan, num_groups=len(table))), file

    return replace(plan, num_records=len(table)), file


def _make_shards(
    shards: Sequence[Shard], seen: Seen, task: ShardTask, resources: ResourceParameters, report: Callable[..., None]
) -> None:
    """Generate the missing shards without repeating keys already in `seen`."""
    # Shards of a run that was killed are kept: each is complete or absent.
    done = {file.name for file in task.work.files(".parquet")}
    missing = [shard for shard in shards if shard_file(task.work, shard).name not in done]
    report(sum(shard.size for shard in shards) - sum(shard.size for shard in missing))
    if not missing:
        return

    for _ in map_items(
        _shard_worker,
        missing,
        arguments=(task, seen, report),
        num_actors=resources.num_generation_workers,
        # Less than a core each: upstream tasks need room too.
        num_cpus=0 if resources.use_gpu else 0.5,
        num_gpus=1 if resources.use_gpu else 0,
        failure=GenerationError,
    ):
        pass


def _shard_worker(task: ShardTask, seen: Seen, report: Callable[..., None]) -> Callable[[Shard], None]:
    # The import of torch takes seconds, and no other process needs it.
    from ss_ray.generation.worker import shard_worker

    return shard_worker(task, seen, report)


@dataclass(frozen=True, kw_only=True)
class _Settled:
    """Shards that agree with each other.

    Attributes:
        folder: Folder of the shards' files.
        size: Rows, or groups where groups are asked for.
        lost: How many of them that cost.
        seen: Keys and pairs in use.
    """

    folder: Location
    size: int
    lost: int
    seen: Seen


def _settle_shards(
    shards: Sequence[Shard],
    enforcer: Enforcer,
    codec: SlotCodec | SequenceCodec,
    plan: GenerationPlan,
    work: Location,
) -> _Settled:
    """The shards without what repeats keys, or contradicts, across them; the files of shards stay as they are."""
    if isinstance(codec, SequenceCodec):
        group = codec.sequences.group
    else:
        group = None

    counted = group if plan.num_groups is not None else None
    files = [shard_file(work, shard) for shard in shards]
    across = [c for c in enforcer.constraints if isinstance(c, UniqueConstraint | DeterminesConstraint)]
    if not across or len(shards) == 1:
        return _Settled(folder=work, size=sum(_count_units(file, counted) for file in files), lost=0, seen=Seen())

    folder = work / "_settle_shards"
    folder.remove()
    folder.make_folder()
    seen = Seen()

    for file in files:
        table = pa.concat_tables([codec.schema.to_arrow().empty_table(), *read_part(file)])
        if group is None:
            groups = None
        else:
            groups = table.column(group).to_pylist()

        done = enforcer.enforce(table, groups=groups, seen=seen)
        seen = done.seen
        target = folder / file.name
        pq.write_table(done.table, target.path, filesystem=target.filesystem)

    size = sum(_count_units(file, counted) for file in folder.files(".parquet"))
    return _Settled(folder=folder, size=size, lost=sum(_count_units(file, counted) for file in files) - size, seen=seen)


def _count_units(file: Location, group: str | None) -> int:
    """Rows of a file, or groups; no group is in two files."""
    if group is None:
        return sum(count_rows([file]))

    blocks = list(read_part(file, [group]))
    if blocks:
        return len(pa.concat_tables(blocks).column(0).unique())

    return 0


def _release_shards(
    shards: Sequence[Shard], wanted: int, unit: str, settled: _Settled, work: Location, target: Location
) -> SyntheticTable:
    """Move the finished shards to `target`."""
    rejected = Counter[str]()
    repaired = Counter[str]()
    for shard in shards:
        counts = json.loads(counts_file(work, shard).read_text())
        rejected.update(counts["rejected"])
        repaired.update(counts["repaired"])

    if settled.size:
        num_rows = sum(count_rows(settled.folder.files(".parquet")))
    else:
        num_rows = 0

    if not num_rows:
        raise GenerationError(f"no row satisfies the constraints: {most_frequent(rejected)}")

    target.remove()
    released = work / "_release_shards"
    released.remove()
    released.make_folder()
    for shard in shards:
        (settled.folder / shard_file(work, shard).name).move_to(shard_file(released, shard))

    released.move_to(target)
    work.remove()
    return SyntheticTable(
        num_rows=num_rows,
        num_files=len(shards),
        rejected=dict(rejected),
        repaired=dict(repaired),
        incomplete=""
        if settled.size >= wanted
        else f"{settled.size:,} of {wanted:,} {unit}: {most_frequent(rejected)}",
    )
