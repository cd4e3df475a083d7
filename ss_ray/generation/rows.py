"""The rows of a shard: drawn, checked against the constraints, and drawn again where they are rejected.

What is made so far is never given up: a maker that meets too many bad batches in a row stops, and says how many rows
or groups are missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from ss_ray.codec.ascending import Ends
from ss_ray.codec.columns import FREE
from ss_ray.codec.given_rows import given_rows
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.config.constraints import UniqueConstraint
from ss_ray.constraints.enforce import Enforced, Enforcer, Seen
from ss_ray.generation.decoder import CANDIDATES, decode_candidates, decode_rows, drawn_by
from ss_ray.generation.sequences import SequenceWriter
from ss_ray.generation.shards import Shard
from ss_ray.plans.plan import GenerationPlan
from ss_ray.training.models import CompactModel

BATCH_ROWS = 1024
"""Rows that are decoded together; fixed, because the random draws of a shard depend on it."""

FEW_ROWS = 64
"""Fewer would say little about how many are rejected."""
NUMBERS = 256
"""Numbers of identifiers that a shard may use up for each of its rows."""
NEVER = -1e30
"""Log-weight of a candidate that is taken only where there is no other."""
Made = Iterator[tuple[pa.Table, int]]
"""Tables, each with the number of rows (or groups, where groups are asked for) that it adds."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The random numbers of a shard."""

    rng: np.random.Generator
    generator: torch.Generator


@dataclass
class Tally:
    """What became of the rows drawn so far; the one thing here that changes.

    Attributes:
        plan: How many bad batches in a row end the shard, and what a bad one is.
        enforcer: Enforcer of the constraints.
        seen: Keys and pairs in use.
        rejected: Rows by constraint.
        repaired: Cells by constraint.
    """

    plan: GenerationPlan
    enforcer: Enforcer
    seen: Seen = field(default_factory=Seen)
    rejected: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    _bad_batches: int = 0
    _draw_sequences: int = 0
    _kept: int = 0

    @property
    def single_row_enforcer(self) -> Enforcer:
        """Of the constraints that look at one row."""
        alone = tuple(c for c in self.enforcer.constraints if not isinstance(c, UniqueConstraint))
        return replace(self.enforcer, constraints=alone)

    @property
    def is_hopeless(self) -> bool:
        """Whether too many batches in a row were bad."""
        return self._bad_batches >= self.plan.patience

    @property
    def kept_share(self) -> float:
        """Share of the rows drawn so far that were kept, above 0."""
        return max(self._kept, 1) / max(self._draw_sequences, 1)

    def enforce(self, table: pa.Table, groups: np.ndarray | None = None) -> Enforced:
        """The rows that break no constraint."""
        done = self.enforcer.enforce(table, groups=groups, seen=self.seen)
        self.seen = done.seen
        self.rejected.update(done.rejected)
        self.repaired.update(done.repaired)
        self._draw_sequences += len(table)
        self._kept += len(done.table)
        is_bad = len(table) - len(done.table) >= self.plan.invalid_fraction_threshold * len(table)
        if is_bad and len(table) > len(done.table):
            self._bad_batches = self._bad_batches + 1
        else:
            self._bad_batches = 0

        return done


def make_rows(model: CompactModel, codec: SlotCodec, shard: Shard, draws: Draws, tally: Tally) -> Made:
    """Rows one by one."""
    made = drawn = 0
    sampling = tally.plan.sampling
    seed = tally.plan.seed

    while made < shard.size and not tally.is_hopeless and drawn < NUMBERS * shard.size:
        missing = shard.size - made
        size = min(BATCH_ROWS, missing if tally.kept_share == 1 else max(FEW_ROWS, int(missing / tally.kept_share)))
        tokens = decode_rows(model, codec.slots, size, sampling, draws.generator)
        first_row = first_number(shard.first, tally) + drawn
        table = codec.decode(tokens, rng=draws.rng, first_row=first_row, seed=seed)
        drawn += size
        kept = tally.enforce(table).table.slice(0, missing)
        if len(kept) < size and not tally.enforcer.rules_identifiers:
            kept = codec.identified(kept, first_row=shard.first + made, seed=seed)

        made += len(kept)
        yield kept, len(kept)


