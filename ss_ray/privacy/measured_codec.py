"""The codec of a privately measured schema: nothing in it depends on a row but through the measurement.

Numbers are a bin and no digits, drawn evenly inside it: finer places would be learned from noise. Text is spelled in
bytes and placeholders, in a window of fixed length, because pieces and lengths would have to be learned from the texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ss_ray.codec.columns import FIRST_TOKEN, AbsentCodec, BinnedCodec, ValueCodec
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import ColumnCodec, SlotCodec
from ss_ray.codec.texts import TextCodec, train_tokenizer, vocabulary_size
from ss_ray.pii.identities.placeholders import USUAL_PLACEHOLDERS
from ss_ray.privacy.measured import MeasuredColumn, MeasuredSchema
from ss_ray.schema import Kind

NUM_BYTES = 256
MIN_SHARE = 1e-4
"""What is expected at least of a value whose noisy count is 0 or below."""


def measured_codec(measured: MeasuredSchema, *, max_text_tokens: int) -> SlotCodec:
    """The codec of a measured schema.

    Args:
        measured: Schema that was measured.
        max_text_tokens: Bytes of a text that are kept.
    """
    return SlotCodec(schema=measured.schema, columns=measured_columns(measured.columns, FIRST_TOKEN, max_text_tokens))


def measured_columns(
    columns: Sequence[MeasuredColumn], first_token: int, max_text_tokens: int
) -> tuple[ColumnCodec, ...]:
    """Codecs of measured columns, texts last, with token ids from `first_token` on."""
    bytes_only = train_tokenizer((), NUM_BYTES, USUAL_PLACEHOLDERS)
    codecs: list[ColumnCodec] = []
    next_token = first_token

    for found in sorted(columns, key=lambda found: found.column.kind is Kind.TEXT):
        if found.column.kind is Kind.TEXT:
            codecs.append(
                TextCodec(
                    column=found.column,
                    # That of all text columns, which come last.
                    first_token=next_token,
                    tokenizer=bytes_only,
                    num_pieces=vocabulary_size(bytes_only),
                    max_tokens=max_text_tokens,
                )
            )
        else:
            codecs.append(_column_codec(found, next_token))
            next_token += codecs[-1].num_tokens

    return tuple(codecs)


def _column_codec(found: MeasuredColumn, first_token: int) -> ColumnCodec:
    if found.column.kind is Kind.IDENTIFIER:
        return AbsentCodec(column=found.column, first_token=first_token)
    if found.scale is None:
        return ValueCodec(column=found.column, first_token=first_token)

    return BinnedCodec(
        column=found.column,
        first_token=first_token,
        scale=found.scale,
        atoms=(),
        lows=found.lows,
        highs=found.highs,
        digits=0,
    )


def prior_logits(codec: SlotCodec | SequenceCodec, measured: MeasuredSchema | None) -> npt.NDArray[np.float32]:
    """(vocabulary,) logarithms of each token's measured share in its column; 0 for text, or where none was measured."""
    logits = np.zeros(codec.vocabulary_size, np.float32)
    if measured is None:
        return logits

    shares = {found.column: found.shares for found in measured.columns}
    for column in codec.columns:
        if column.num_tokens and column.column in shares and not isinstance(column, TextCodec):
            tokens = slice(column.first_token, column.first_token + column.num_tokens)
            logits[tokens] = np.log(np.maximum(shares[column.column], MIN_SHARE))

    return logits
