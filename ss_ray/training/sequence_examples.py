"""Windows of sequences as examples: put together from rows when they are needed, so that no row is held twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ss_ray.codec.columns import PAD
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens, windows
from ss_ray.training.examples import parts_of_similar_length
from ss_ray.training.models import TokenRanges, ragged_losses, token_ranges


@dataclass(frozen=True, kw_only=True)
class SequenceExamples:
    """Windows of sequences.

    Attributes:
        headers: (sequences, header slots) int32.
        rows: (rows, row slots) int32, sequence after sequence.
        starts: (sequences,) int64 first row of each.
        windows: (windows, 4) int64: sequence, first row, rows, rows that are only looked at.
        lengths: (windows,) int64 tokens in use.
        ranges: Token ranges of the slots of a window.
    """

    headers: Tensor
    rows: Tensor
    starts: Tensor
    windows: Tensor
    lengths: Tensor
    ranges: TokenRanges

    @property
    def units(self) -> Tensor:
        """The sequence of each window."""
        return self.windows[:, 0]

    @property
    def positions(self) -> float:
        """Mean tokens of a window."""
        return float(self.lengths.double().mean())

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """Parts of similar lengths."""
        return parts_of_similar_length(numbers, self.lengths[numbers], num_parts)

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """Of each window: its new rows, and the header where they are the sequence's first."""
        sequence, first, size, looked_at = self.windows[numbers].T
        places = torch.arange(int(size.max()))
        # (windows, places, slots)
        rows = self.rows[(first[:, None] + places).clamp(max=len(self.rows) - 1)].long()
        rows[places >= size[:, None]] = PAD
        wanted = rows.clone()
        wanted[places < looked_at[:, None]] = PAD
        headers = self.headers[sequence].long()
        is_first = (first == self.starts[sequence])[:, None]
        tokens = torch.cat([headers, rows.flatten(1)], dim=1)
        targets = torch.cat([torch.where(is_first, headers, PAD), wanted.flatten(1)], dim=1)

        return ragged_losses(model, tokens, targets, self.ranges)


def sequence_examples(tokens: SequenceTokens, codec: SequenceCodec, device: torch.device) -> SequenceExamples:
    """All windows of encoded sequences."""
    sizes = np.diff(tokens.starts)
    cut = [
        (sequence, tokens.starts[sequence] + first, rows, looked_at)
        for sequence, size in enumerate(sizes.tolist())
        for first, rows, looked_at in windows(size, codec.window_rows)
    ]
    table = np.array(cut, np.int64).reshape(-1, 4)
    used = np.append(0, np.cumsum((tokens.rows != PAD).sum(axis=1)))
    headers = (tokens.headers != PAD).sum(axis=1)[table[:, 0]]
    lengths = headers + used[table[:, 1] + table[:, 2]] - used[table[:, 1]]

    return SequenceExamples(
        headers=torch.from_numpy(tokens.headers.astype(np.int32)).to(device),
        rows=torch.from_numpy(tokens.rows.astype(np.int32)).to(device),
        starts=torch.from_numpy(tokens.starts[:-1]),
        windows=torch.from_numpy(table),
        lengths=torch.from_numpy(lengths),
        ranges=token_ranges(codec.slots),
    )