def first_number(first: int, tally: Tally) -> int:
    """Number of the first row, or group, of a shard.

    Where constraints look at identifiers, these stay as they were checked: rows that are rejected use up their numbers,
    so each shard has more of them than rows. Otherwise rows are numbered without gaps.
    """
    if tally.enforcer.rules_identifiers:
        return first * NUMBERS
    return first


def make_conditioned_rows(
    model: CompactModel, codec: SlotCodec, shard: Shard, draws: Draws, tally: Tally, given: pa.Table
) -> Made:
    """A row for each row of `given`, in its order, with its cells; none where no row can be made."""
    size = BATCH_ROWS // CANDIDATES
    for start in range(0, shard.size, size):
        rows = given.slice(shard.first + start, min(size, shard.size - start))
        kept, places = _draw_conditioned(model, codec, shard.first + start, draws, tally, rows)
        if not tally.enforcer.rules_identifiers:
            kept = codec.identified(kept, first_row=shard.first + start, seed=tally.plan.seed)
        yield _with_cells(kept, rows.take(pa.array(places))), len(rows)


def _with_cells(table: pa.Table, given: pa.Table) -> pa.Table:
    """The table with given identifiers, which were numbered like all others."""
    for name in given.column_names:
        kept = pc.coalesce(given.column(name), table.column(name))
        table = table.set_column(table.column_names.index(name), table.schema.field(name), kept)
    return table


