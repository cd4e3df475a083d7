"""What runs in a generation actor: the model, and a shard at a time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pyarrow import fs as pafs

from ss_ray.codec.sequence_tables import unbounded
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.codec.stored import codec_from_json
from ss_ray.codec.words import text_columns
from ss_ray.constraints.enforce import Seen
from ss_ray.generation.persons import PersonFiller
from ss_ray.generation.rows import Draws, Made, Tally, make_conditioned_rows, make_rows, make_sequences
from ss_ray.generation.shards import Shard, ShardTask, counts_file, shard_file
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part
from ss_ray.training.matching import MATCHER_FILE, load_matcher
from ss_ray.training.models import CompactModel, load_compact


def load_model(folder: Location) -> tuple[CompactModel, SlotCodec | SequenceCodec]:
    """A trained model and its codec, ready to generate."""
    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        model = load_compact(Path(local))
        codec = codec_from_json((Path(local) / "codec.json").read_text())
        model.texts = text_columns(codec.columns)
    return model, codec


def shard_worker(task: ShardTask, seen: Seen, report: Callable[..., None]) -> Callable[[Shard], None]:
    """Load the model once; the function returned writes a shard's file, and its rejected rows beside it.

    Args:
        task: Model, plan and folders.
        seen: Keys and pairs in use, which no shard repeats.
        report: Function that is told the rows or groups done.
    """
    # Several actors share the cores.
    torch.set_num_threads(task.threads)
    plan = task.plan
    model, codec = load_model(task.model)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    if model.forest is not None:
        model.forest = model.forest.move(model.device)

    given = None if task.given is None else pa.concat_tables(list(read_part(task.given)))
    schema = checked_schema(codec, plan)
    sequences = codec.sequences if isinstance(codec, SequenceCodec) else None

    matcher = load_matcher(task.model / MATCHER_FILE) if task.may_move_texts else None

    def generate(shard: Shard) -> None:
        # A shard that was killed half-way is not taken for finished.
        partial = task.work / f"_part-{shard.number:05d}.partial"
        # A shard's generator follows from its number, whichever actor makes it.
        rng = np.random.default_rng([plan.seed, shard.number])
        draws = Draws(rng=rng, generator=torch.Generator(model.device).manual_seed(int(rng.integers(2**62))))
        tally = Tally(plan, task.enforcer, seen)
        persons = None if task.identities is None else PersonFiller(task.identities, sequences, plan.seed)

        with pq.ParquetWriter(partial.path, schema.to_arrow(), filesystem=partial.filesystem) as writer:
            for number, (table, done) in enumerate(_make_shard(model, codec, shard, draws, tally, given)):
                if matcher is not None:
                    table = matcher.match(table, [plan.seed, shard.number, number])
                if persons is not None:
                    table = persons.fill(table, f"{shard.number} {number}")
                schema.check(table)
                writer.write_table(table)
                report(done)

        counts = json.dumps({"rejected": tally.rejected, "repaired": tally.repaired})
        counts_file(task.work, shard).write_text(counts)
        partial.move_to(shard_file(task.work, shard))

    return generate


def checked_schema(codec: SlotCodec | SequenceCodec, plan: GenerationPlan) -> TableSchema:
    """What every row of a plan satisfies; where sequences start and stop, the plan says."""
    if isinstance(codec, SequenceCodec) and codec.axis and (plan.start, plan.stop) != (None, None):
        return codec.schema.with_column(unbounded(codec.axis.column))
    return codec.schema


def _make_shard(
    model: CompactModel,
    codec: SlotCodec | SequenceCodec,
    shard: Shard,
    draws: Draws,
    tally: Tally,
    given: pa.Table | None,
) -> Made:
    if isinstance(codec, SequenceCodec):
        return make_sequences(model, codec, shard, draws, tally, given)
    if given is not None:
        return make_conditioned_rows(model, codec, shard, draws, tally, given)
    return make_rows(model, codec, shard, draws, tally)
