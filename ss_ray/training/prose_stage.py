"""Training of the language model of texts on Ray: rows to tokens part by part, then 1..n workers.

The result is folder/model, which transformers and vLLM load, and `vocabulary.json`, the tokens that it may write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ss_ray.cluster import map_items, reported_progress
from ss_ray.codec.cuts import whole_words
from ss_ray.codec.prose import PROSE_FILE, VOCABULARY_FILE, ProseCodec, cut_words, fit_prose_codec
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.plans.prose import ProsePlan, ProseTablePlan
from ss_ray.progress import OnProgress
from ss_ray.tables.parts import read_part, sample_rows
from ss_ray.training.arrays import save_array
from ss_ray.training.balance import BALANCE_FILE, fit_balance, save_balances
from ss_ray.training.encoding import SAMPLE_ROWS
from ss_ray.training.language_stage import language_environment
from ss_ray.training.matching import MATCHER_FILE, fit_matcher, join_texts, told_columns
from ss_ray.training.stage import ModelRef, TrainingRows, fit_workers, model_ref, train_model

if TYPE_CHECKING:
    from ss_ray.training.prose_examples import ProseTokens  # with torch, which takes a second

LANGUAGE_MODEL_STEPS = "steps of the language model"
MIN_TEXTS = 3
"""Rows that use a token at least, or else the model may not write it unless it is of small letters."""
_WORD = re.compile(r" ?[a-z]+")


def train_with_prose(table: TrainingRows, plan: ProseTablePlan, on_progress: OnProgress) -> ModelRef:
    """Train the compact model on a table without its prose, then a language model on the prose.

    Args:
        table: Rows to learn, and the place of the training.
        plan: Training of both models.
        on_progress: Function that is told the steps done and the loss, of one model after the other.

    Raises:
        SsRayError: See `train_model` and `train_prose`.
    """
    sample = sample_rows(table.rows.files(".parquet"), SAMPLE_ROWS)
    codec = fit_prose_codec(table.schema, sample, reserved=plan.prose.reserved)
    if codec is None:
        return train_model(table, plan, on_progress)

    matcher = fit_matcher(sample, codec.texts, codec.shown, seed=plan.seed)
    # A small model loses a value among many that say nothing of the text.
    codec = replace(codec, shown=tuple(told_columns(sample, codec.texts, codec.shown, matcher)))
    outlines = table.folder / "outlines"
    outline_rows(table.rows, codec, outlines)
    model = train_model(replace(table, rows=outlines, schema=codec.outline_schema), plan, on_progress)
    (table.folder / "model" / PROSE_FILE).write_text(codec.to_json())

    prose = replace(table, folder=table.folder / "prose", key=f"prose-{table.key}")
    language_model = train_prose(prose, codec, plan.prose, on_progress)
    # Beside the language model: the compact model has no texts.
    if matcher is not None:
        matcher.save(prose.folder / "model" / MATCHER_FILE)
    balances = (fit_balance(name, join_texts(sample, [name])) for name in codec.texts)
    save_balances([balance for balance in balances if balance], prose.folder / "model" / BALANCE_FILE)

    return replace(model, family="compact_and_prose", prose=language_model)


def outline_rows(rows: Location, codec: ProseCodec, folder: Location) -> None:
    """Write every part of a table with the number of words in the place of each text."""
    folder.remove()
    folder.make_folder()
    list(map_items(_outline_worker, rows.files(".parquet"), arguments=(codec, folder)))


def _outline_worker(codec: ProseCodec, folder: Location) -> Callable[[Location], None]:
    def outline(part: Location) -> None:
        target = folder / part.name
        schema = codec.outline_schema.to_arrow()
        with pq.ParquetWriter(target.path, schema, filesystem=target.filesystem) as writer:
            for block in read_part(part):
                writer.write_table(codec.outline(block).cast(schema))

    return outline


def train_prose(table: TrainingRows, codec: ProseCodec, plan: ProsePlan, on_progress: OnProgress) -> ModelRef:
    """Train the language model of a table's texts.

    Args:
        table: Rows with their texts, and the place of the training.
        codec: Codec of the texts.
        plan: Base model and training loop; its steps are counted anew once the rows with a text are known.
        on_progress: Function that is told the steps done and the loss.

    Raises:
        DataError: No row has a text that the model could learn.
        ResourceError: The base model cannot be had.
        TrainingError: A worker failed for good.
    """
    from ss_ray.training.pretrained import load_tokenizer
    from ss_ray.training.prose_worker import ProseTask, load_prose_tokens

    tokens = table.folder / "tokens"
    tokenize_texts(table.rows, codec, plan, tokens)
    learned = load_prose_tokens(tokens)
    vocabulary = usual_tokens(learned, load_tokenizer(plan.base_model))
    if not vocabulary:
        raise DataError("no text of the table could be learned; set training.prose_model to null")

    plan = plan.with_rows(len(learned.sizes), len(learned.tokens))
    task = ProseTask(tokens=tokens, plan=plan, vocabulary=vocabulary)
    with reported_progress(on_progress, "train", plan.num_steps, LANGUAGE_MODEL_STEPS) as report:
        metrics = fit_workers(
            _train_worker,
            {"task": task, "report": report},
            table.resources,
            table.folder,
            table.key,
            language_environment(),
        )
        report(plan.num_steps - metrics["steps"], metrics["note"])

    (table.folder / "model" / VOCABULARY_FILE).write_text(json.dumps(vocabulary))
    return model_ref(
        metrics,
        family="compact_and_prose",
        num_slots=plan.max_tokens,
        vocabulary_size=len(vocabulary),
        batch_rows=plan.batch_rows,
    )


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds."""
    from ss_ray.training.prose_worker import train_prose_in_worker

    return train_prose_in_worker(**config)


