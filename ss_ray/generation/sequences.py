"""New sequences, window after window.

First all headers, which say how long each sequence will be, then sequences of similar length together, so that none
waits for a much longer one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ss_ray.codec.ascending import Ints
from ss_ray.codec.columns import FREE, PAD, Tokens
from ss_ray.codec.given_rows import GivenRows
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens
from ss_ray.generation.decoder import decode_candidates, decode_rows, drawn_by
from ss_ray.plans.sampling import Sampling
from ss_ray.training.models import CompactModel

BATCH_POSITIONS = 2**19
"""Slots of all sequences of a batch; what the model remembers of each takes some hundred bytes."""
MAX_BATCH = 1024


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
        self.model = model
        self.codec = codec
        self.sampling = sampling
        self.rng = rng
        self.generator = generator

    def sequences(self, given: Tokens, length: int | None = None, every_row: GivenRows | None = None) -> SequenceTokens:
        """A sequence for each given header, of `length` rows, or as long as its header says.

        Args:
            given: (sequences, header slots) tokens, FREE where they are drawn.
            length: Rows of each sequence; None: as its header says.
            every_row: Tokens that the rows of each sequence have; None where nothing is given.
        """
        if length is not None:
            sizes = np.full(len(given), length)
            return self._with_rows(self._draw_headers(given, sizes), sizes, every_row)
        headers = self._draw_headers(given)
        return self._with_rows(headers, self.codec.sizes(headers, self.rng), every_row)

    def rows(self, num_rows: int, given: Tokens, every_row: GivenRows | None = None) -> SequenceTokens:
        """Sequences of so many rows in all; the last one is told to have what is left.

        Args:
            num_rows: At least 1.
            given: (1, header slots) tokens of every header, FREE where they are drawn.
            every_row: Tokens that the rows of all sequences have, as of one; None where nothing is given.
        """
        if self.codec.sequences.group is None:
            return self._with_rows(self._draw_headers(given), np.array([num_rows]), every_row)

        headers, sizes = self._draw_until(num_rows, given)
        missing = num_rows - int(sizes[:-1].sum())
        if missing != sizes[-1]:
            headers[-1:] = self._draw_headers(given, np.array([missing]))
            sizes[-1] = missing

        if every_row is not None:
            every_row = every_row.take(np.zeros(len(sizes), np.int64))
        return self._with_rows(headers, sizes, every_row)

    def _draw_until(self, num_rows: int, given: Tokens) -> tuple[Tokens, Ints]:
        """Headers and sizes of just enough sequences for `num_rows` rows."""
        headers = self._draw_headers(given)
        sizes = self.codec.sizes(headers, self.rng)
        while (have := int(sizes.sum())) < num_rows:
            wanted = min(MAX_BATCH, max(1, (num_rows - have) * len(sizes) // have))
            more = self._draw_headers(np.repeat(given, wanted, axis=0))
            headers = np.concatenate([headers, more])
            sizes = np.append(sizes, self.codec.sizes(more, self.rng))

        enough = int(np.searchsorted(np.cumsum(sizes), num_rows)) + 1
        return headers[:enough], sizes[:enough]

    def _draw_headers(self, given: Tokens, sizes: Ints | None = None) -> Tokens:
        """(sequences, header slots) tokens, of given sizes or of any."""
        slots = self.codec.header.slots
        if not slots:
            return np.empty((len(given), 0), np.int32)

        parts = []
        for start in range(0, len(given), MAX_BATCH):
            part = given[start : start + MAX_BATCH].copy()
            is_conditioned = bool((part != FREE).any())
            if sizes is not None:
                told = self.codec.size_tokens(sizes[start : start + MAX_BATCH])
                part[:, : told.shape[1]] = told
            parts.append(self._header_batch(part, is_conditioned=is_conditioned))

        return np.concatenate(parts)

    def _header_batch(self, given: Tokens, *, is_conditioned: bool) -> Tokens:
        slots = self.codec.header.slots
        # The size comes first: what follows is conditioned on it anyway.
        if not is_conditioned:
            return decode_rows(self.model, slots, len(given), self.sampling, self.generator, given)

        tokens, weights = decode_candidates(self.model, slots, given, self.sampling, self.generator)
        return tokens.reshape(*weights.shape, -1)[np.arange(len(given)), drawn_by(weights, self.rng)]

    def _with_rows(self, headers: Tokens, sizes: Ints, every_row: GivenRows | None) -> SequenceTokens:
        starts = np.append(0, np.cumsum(sizes))
        rows = np.full((starts[-1], len(self.codec.row.slots)), PAD, np.int32)
        for batch in self._batch_by_size(sizes):
            given = None if every_row is None else every_row.take(batch)
            self._write_batch(rows, headers[batch], sizes[batch], starts[:-1][batch], given)
        return SequenceTokens(headers=headers, rows=rows, starts=starts)

    def _batch_by_size(self, sizes: Ints) -> Iterator[Ints]:
        """Sequences whose sizes differ by a factor of 2 at most, longest first, as many as memory allows."""
        order = np.argsort(-sizes, kind="stable")
        width = len(self.codec.row.slots)
        first = 0

        while first < len(order):
            longest = int(sizes[order[first]])
            slots = len(self.codec.header.slots) + min(longest, self.codec.window_rows) * width
            similar = int((sizes * 2 > longest).sum()) - first
            size = max(1, min(MAX_BATCH, similar, BATCH_POSITIONS // slots))
            yield order[first : first + size]
            first += size

    def _write_batch(
        self, rows: Tokens, headers: Tokens, sizes: Ints, starts: Ints, every_row: GivenRows | None
    ) -> None:
        """Fill in the rows of a batch of sequences, window after window."""
        window = self.codec.window_rows
        done = 0
        while done < sizes.max():
            context = min(done, self.codec.context_rows)
            active = np.flatnonzero(sizes > done)
            size = min(window, int(sizes.max()) - done + context)
            # Of each row of the window in its sequence.
            place = done - context + np.arange(size)
            source = starts[active, None] + place
            is_there = place < sizes[active, None]
            known = None if every_row is None else every_row.take(active)
            given = self._window_context(rows, source, is_there, sizes[active, None] - place, context, known)
            given = np.concatenate([headers[active], given], axis=1)
            slots = self.codec.slots[: given.shape[1]]
            made = decode_rows(self.model, slots, len(active), self.sampling, self.generator, given)
            made = made[:, headers.shape[1] :].reshape(len(active), size, -1)
            is_new = is_there & (place >= done)
            rows[source[is_new]] = made[is_new]
            done += size - context

    def _window_context(
        self,
        rows: Tokens,
        source: Ints,
        is_there: npt.NDArray[np.bool_],
        left: Ints,
        context: int,
        every_row: GivenRows | None,
    ) -> Tokens:
        """(sequences, slots of the window's rows): what was made before or is given, and how many rows are left."""
        given = np.full((*source.shape, rows.shape[1]), FREE, np.int32)
        if every_row is not None:
            given[:] = every_row.later[:, None]
            if not context:
                given[:, 0] = every_row.first
        given[:, :context] = rows[source[:, :context]]
        given[:, :, 0] = np.where(is_there, self.codec.markers(np.maximum(left, 1)), PAD)
        if not context:
            for slot, changed in self.codec.flag_slots:
                given[:, 0, slot] = changed

        given[~is_there] = PAD
        return given.reshape(len(source), -1)
