"""New sequences, window after window.

First all headers, which say how long each sequence will be, then sequences of similar length together, so that none
waits for a much longer one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ss_ray.codec.columns import PAD, Tokens
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens
from ss_ray.generation.decoder import FREE, decode_rows
from ss_ray.generation.sampling import Sampling
from ss_ray.training.models import CompactModel

BATCH_POSITIONS = 2**19
"""Slots of all sequences of a batch; what the model remembers of each takes some hundred bytes."""
MAX_BATCH = 1024

Ints = npt.NDArray[np.int64]


class SequenceWriter:
    """Draws headers and rows of sequences from one stream of random numbers."""

    def __init__(
        self,
        model: CompactModel,
        codec: SequenceCodec,
        sampling: Sampling,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> None:
        self.model, self.codec, self.sampling, self.rng, self.generator = model, codec, sampling, rng, generator

    def sequences(self, num_sequences: int, length: int | None = None) -> SequenceTokens:
        """So many sequences, each of `length` rows, or as long as its header says."""
        if length is not None:
            sizes = np.full(num_sequences, length)
            return self._with_rows(self._headers(num_sequences, sizes), sizes)
        headers = self._headers(num_sequences)
        return self._with_rows(headers, self.codec.sizes(headers, self.rng))

    def rows(self, num_rows: int) -> SequenceTokens:
        """Sequences of so many rows in all; the last one is told to have what is left."""
        if self.codec.sequences.group is None:
            return self._with_rows(self._headers(1), np.array([num_rows]))
        headers, sizes = self._until(num_rows)
        missing = num_rows - int(sizes[:-1].sum())
        if missing != sizes[-1]:
            headers[-1:] = self._headers(1, np.array([missing]))
            sizes[-1] = missing
        return self._with_rows(headers, sizes)

    def _until(self, num_rows: int) -> tuple[Tokens, Ints]:
        """Headers and sizes of just enough sequences for `num_rows` rows."""
        headers = self._headers(1)
        sizes = self.codec.sizes(headers, self.rng)
        while (have := int(sizes.sum())) < num_rows:
            more = self._headers(min(MAX_BATCH, max(1, (num_rows - have) * len(sizes) // have)))
            headers, sizes = np.concatenate([headers, more]), np.concatenate([sizes, self.codec.sizes(more, self.rng)])
        enough = int(np.searchsorted(np.cumsum(sizes), num_rows)) + 1
        return headers[:enough], sizes[:enough]

    def _headers(self, number: int, sizes: Ints | None = None) -> Tokens:
        """(number, header slots) tokens, of given sizes or of any."""
        slots = self.codec.header.slots
        if not slots:
            return np.empty((number, 0), np.int32)
        parts = []
        for start in range(0, number, MAX_BATCH):
            given = np.full((min(MAX_BATCH, number - start), len(slots)), FREE, np.int32)
            if sizes is not None:
                told = self.codec.size_tokens(sizes[start : start + MAX_BATCH])
                given[:, : told.shape[1]] = told
            parts.append(decode_rows(self.model, slots, len(given), self.sampling, self.generator, given))
        return np.concatenate(parts)

    def _with_rows(self, headers: Tokens, sizes: Ints) -> SequenceTokens:
        starts = np.append(0, np.cumsum(sizes))
        rows = np.full((starts[-1], len(self.codec.row.slots)), PAD, np.int32)
        for batch in self._batches(sizes):
            self._write(rows, headers[batch], sizes[batch], starts[:-1][batch])
        return SequenceTokens(headers=headers, rows=rows, starts=starts)

    def _batches(self, sizes: Ints) -> Iterator[Ints]:
        """Sequences whose sizes differ by a factor of 2 at most, longest first, as many as memory allows."""
        order = np.argsort(-sizes, kind="stable")
        width, first = len(self.codec.row.slots), 0
        while first < len(order):
            longest = int(sizes[order[first]])
            slots = len(self.codec.header.slots) + min(longest, self.codec.window_rows) * width
            similar = int((sizes * 2 > longest).sum()) - first
            size = max(1, min(MAX_BATCH, similar, BATCH_POSITIONS // slots))
            yield order[first : first + size]
            first += size

    def _write(self, rows: Tokens, headers: Tokens, sizes: Ints, starts: Ints) -> None:
        """Fill in the rows of a batch of sequences, window after window."""
        window, done = self.codec.window_rows, 0
        while done < sizes.max():
            context = min(done, self.codec.context_rows)
            active = np.flatnonzero(sizes > done)
            size = min(window, int(sizes.max()) - done + context)
            place = done - context + np.arange(size)  # of each row of the window in its sequence
            source = starts[active, None] + place
            is_there = place < sizes[active, None]
            given = self._given(rows, source, is_there, sizes[active, None] - place, context)
            given = np.concatenate([headers[active], given], axis=1)
            slots = self.codec.slots[: given.shape[1]]
            made = decode_rows(self.model, slots, len(active), self.sampling, self.generator, given)
            made = made[:, headers.shape[1] :].reshape(len(active), size, -1)
            is_new = is_there & (place >= done)
            rows[source[is_new]] = made[is_new]
            done += size - context

    def _given(self, rows: Tokens, source: Ints, is_there: npt.NDArray[np.bool_], left: Ints, context: int) -> Tokens:
        """(sequences, slots of the window's rows): what was made before, and how many rows are left at each."""
        given = np.full((*source.shape, rows.shape[1]), FREE, np.int32)
        given[:, :context] = rows[source[:, :context]]
        given[:, :, 0] = np.where(is_there, self.codec.markers(np.maximum(left, 1)), PAD)
        given[~is_there] = PAD
        return given.reshape(len(source), -1)
