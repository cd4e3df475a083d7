"""Fine-tuning of language models with differential privacy on Ray: the adapter alone sees rows, one unit at a time.

The base model is taken to be public. What generation is told of the training (prompt, window, grammar) follows from the
measured schema and the model's own files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ss_ray.cluster import map_items
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.order import JsonOrder, make_order
from ss_ray.codec.json.prompt import GenerationSettings, instruction
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequence_tables import Gaps
from ss_ray.errors import DataError, PrivacyError
from ss_ray.location import Location
from ss_ray.plans.language_training import LanguagePlan
from ss_ray.plans.sequences import SequencePlan
from ss_ray.privacy.measured_sequence_codec import measured_axis, with_all_present
from ss_ray.privacy.units import check_same_rows
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.training.encoding import declared_interval, sorted_units
from ss_ray.training.language_stage import language_environment, save_groups, tokenize_table
from ss_ray.training.private.stage import PrivateModelRef, PrivateTraining, check_trained, fit_private
from ss_ray.training.stage import model_ref


def train_private_language_model(
    training: PrivateTraining, plan: LanguagePlan, on_progress: OnProgress
) -> PrivateModelRef:
    """Fine-tune a pretrained language model with differential privacy; the adapter goes to folder/adapter, too.

    Args:
        training: Rows, their privacy units and the budgeted loop.
        plan: Base model and adapter.
        on_progress: Told the steps charged.

    Raises:
        ConfigError: The base model cannot be trained as asked.
        DataError: The names of the columns alone fill the model's window.
        PrivacyError: The ledger has no budget for it, or the gradients of this model cannot be clipped.
        ResourceError: The base model cannot be had.
        TrainingError: A worker failed for good.
    """
    from ss_ray.training.language_worker import LanguageTask
    from ss_ray.training.pretrained import load_tokenizer, model_window, render_prompt

    loop = training.loop
    tokens = training.folder / "tokens"
    sequences = training.sequences
    codec = _choose_codec(training, sequences)
    tokenizer = load_tokenizer(plan.base_model)
    prompt, prompt_ids = render_prompt(tokenizer, instruction(codec))
    window = model_window(plan)
    if window <= len(prompt_ids) + 1:
        raise DataError(f"the names of the columns fill the {window} tokens of the model; leave out columns")

    if sequences is None:
        tokenize_table(training.rows, codec, tokenizer, tokens)
        units = training.save_units(per_example=False)
    else:
        _tokenize_units(training, codec, sequences, tokenizer, tokens)
        units = training.save_units(per_example=True)

    # Of the longest example, only the rows could tell.
    max_tokens = window - len(prompt_ids)
    task = LanguageTask(
        tokens=tokens,
        codec=codec,
        plan=plan,
        settings=GenerationSettings(prompt=prompt, prompt_ids=prompt_ids, max_tokens=max_tokens, window=window),
        adapter=training.folder / "adapter",
        private=loop,
    )
    settings = {"task": task, "units": units}
    metrics = fit_private(_train_worker, settings, training, on_progress, language_environment())
    check_trained(metrics)
    model = model_ref(
        metrics,
        family="language_model",
        num_slots=max_tokens,
        vocabulary_size=len(tokenizer),
        batch_rows=round(loop.dp.expected_batch_size),
    )

    return PrivateModelRef(model=model, dp=loop.dp, charges=training.account.spent())


def _choose_codec(training: PrivateTraining, sequences: SequencePlan | None) -> JsonCodec:
    """The codec of the measured schema, or of the exact one where it was allowed; no column is taken to be constant.

    Raises:
        DataError: The order column cannot start or stop where it was asked to.
        PrivacyError: Sequences of an exact schema, whose bounds would not be paid for.
    """
    measured = training.private.measured
    if sequences is None:
        return JsonCodec(schema=measured.schema if measured else training.schema, sequences=None, max_records=1)
    if measured is None:
        raise PrivacyError("sequences need a measured schema; leave privacy.allow_inferred_schema out")

    group = sequences.group
    order = sequences.order
    codec = JsonCodec(
        schema=with_all_present(measured.schema, (group, order)),
        sequences=Sequences(group=group, order=order, constants=(), max_rows=training.loop.max_rows_per_unit),
        max_records=1,
    )
    if order is not None:
        axis = measured_axis(codec.schema[order])
    else:
        axis = None

    if axis is not None:
        codec = codec.ordered(_measured_order(codec.schema, axis, sequences))

    # Refused before the rest of the budget goes.
    codec.between(sequences.start, sequences.stop)
    return codec


def _measured_order(schema: TableSchema, axis: OrderAxis, sequences: SequencePlan) -> JsonOrder:
    """Rows as distances, as far as the measured bounds are apart."""
    low, high = axis.bounds
    return make_order(
        schema,
        axis,
        gaps=Gaps(values=(0, max(1, high - low)), are_listed=False),
        divisor=1,
        interval=declared_interval(sequences, axis),
    )


def _tokenize_units(
    training: PrivateTraining, codec: JsonCodec, plan: SequencePlan, tokenizer: Any, folder: Location
) -> None:
    """Write the tokens of every privacy unit's lines.

    Raises:
        DataError: Rows without a place.
        PrivacyError: Rows were dropped, so nobody knows which of the others belong together.
    """
    check_same_rows(training.units.files(".parquet"), training.rows.files(".parquet"))
    folder.remove()
    arguments = (training.units, codec, plan, tokenizer, folder.make_folder())
    list(map_items(_units_worker, [training.rows], arguments=arguments))


def _units_worker(
    units: Location, codec: JsonCodec, plan: SequencePlan, tokenizer: Any, folder: Location
) -> Callable[[Location], None]:
    def tokenize(rows: Location) -> None:
        table, _ = sorted_units(rows, units, plan)
        save_groups(table, codec, tokenizer, folder, 0)

    return tokenize


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds."""
    from ss_ray.training.language_worker import train_private_language_in_worker

    return train_private_language_in_worker(**config)
