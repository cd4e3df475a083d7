"""Fine-tuning of language models on Ray: JSON lines to tokens part by part, then 1..n workers.

The result is folder/model, which transformers and vLLM load: adapter and base model in one, with the tokenizer,
`codec.json` and `generation.json`; and folder/adapter in PEFT's format. A worker that dies is replaced, and a run that
was killed goes on, from the last checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ss_ray.cluster import WORKER_ENVIRONMENT, map_items, reported_progress
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.order import make_order
from ss_ray.codec.json.prompt import GenerationSettings, instruction
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.plans.language_training import LanguagePlan
from ss_ray.plans.sequences import SequencePlan
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import BLOCK_ROWS, count_rows, read_part
from ss_ray.training.arrays import save_array
from ss_ray.training.buckets import BUCKET_ROWS, Bucket, read_bucket
from ss_ray.training.encoding import find_sequences, fixed_interval
from ss_ray.training.stage import ModelRef, TrainingRows, fit_workers, model_ref

logger = logging.getLogger(__name__)


def train_language_model(
    table: TrainingRows, codec: JsonCodec, plan: LanguagePlan, on_progress: OnProgress
) -> ModelRef:
    """Fine-tune a pretrained language model on the Parquet parts of a table; the adapter goes to folder/adapter, too.

    Args:
        table: Rows to learn, and the place of the training.
        codec: Codec of the rows' schema.
        plan: Base model, adapter and training loop; its steps are counted anew once the examples are cut.
        on_progress: Function that is told the steps done and the loss.

    Raises:
        ConfigError: The base model cannot be trained as asked.
        DataError: No record fits in the model's window.
        ResourceError: The base model cannot be had.
        TrainingError: A worker failed for good.
    """
    from ss_ray.training.language_worker import LanguageTask, cut_lines
    from ss_ray.training.pretrained import load_tokenizer, model_window, render_prompt

    tokenizer = load_tokenizer(plan.base_model)
    tokens = table.folder / "tokens"
    prompt, prompt_ids = render_prompt(tokenizer, instruction(codec))
    window = model_window(plan)
    tokenize_table(table.rows, codec, tokenizer, tokens)
    _, cuts = cut_lines(tokens, codec, room=window - len(prompt_ids), seed=plan.seed)
    # Refused here, and not after the workers have loaded the model.
    if not cuts.records:
        raise DataError(f"no record fits in the {window} tokens of the model; leave out columns of long text")

    if cuts.too_long:
        logger.info("%s records are longer than the model's window, and are not learned from", cuts.too_long)

    task = LanguageTask(
        tokens=tokens,
        codec=codec,
        plan=plan.with_examples(examples=len(cuts.spans), records=cuts.records),
        settings=GenerationSettings(prompt=prompt, prompt_ids=prompt_ids, max_tokens=cuts.longest, window=window),
        adapter=table.folder / "adapter",
    )
    with reported_progress(on_progress, "train", task.plan.num_steps, "steps") as report:
        settings = {"task": task, "report": report}
        environment = language_environment()
        metrics = fit_workers(_train_worker, settings, table.resources, table.folder, table.key, environment)
        report(task.plan.num_steps - metrics["steps"], metrics["note"])

    return model_ref(
        metrics,
        family="language_model",
        num_slots=cuts.longest,
        vocabulary_size=len(tokenizer),
        batch_rows=plan.batch_rows,
        records_left_out=cuts.too_long,
    )


def fit_text_codec(rows: Location, schema: TableSchema, plan: SequencePlan | None, max_records: int) -> JsonCodec:
    """The codec of a language model; sequences are looked for in all rows."""
    if plan is None:
        return JsonCodec(schema=schema, sequences=None, max_records=max_records)

    found = find_sequences(rows, schema, plan)
    facts = found.facts
    interval = fixed_interval(plan, found.axis, found.facts)
    codec = JsonCodec(schema=schema, sequences=found.columns, max_records=max_records)
    if found.axis is None:
        return codec

    order = make_order(
        schema,
        found.axis,
        gaps=facts.known_gaps,
        divisor=facts.gap_divisor,
        interval=interval,
    )
    return codec.ordered(order)


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds."""
    from ss_ray.training.language_worker import train_language_in_worker

    return train_language_in_worker(**config)


def language_environment() -> dict[str, str]:
    """Workers download a model of the hub, unless this process may not."""
    from huggingface_hub import constants

    return WORKER_ENVIRONMENT | {"HF_HUB_OFFLINE": str(int(constants.HF_HUB_OFFLINE))}


def tokenize_table(rows: Location, codec: JsonCodec, tokenizer: Any, folder: Location) -> None:
    """Write the tokens of every part's lines, or of every bucket of groups, to folder/{tokens,sizes,groups}-*.npy.

    Raises:
        DataError: Rows without a group or a place.
    """
    folder.remove()
    folder.make_folder()
    parts = rows.files(".parquet")
    if codec.sequences is None:
        list(map_items(_rows_worker, list(enumerate(parts)), arguments=(codec, tokenizer, folder)))
        return

    if codec.sequences.group is not None:
        number = max(1, -(-sum(count_rows(parts)) // BUCKET_ROWS))
    else:
        number = 1

    buckets = [Bucket(number=i, of=number) for i in range(number)]
    list(map_items(_groups_worker, buckets, arguments=(parts, codec, tokenizer, folder)))


def _rows_worker(codec: JsonCodec, tokenizer: Any, folder: Location) -> Callable[[tuple[int, Location]], None]:
    def tokenize(item: tuple[int, Location]) -> None:
        index, part = item
        _save_lines((codec.render(block) for block in read_part(part)), tokenizer, folder, index)

    return tokenize


def _groups_worker(
    parts: Sequence[Location], codec: JsonCodec, tokenizer: Any, folder: Location
) -> Callable[[Bucket], None]:
    group = codec.sequences.group if codec.sequences else None
    order = codec.sequences.order if codec.sequences else None

    def tokenize(bucket: Bucket) -> None:
        table, _ = read_bucket(parts, codec.schema.to_arrow(), group, order, bucket)
        save_groups(table, codec, tokenizer, folder, bucket.number)

    return tokenize


def save_groups(table: pa.Table, codec: JsonCodec, tokenizer: Any, folder: Location, index: int) -> None:
    """Write the tokens of sorted groups to folder/{tokens,sizes,groups}-index.npy."""
    groups = [_split_lines(text) for text in codec.render_groups(table)]
    save_array(np.array([len(lines) for lines in groups], np.int64), folder / f"groups-{index:05d}.npy")
    lines = [line for group in groups for line in group]
    blocks = (lines[start : start + BLOCK_ROWS] for start in range(0, len(lines), BLOCK_ROWS))
    _save_lines(blocks, tokenizer, folder, index)


def _split_lines(text: str) -> list[str]:
    r"""The lines of a text, each with its "\n"; JSON has no other line ends."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def _save_lines(blocks: Iterable[list[str]], tokenizer: Any, folder: Location, index: int) -> None:
    from ss_ray.training.text_examples import tokenize_lines

    found = [tokenize_lines(tokenizer, []), *(tokenize_lines(tokenizer, block) for block in blocks)]
    save_array(np.concatenate([tokens for tokens, _ in found]), folder / f"tokens-{index:05d}.npy")
    save_array(np.concatenate([sizes for _, sizes in found]), folder / f"sizes-{index:05d}.npy")
