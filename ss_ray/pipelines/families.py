"""Two families of models behind two calls: the compact model, and language models of Hugging Face."""

from __future__ import annotations

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.order import make_order
from ss_ray.config.model import COMPACT, Config
from ss_ray.errors import PrivacyError
from ss_ray.generation.language_stage import generate_text_table
from ss_ray.generation.pool import has_vllm
from ss_ray.generation.results import Request, SyntheticTable
from ss_ray.generation.stage import generate_table
from ss_ray.location import Location
from ss_ray.plans.language_generation import plan_language_generation
from ss_ray.plans.language_training import plan_language_training
from ss_ray.plans.make import is_private
from ss_ray.plans.plan import GenerationPlan, RunPlan
from ss_ray.plans.sequences import SequencePlan
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.training.encoding import find_sequences, fixed_interval
from ss_ray.training.language_stage import train_language_model
from ss_ray.training.private.language_stage import train_private_language_model
from ss_ray.training.private.stage import PrivateModelRef, PrivateTraining, train_private_model
from ss_ray.training.stage import ModelRef, train_model


def is_language_model(config: Config) -> bool:
    """Whether a pretrained language model is asked for."""
    return config.training.pretrained_model != COMPACT


def train(
    rows: Location,
    num_rows: int,
    schema: TableSchema,
    plan: RunPlan,
    config: Config,
    folder: Location,
    key: str,
    on_progress: OnProgress,
) -> ModelRef:
    """Train the model that was asked for on the Parquet parts in `rows`.

    Args:
        rows: Folder of typed parts.
        num_rows: In them.
        schema: Of those rows.
        plan: Of the run.
        config: The request.
        folder: Where folder/model goes, with the codec that reads and writes its rows.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        on_progress: Told the steps done and the loss.

    Raises:
        SsRayError: See `train_model` and `train_language_model`.
    """
    if not is_language_model(config):
        return train_model(rows, schema, plan.sequences, plan.training, config.resources, folder, key, on_progress)

    language = plan_language_training(config, num_rows=num_rows, seed=plan.seed)
    codec = _text_codec(rows, schema, plan.sequences, language.max_records)
    if plan.sequences is not None:
        # Refused before hours of training.
        codec.between(plan.sequences.start, plan.sequences.stop)

    return train_language_model(rows, codec, language, config.resources, folder, key, on_progress)


def _text_codec(rows: Location, schema: TableSchema, plan: SequencePlan | None, max_records: int) -> JsonCodec:
    """The codec of a language model; sequences are looked for in all rows."""
    if plan is None:
        return JsonCodec(schema=schema, sequences=None, max_records=max_records)

    found = find_sequences(rows, schema, plan)
    facts = found.facts
    interval = fixed_interval(plan, found.axis, found.facts)
    codec = JsonCodec(schema=schema, sequences=found.columns, max_records=max_records)
    if found.axis is None:
        return codec

    if facts.gaps is not None:
        gaps = facts.gaps
    else:
        gaps = facts.gap_bounds or ()

    order = make_order(
        schema,
        found.axis,
        gaps=gaps,
        gaps_are_listed=facts.gaps is not None,
        divisor=facts.gap_divisor,
        interval=interval,
    )
    return codec.ordered(order)


def train_private(training: PrivateTraining, on_progress: OnProgress) -> PrivateModelRef:
    """The same with differential privacy; see `train_private_model` and `train_private_language_model`."""
    if is_language_model(training.config):
        fit = train_private_language_model
    else:
        fit = train_private_model
    return fit(training, on_progress)


def generate(
    model: Location,
    plan: GenerationPlan,
    rows: Location | None,
    config: Config,
    work: Location,
    target: Location,
    on_progress: OnProgress,
) -> SyntheticTable:
    """Write the rows or groups of a plan with the model in a folder, of whichever family it is.

    Args:
        model: Folder of the model.
        plan: What to do.
        rows: Folder of the rows that were learned; None with differential privacy, where none may be looked at again.
        config: The whole request.
        work: Folder for what is made so far; belongs to this very plan and model.
        target: Folder that appears complete.
        on_progress: Told the rows or groups done.

    Raises:
        PrivacyError: Real rows are given, with differential privacy.
        SsRayError: See `generate_table` and `generate_text_table`.
    """
    request = make_request(config, rows)
    if not (model / "generation.json").exists():
        return generate_table(model, plan, request, config.resources, work, target, on_progress)
    language = plan_language_generation(config, vllm_available=has_vllm(use_gpu=config.resources.use_gpu))
    return generate_text_table(model, plan, language, request, config.resources, work, target, on_progress)


def make_request(config: Config, rows: Location | None) -> Request:
    """What generation is asked for beside its plan.

    Args:
        config: The whole request.
        rows: Folder of the rows that were learned; None with differential privacy.

    Raises:
        PrivacyError: Real rows are given, with differential privacy: what they decide would not be paid for.
    """
    if is_private(config) and rows is not None:
        raise PrivacyError("with differential privacy no real row may be looked at when rows are generated")
    return Request(generation=config.generation, encoding=config.data.encoding, real_rows=rows)


def describe(model: ModelRef, config: Config) -> str:
    """The model in a few words, without the path of a local one."""
    if is_language_model(config):
        examples = "examples"
    else:
        examples = "rows or sequences"

    if is_language_model(config):
        family = "a language model with LoRA"
    else:
        family = "compact"

    if model.records_left_out:
        left_out = f", {model.records_left_out:,} records longer than its window left out"
    else:
        left_out = ""

    size = f"{model.num_parameters:,} parameters, {model.steps:,} steps of {model.batch_rows} {examples}"
    return f"{family}, {size}{left_out}"