def tokenize_texts(
    rows: Location, codec: ProseCodec, plan: ProsePlan, folder: Location, *, keeps_all: bool = False
) -> None:
    """Write the tokens of every part for `prose_worker.load_prose_tokens`; see `tokenize_rows`."""
    folder.remove()
    folder.make_folder()
    parts = list(enumerate(rows.files(".parquet")))
    list(map_items(_tokens_worker, parts, arguments=(codec, plan, folder, keeps_all)))


def _tokens_worker(
    codec: ProseCodec, plan: ProsePlan, folder: Location, keeps_all: bool
) -> Callable[[tuple[int, Location]], None]:
    from ss_ray.training.pretrained import load_tokenizer
    from ss_ray.training.prose_worker import COUNTED, SIZES, TOKENS

    tokenizer = load_tokenizer(plan.base_model)

    def tokenize(item: tuple[int, Location]) -> None:
        index, part = item
        blocks = read_part(part)
        tokenized = (tokenize_rows(block, codec, tokenizer, plan.max_tokens, keeps_all=keeps_all) for block in blocks)
        rows = [row for block in tokenized for row in block]
        sizes = np.array([len(tokens) for tokens, _ in rows], np.int64)
        empty: NDArray[np.int32] = np.zeros(0, np.int32)
        save_array(np.concatenate([empty, *(tokens for tokens, _ in rows)]), folder / f"{TOKENS}{index:05d}.npy")
        counted = np.concatenate([empty.astype(bool), *(counted for _, counted in rows)])
        save_array(counted, folder / f"{COUNTED}{index:05d}.npy")
        save_array(sizes, folder / f"{SIZES}{index:05d}.npy")

    return tokenize


def tokenize_rows(
    table: pa.Table, codec: ProseCodec, tokenizer: Any, max_tokens: int, *, keeps_all: bool = False
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.bool_]]]:
    """Tokens of each row that has a text, or of each row at all, and which of them are counted.

    Args:
        table: Rows with their texts.
        codec: Codec of the texts.
        tokenizer: Tokenizer of the model.
        max_tokens: Tokens of a row at most; what is behind them is cut off.
        keeps_all: Whether a row without a text is kept, because its number tells whose it is.

    Yields:
        (tokens,) int32 and (tokens,) bool.
    """
    words = codec.outline(table)
    cells = {name: table.column(name).to_pylist() for name in codec.texts}
    counts = {name: words.column(name).to_pylist() for name in codec.texts}
    for row, opening in enumerate(codec.openings(table)):
        tokens = split_text(tokenizer, opening)
        counted = [False] * len(tokens)
        for name in codec.texts:
            if not counts[name][row]:
                continue

            number = counts[name][row]
            heading = split_text(tokenizer, codec.heading(name, number))
            is_cut = codec.is_cut(name, number)
            written = cells[name][row].strip()
            text = split_text(tokenizer, f" {whole_words(written) if is_cut else cut_words(written, number)}")
            tokens += [*heading, *text, tokenizer.eos_token_id]
            # A text that was cut off does not end where it stops.
            counted += [False] * len(heading) + [True] * len(text) + [not is_cut]

        if not any(counted[:max_tokens]) and keeps_all:
            # Two tokens at least, of which the second is told by the first.
            tokens, counted = [*tokens, *[tokenizer.eos_token_id] * 2], [*counted, False, False]
        if keeps_all or any(counted[:max_tokens]):
            yield np.array(tokens[:max_tokens], np.int32), np.array(counted[:max_tokens])


def split_text(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a text, without special ones."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens


def usual_tokens(rows: ProseTokens, tokenizer: Any) -> tuple[int, ...]:
    """Tokens that the texts may be written of, ascending: those of MIN_TEXTS rows, and words that the model knows.

    A token of small letters is a word or a part of one that is frequent in what the model was made from, so it tells of
    nobody, however few rows have it. A token with a capital letter or another sign may be a part of a name.

    Args:
        rows: Rows with their texts.
        tokenizer: Tokenizer of the model.
    """
    owners = np.repeat(np.arange(len(rows.sizes)), rows.sizes)[rows.counted]
    pairs = np.unique(np.stack([rows.tokens[rows.counted].astype(np.int64), owners]), axis=1)
    tokens, counts = np.unique(pairs[0], return_counts=True)
    least = min(MIN_TEXTS, max(1, len(rows.sizes) // 20))
    is_word = np.array([_WORD.fullmatch(tokenizer.decode([token])) is not None for token in tokens.tolist()], bool)
    return tuple(tokens[(counts >= least) | is_word].tolist())
