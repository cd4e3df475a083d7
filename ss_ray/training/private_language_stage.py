"""Fine-tuning of language models with differential privacy on Ray: the adapter alone sees rows, one unit at a time.

The base model is taken to be public. What generation is told of the training (prompt, window, grammar) follows from the
measured schema and the model's own files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ss_ray.cluster import map_items
from ss_ray.codec.json_lines import JsonCodec
from ss_ray.codec.json_order import JsonOrder, make_order
from ss_ray.codec.measured_sequences import measured_axis, with_all_present
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.prompt import GenerationSettings, instruction
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.config import Config
from ss_ray.errors import DataError, PrivacyError
from ss_ray.language_plan import plan_language_training
from ss_ray.plan import PrivateLoopPlan
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.units import check_same_rows
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.sequence_plan import SequencePlan, plan_sequences
from ss_ray.training.encoding import declared_interval, sorted_units
from ss_ray.training.language_stage import language_environment, save_groups, tokenize_table
from ss_ray.training.private_stage import PrivateModelRef, check_trained, fit_private, save_units
from ss_ray.training.stage import model_ref


def train_private_language_model(
    rows: Location,
    units: Location,
    schema: TableSchema,
    private: PrivateSchema,
    loop: PrivateLoopPlan,
    account: Account,
    config: Config,
    folder: Location,
    key: str,
    on_progress: OnProgress,
) -> PrivateModelRef:
    """Fine-tune a pretrained language model with differential privacy on the Parquet parts in `rows`.

    Args:
        rows: Folder of typed parts.
        units: Folder of the same rows before PII was replaced, whose grouping column tells the privacy units.
        schema: Of those rows, exact; used only where that is allowed.
        private: As it was measured.
        loop: What to do.
        account: Of this training in the ledger; what it reserves and does not use is given back.
        config: The request: its grouping column, model and resources.
        folder: Where folder/model, folder/adapter, folder/tokens, folder/units and folder/checkpoints go.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        on_progress: Told the steps charged.

    Raises:
        ConfigError: The base model cannot be trained as asked.
        DataError: The names of the columns alone fill the model's window.
        PrivacyError: The ledger has no budget for it, or the model has layers whose gradients cannot be clipped.
        ResourceError: The base model cannot be had.
        TrainingError: A worker failed for good.
    """
    from ss_ray.training.language_worker import LanguageTask
    from ss_ray.training.pretrained import load_tokenizer, model_window, render_prompt

    sequences, tokens = plan_sequences(config), folder / "tokens"
    plan = plan_language_training(config, num_rows=private.num_units, seed=loop.seed)
    codec = _codec(schema, private, sequences, loop)
    tokenizer = load_tokenizer(plan.base_model)
    prompt, prompt_ids = render_prompt(tokenizer, instruction(codec))
    window = model_window(plan)
    if window <= len(prompt_ids) + 1:
        raise DataError(f"the names of the columns fill the {window} tokens of the model; leave out columns")
    if sequences is None:
        tokenize_table(rows, codec, tokenizer, tokens)
        ids = save_units(units, rows, config.data.group_training_examples_by, folder)
    else:
        _tokenize_units(rows, units, codec, sequences, tokenizer, tokens)
        ids = save_units(units, rows, None, folder)  # an example is a unit
    max_tokens = window - len(prompt_ids)  # of the longest example, only the rows could tell
    task = LanguageTask(
        tokens=tokens,
        codec=codec,
        plan=plan,
        settings=GenerationSettings(prompt=prompt, prompt_ids=prompt_ids, max_tokens=max_tokens, window=window),
        adapter=folder / "adapter",
        private=loop,
    )
    settings = {"task": task, "units": ids, "account": account}
    environment = language_environment()
    metrics = fit_private(
        _train_worker, settings, loop, account, config.resources, folder, key, on_progress, environment
    )
    check_trained(metrics)
    model = model_ref(
        metrics,
        num_slots=max_tokens,
        vocabulary_size=len(tokenizer),
        batch_rows=round(loop.dp.expected_batch_size),
    )
    return PrivateModelRef(model=model, dp=loop.dp, charges=account.spent())


def _codec(
    schema: TableSchema, private: PrivateSchema, sequences: SequencePlan | None, loop: PrivateLoopPlan
) -> JsonCodec:
    """The codec of the measured schema, or of the exact one where it was allowed; no column is taken to be constant.

    Raises:
        DataError: The order column cannot start or stop where it was asked to.
        PrivacyError: Sequences of an exact schema, whose bounds would not be paid for.
    """
    if sequences is None:
        return JsonCodec(schema=private.measured.schema if private.measured else schema, sequences=None, max_records=1)
    if private.measured is None:
        raise PrivacyError("sequences need a measured schema; leave privacy.allow_inferred_schema out")
    group, order = sequences.group, sequences.order
    codec = JsonCodec(
        schema=with_all_present(private.measured.schema, (group, order)),
        sequences=Sequences(group=group, order=order, constants=(), max_rows=loop.max_rows_per_unit),
        max_records=1,
    )
    axis = measured_axis(codec.schema[order]) if order is not None else None
    codec = codec if axis is None else codec.ordered(_measured_order(codec.schema, axis, sequences))
    codec.between(sequences.start, sequences.stop)  # refused before the rest of the budget goes
    return codec


def _measured_order(schema: TableSchema, axis: OrderAxis, sequences: SequencePlan) -> JsonOrder:
    """Rows as distances, as far as the measured bounds are apart."""
    low, high = axis.bounds
    return make_order(
        schema,
        axis,
        gaps=(0, max(1, high - low)),
        gaps_are_listed=False,
        divisor=1,
        interval=declared_interval(sequences, axis),
    )


def _tokenize_units(
    rows: Location, units: Location, codec: JsonCodec, plan: SequencePlan, tokenizer: Any, folder: Location
) -> None:
    """Write the tokens of every privacy unit's lines.

    Raises:
        DataError: Rows without a place.
        PrivacyError: Rows were dropped, so nobody knows which of the others belong together.
    """
    check_same_rows(units.files(".parquet"), rows.files(".parquet"))
    folder.remove()
    list(map_items(_units_worker, [rows], arguments=(units, codec, plan, tokenizer, folder.make_folder())))


def _units_worker(
    units: Location, codec: JsonCodec, plan: SequencePlan, tokenizer: Any, folder: Location
) -> Callable[[Location], None]:
    def tokenize(rows: Location) -> None:
        table, _ = sorted_units(rows, units, plan)
        save_groups(table, codec, tokenizer, folder, 0)

    return tokenize


def _train_worker(config: dict[str, Any]) -> None:
    """The body of one Ray Train worker; what it imports takes seconds."""
    from ss_ray.training.language_worker import train_private_language_in_worker

    train_private_language_in_worker(**config)
