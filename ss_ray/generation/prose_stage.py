"""Generation by the compact model and a language model: rows with numbers of words first, then their texts.

Rows go to the actors in slices; what a slice was given is in a file as soon as it is done, so that a run that was
stopped goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from ss_ray.cluster import map_items, reported_progress
from ss_ray.codec.prose import VOCABULARY_FILE, ProseCodec
from ss_ray.codec.stored import codec_from_json, read_prose
from ss_ray.errors import ConfigError, GenerationError
from ss_ray.generation.engine import EngineSettings, TextEngine, load_engine, vllm_environment
from ss_ray.generation.persons import PersonFiller
from ss_ray.generation.results import GenerationJob, SyntheticTable
from ss_ray.generation.stage import generate_table
from ss_ray.location import Location
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.plans.plan import GenerationPlan
from ss_ray.plans.prose_writing import ProseWritingPlan
from ss_ray.progress import OnProgress
from ss_ray.tables.parts import Slice, part_slices, read_part, read_slice
from ss_ray.training.balance import BALANCE_FILE, load_balances
from ss_ray.training.matching import MATCHER_FILE, load_matcher

SLICE_ROWS = 512
_RESULT = TypeAdapter(SyntheticTable)


@dataclass(frozen=True, kw_only=True)
class ProseWritingTask:
    """The work of an actor that writes texts; small, so that it can be pickled.

    Attributes:
        model: Folder of the compact model, with the codecs.
        language_model: Folder of the language model.
        rows: Plan by which the rows without texts were made.
        plan: Engine and sampling.
        num_versions: Versions of each text, of which one is kept.
        written: Folder of the finished slices.
        threads: Number of torch threads.
        use_gpu: Whether the actor has a GPU.
        identities: Columns and texts that get an invented person; None where there are none.
    """

    model: Location
    language_model: Location
    rows: GenerationPlan
    plan: ProseWritingPlan
    num_versions: int
    written: Location
    threads: int
    use_gpu: bool
    identities: IdentityPlan | None


def prose_folder(model: Location) -> Location:
    """The folder of the language model that belongs to a compact model."""
    return model.parent / "prose" / "model"


def generate_with_prose(job: GenerationJob, plan: ProseWritingPlan, on_progress: OnProgress) -> SyntheticTable:
    """Write the rows or groups of a plan, with texts by a language model, as Parquet files into `job.target`.

    Args:
        job: Rows to make, by a folder with the compact model and its codecs.
        plan: Engine and sampling of the language model.
        on_progress: Function that is told the rows, then the texts done.

    Raises:
        ConfigError: Constraints or given values that the table cannot have, or that name a text of the language model.
        DataError: Given values that the schema does not allow.
        GenerationError: Not a single row could be made, or the actors keep dying.
    """
    codec = read_prose(job.model)
    if codec is None:
        return generate_table(job, on_progress)

    _check_free_texts(codec, job)
    outline = job.work / "outline"
    made = _make_outline(job, outline, on_progress)
    written = (job.work / "written").make_folder()
    slices = list(enumerate(part_slices(outline.files(".parquet"), SLICE_ROWS)))
    num_texts = _count_texts(outline, codec)
    task = ProseWritingTask(
        model=job.model,
        language_model=prose_folder(job.model),
        rows=job.plan,
        plan=plan,
        num_versions=plan.num_versions(num_texts),
        written=written,
        threads=job.resources.threads_per_worker or 1,
        use_gpu=job.resources.use_gpu,
        identities=job.filled(codec.schema),
    )
    with reported_progress(on_progress, "generate", num_texts, "texts") as report:
        _write_slices(slices, task, job, report)

    job.target.remove()
    written.move_to(job.target)
    job.work.remove()
    return replace(made, num_files=len(slices))


def _check_free_texts(codec: ProseCodec, job: GenerationJob) -> None:
    """Refuse what would have to be ignored: a text that somebody gives, or that a constraint rules."""
    for name in codec.texts:
        if name in job.named_columns:
            raise ConfigError(
                f"column {name!r} is written by the language model of this run, so no value may be given and no "
                "constraint may name it; train with training.prose_model: null"
            )


def _make_outline(job: GenerationJob, outline: Location, on_progress: OnProgress) -> SyntheticTable:
    """Make the rows without texts, unless they are there already."""
    record = job.work.make_folder() / "outline.json"
    if record.exists():
        return _RESULT.validate_json(record.read_text())

    without_texts = replace(job, work=job.work / "rows", target=outline, identities=None)
    made = generate_table(without_texts, on_progress)
    record.write_text(_RESULT.dump_json(made).decode())
    return made


def _count_texts(outline: Location, codec: ProseCodec) -> int:
    """Texts to write."""
    blocks = [block for part in outline.files(".parquet") for block in read_part(part, codec.texts)]
    return sum(int(pc.sum(pc.greater(block.column(name), 0)).as_py() or 0) for block in blocks for name in codec.texts)


def _write_slices(
    slices: list[tuple[int, Slice]], task: ProseWritingTask, job: GenerationJob, report: Callable[..., None]
) -> None:
    """Write the slices that are not done."""
    done = {file.name for file in task.written.files(".parquet")}
    missing = [(number, rows) for number, rows in slices if _slice_file(task.written, number).name not in done]
    if not missing:
        return

    for _ in map_items(
        _slice_worker,
        missing,
        arguments=(task, report),
        num_actors=job.resources.num_generation_workers,
        # Less than a core each: upstream tasks need room too.
        num_cpus=0 if task.use_gpu else 0.5,
        num_gpus=task.plan.tensor_parallel_size if task.use_gpu else 0,
        failure=GenerationError,
    ):
        pass


def _slice_file(folder: Location, number: int) -> Location:
    return folder / f"part-{number:05d}.parquet"


def _slice_worker(task: ProseWritingTask, report: Callable[..., None]) -> Callable[[tuple[int, Slice]], None]:
    """Load the models once; the function returned writes the file of a slice."""
    from transformers import AutoTokenizer

    from ss_ray.generation.prose_writer import ProseWriter
    from ss_ray.generation.text_actor import local_folder
    from ss_ray.generation.worker import checked_schema

    codec = read_prose(task.model)
    assert codec is not None
    matcher = load_matcher(task.language_model / MATCHER_FILE)
    rows_codec = codec_from_json((task.model / "codec.json").read_text())
    sequences = getattr(rows_codec, "sequences", None)
    schema = codec.with_outline(checked_schema(rows_codec, task.rows)).schema
    with local_folder(task.language_model) as folder:
        engine = _load_writer_engine(folder, task)
        tokenizer = AutoTokenizer.from_pretrained(folder)

    writer = ProseWriter(
        engine=engine,
        codec=codec,
        split=lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"]),
        end=tokenizer.eos_token_id,
        seed=task.plan.seed,
        placeholders=task.identities is not None and bool(task.identities.texts),
        balances=load_balances(task.language_model / BALANCE_FILE),
        num_versions=task.num_versions,
    )

    def write(item: tuple[int, Slice]) -> None:
        number, rows = item
        table = pa.concat_tables(read_slice(rows))
        table = writer.write(table, number, report)
        if matcher is not None:
            table = matcher.match(table, [task.plan.seed, number])
        if task.identities is not None:
            table = PersonFiller(task.identities, sequences, task.plan.seed).fill(table, f"texts {number}")

        schema.check(table)
        partial = task.written / f"_part-{number:05d}.partial"
        pq.write_table(table, partial.path, filesystem=partial.filesystem)
        partial.move_to(_slice_file(task.written, number))

    return write


def _load_writer_engine(folder: Path, task: ProseWritingTask) -> TextEngine:
    """The engine of a language model that writes texts."""
    # Read when vLLM is imported.
    if task.plan.engine == "vllm":
        os.environ.update(vllm_environment(use_gpu=task.use_gpu))

    settings = EngineSettings(
        engine=task.plan.engine,
        sampling=task.plan.sampling,
        batch_size=task.plan.batch_size,
        window=task.plan.window,
        tensor_parallel_size=task.plan.tensor_parallel_size,
        vocabulary=tuple(json.loads((folder / VOCABULARY_FILE).read_text())),
    )
    return load_engine(folder, settings, threads=task.threads, use_gpu=task.use_gpu)