def _draw_conditioned(
    model: CompactModel, codec: SlotCodec, first_row: int, draws: Draws, tally: Tally, given: pa.Table
) -> tuple[pa.Table, np.ndarray]:
    """Rows with given cells, each drawn until it breaks no constraint or there is no hope; and which they are."""
    pending = np.arange(len(given))
    tries = 0
    ruled = tally.enforcer.rules_identifiers
    if ruled:
        most = min(tally.plan.patience, NUMBERS // CANDIDATES)
    else:
        most = tally.plan.patience

    parts = [codec.schema.to_arrow().empty_table()]
    places = [np.zeros(0, np.int64)]
    while len(pending) and tries < most:
        number = first_number(first_row, tally) + tries * CANDIDATES * len(given)
        done = tally.enforce(_draw_candidates(model, codec, number, draws, tally, given.take(pa.array(pending))))
        parts.append(done.table)
        places.append(pending[done.kept])
        if done.kept.any() and not ruled:
            tries = 0
        else:
            tries = tries + 1

        pending = pending[~done.kept]

    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_tables(parts).take(pa.array(order)), np.concatenate(places)[order]


def _draw_candidates(
    model: CompactModel, codec: SlotCodec, first_row: int, draws: Draws, tally: Tally, given: pa.Table
) -> pa.Table:
    """One of several candidates for each row, drawn by how well it fits, among those that break no rule of one row."""
    tokens, weights = decode_candidates(model, codec.slots, codec.given(given), tally.plan.sampling, draws.generator)
    rows, candidates = weights.shape
    cells = given.take(pa.array(np.repeat(np.arange(rows), candidates)))
    table = codec.decode(tokens, rng=draws.rng, first_row=first_row, seed=tally.plan.seed, given=cells)
    kept = tally.single_row_enforcer.enforce(table).kept.reshape(rows, candidates)
    chosen = drawn_by(np.where(kept, weights, NEVER), draws.rng)

    return table.take(pa.array(np.arange(rows) * candidates + chosen))


def make_sequences(
    model: CompactModel, codec: SequenceCodec, shard: Shard, draws: Draws, tally: Tally, given: pa.Table | None
) -> Made:
    """Sequences of rows: as many rows, or as many groups, as the shard has."""
    maker = _SequenceMaker(model, codec, shard, draws, tally, given)
    if maker.by_group:
        return maker.groups()
    return maker.rows()


class _SequenceMaker:
    def __init__(
        self,
        model: CompactModel,
        codec: SequenceCodec,
        shard: Shard,
        draws: Draws,
        tally: Tally,
        given: pa.Table | None,
    ) -> None:
        self.codec = codec
        self.shard = shard
        self.draws = draws
        self.tally = tally
        self.plan = tally.plan
        self.writer = SequenceWriter(model, codec, tally.plan.sampling, draws.rng, draws.generator)
        self.ends: Ends = codec.ends(self.plan.start, self.plan.stop)
        self.length = codec.length(self.ends)
        self.by_group = self.plan.num_groups is not None
        self.given = given
        self.groups_made = self.rows_made = self.groups_drawn = self.rows_drawn = 0

    def groups(self) -> Made:
        """As many groups as the shard has; given cells are kept by their groups, in order."""
        pending = np.arange(self.shard.size)
        while len(pending) and not self.tally.is_hopeless:
            if self.given is None:
                cells = None
            else:
                cells = self.given.take(pa.array(self.shard.first + pending))

            table, starts, kept = self._draw_sequences(self._tokens_given(cells, len(pending)), cells)
            yield self._number_rows(table, starts), int(kept.sum())
            pending = pending[~kept]

    def rows(self) -> Made:
        """As many rows as the shard has."""
        while self.rows_made < self.shard.size and not self.tally.is_hopeless:
            if self.given is None:
                cells = None
            else:
                cells = self.given.slice(0, 1)
            table, starts, _ = self._draw_sequences(
                self._tokens_given(cells, 1), cells, self.shard.size - self.rows_made
            )
            yield self._number_rows(table, starts), len(table)

    def _tokens_given(self, cells: pa.Table | None, number: int) -> np.ndarray:
        if cells is None:
            return np.full((number, len(self.codec.header.slots)), FREE, np.int32)
        return self.codec.header.given(cells)

    def _draw_sequences(
        self, headers: np.ndarray, cells: pa.Table | None, num_rows: int | None = None
    ) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Sequences that break no constraint, where each starts, and which of those drawn they are."""
        every_row = None if cells is None else given_rows(self.codec, cells)
        if num_rows is None:
            tokens = self.writer.sequences(headers, self.length, every_row)
        else:
            tokens = self.writer.rows(num_rows, headers, every_row)

        sizes = np.diff(tokens.starts)
        # The same for all groups.
        if cells is not None and len(cells) < len(sizes):
            cells = cells.take(pa.array(np.zeros(len(sizes), np.int64)))

        table = self.codec.decode(
            tokens,
            rng=self.draws.rng,
            first_group=first_number(self.shard.first, self.tally) + self.groups_drawn,
            first_row=first_number(self._first_row, self.tally) + self.rows_drawn,
            seed=self.plan.seed,
            ends=self.ends,
            given=cells,
        )
        self.groups_drawn += len(sizes)
        self.rows_drawn += len(table)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        done = self.tally.enforce(table, groups=owner)
        kept = np.isin(np.arange(len(sizes)), owner[done.kept])

        return done.table, np.append(0, np.cumsum(sizes[kept])), kept

    @property
    def _first_row(self) -> int:
        """Number of the first row, where no two shards share a number."""
        longest = max(self.codec.sequences.max_rows, self.length or 0)
        if self.by_group:
            return self.shard.first * longest
        return self.shard.first

    def _number_rows(self, table: pa.Table, starts: np.ndarray) -> pa.Table:
        """Identifiers of the groups and rows so far, without gaps; as they are where constraints looked at them."""
        if not self.tally.enforcer.rules_identifiers:
            table = self.codec.identified(
                table,
                starts,
                first_group=self.shard.first + self.groups_made,
                first_row=self._first_row + self.rows_made,
                seed=self.plan.seed,
            )

        self.groups_made += len(starts) - 1
        self.rows_made += len(table)
        return table
