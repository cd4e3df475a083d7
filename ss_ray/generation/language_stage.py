"""Generation by a language model: a pool of actors completes texts, this process makes one table of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from ss_ray.cluster import reported_progress
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.config.model import ResourceParameters
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.generation.pool import TextPool, actor_options
from ss_ray.generation.results import GenerationJob, SyntheticTable
from ss_ray.generation.stage import fixed_columns, learned_mappings, of_whole_series
from ss_ray.generation.text_actor import TextActor
from ss_ray.generation.text_table import TextTable, given_of
from ss_ray.location import Location
from ss_ray.plans.language_generation import LanguageGenerationPlan
from ss_ray.plans.plan import GenerationPlan
from ss_ray.progress import OnProgress

logger = logging.getLogger(__name__)


def generate_text_table(
    job: GenerationJob, language: LanguageGenerationPlan, on_progress: OnProgress
) -> SyntheticTable:
    """Write the rows or groups of a plan as Parquet files of the model's schema into `job.target`.

    Args:
        job: Rows to make, by a folder with a merged checkpoint, its tokenizer, `codec.json` and `generation.json`.
        language: Engine, sampling and limits of the language model.
        on_progress: Function that is told the rows or groups done.

    Raises:
        ConfigError: Constraints or given values that the table cannot have.
        DataError: Given values, or ends of series, that the schema does not allow.
        GenerationError: Not a single row could be made, or the actors keep dying.
    """
    codec = JsonCodec.from_json((job.model / "codec.json").read_text())
    plan, language = plan_series(codec, job.plan, language)
    mappings = learned_mappings(plan, job.request.real_rows)
    fixed = fixed_columns(codec.schema, codec.sequences, job.request)
    enforcer = make_enforcer(plan.constraints, codec.schema, mappings, fixed)
    given = given_of(codec, plan, language, job.request)
    if given.is_per_row:
        language = replace(language, one_record=True)

    table = TextTable(language.bounded(codec), enforcer, plan, given, job.work)
    started = time.monotonic()
    with reported_progress(on_progress, "generate", table.wanted, table.unit) as report:
        report(table.made)
        if not table.is_done:
            _fill_table(table, job.model, plan, language, job.resources, report)

    logger.info("%s %s in %.0f s from %s completions", table.made, table.unit, time.monotonic() - started, table.asked)
    return table.release(job.target, job.filled(codec.schema))


def plan_series(
    codec: JsonCodec, plan: GenerationPlan, language: LanguageGenerationPlan
) -> tuple[GenerationPlan, LanguageGenerationPlan]:
    """The plans, with the ends of series and the number of their rows where that is told."""
    length = codec.between(plan.start, plan.stop).length
    plan = of_whole_series(plan, length)
    rows = plan.num_records if length is None and plan.is_one_sequence else length
    language = replace(language, start=plan.start, stop=plan.stop, num_rows=rows)
    # No model writes so many rows in order.
    if plan.is_one_sequence and codec.order is None:
        language = replace(language, validation=replace(language.validation, fix_unordered_records=True))

    return plan, language


def _fill_table(
    table: TextTable,
    model: Location,
    plan: GenerationPlan,
    language: LanguageGenerationPlan,
    resources: ResourceParameters,
    report: Callable[..., None],
) -> None:
    """Ask until the table is complete, or given up."""
    arguments = (model, language, plan.seed, resources.threads_per_worker or 1, resources.use_gpu)
    # Twice a batch for each actor: while one half is decoded, the other one waits there.
    options = actor_options(resources, language.engine)
    with TextPool(_load_actor, arguments, options, capacity=2 * language.batch_size) as pool:
        while not table.is_done:
            pool.submit(table.asks(pool.room))
            for answers in pool.wait():
                table.add(answers)
            before = table.made
            table.settle()
            report(table.made - before)


def _load_actor(model: Location, language: LanguageGenerationPlan, seed: int, threads: int, use_gpu: bool) -> TextActor:
    """What an actor holds; what it imports takes seconds, and no other process needs it."""
    from ss_ray.generation.text_actor import load_text_actor

    return load_text_actor(model, language, seed, threads=threads, use_gpu=use_gpu)
