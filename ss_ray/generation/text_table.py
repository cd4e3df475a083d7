"""The table that a language model's completions make: what is asked for, what is kept, what is written.

Completions count in the order of their numbers, not in the order in which they are finished: the table is a function of
weights, plan and seed for any number of actors and whatever dies (up to an engine's rounding), and short completions
are not favoured. Finished rows go to Parquet parts, so a killed run goes on after the last of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from ss_ray.codec.json.cells import cell_texts, quoted
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.records import Fault, Numbers, Parsed
from ss_ray.constraints.enforce import Enforcer, Seen
from ss_ray.errors import ConfigError, GenerationError
from ss_ray.generation.given import given_table, is_given
from ss_ray.generation.persons import PersonFiller
from ss_ray.generation.results import GenerationRequest, SyntheticTable, most_frequent
from ss_ray.generation.text_actor import Answers, Ask
from ss_ray.location import Location
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.plans.language_generation import LanguageGenerationPlan
from ss_ray.plans.plan import GenerationPlan
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.parts import PartWriter, read_part

PART_ROWS = 4096
"""Rows after which a part is written: as many a killed run loses."""
BATCH = 100
"""Completions that are judged together, unless each is a whole series: a batch with too many invalid rows costs some of
the `patience`."""
SURPLUS = 1.1
"""Requests over those that the table is expected to need."""
PLACE = ""
"""Column of the given row that a row is made for; no column of a table has this name."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is given of the rows to be made.

    Attributes:
        texts: JSON object of the given values of each row (or group); only one, for all, where they are all the same.
        is_per_row: Whether each of them is for a row (or group) of its own.
    """

    texts: tuple[str, ...] = ("",)
    is_per_row: bool = False


def given_of(
    codec: JsonCodec, plan: GenerationPlan, language: LanguageGenerationPlan, request: GenerationRequest
) -> Given:
    """The given values as the grammar takes them; a missing one is free.

    Raises:
        ConfigError: Columns that cannot be given, or no grammar that could hold them.
        DataError: Values that the schema does not allow.
    """
    generation = request.generation
    if not is_given(generation):
        return Given()
    if not language.is_constrained:
        raise ConfigError("generation.given, shares and seed_table need generation.structured_generation.enabled: true")

    is_per_row = bool(generation.shares or generation.seed_table)
    if is_per_row and codec.sequences is not None and plan.num_groups is None:
        raise ConfigError("generation.shares and seed_table of groups: say how many with generation.num_groups")

    of_rows = () if is_per_row and codec.sequences is not None else codec.row_columns
    columns = (column for column in (*codec.shared_columns, *of_rows) if column.kind is not Kind.IDENTIFIER)
    # Distances are not given.
    columns = (column for column in columns if column.name in codec.schema.names)
    schema = TableSchema(columns=tuple(columns))
    size = plan.num_groups or plan.num_records
    table = given_table(generation, schema, size if is_per_row else 1, plan.seed, request.encoding)
    cells = {name: cell_texts(table.column(name), schema[name]).to_pylist() for name in table.column_names}
    rows = (
        ",".join(f"{quoted(name)}:{cell}" for name, cell in zip(cells, row, strict=True) if cell != "null")
        for row in zip(*cells.values(), strict=True)
    )

    return Given(texts=tuple(f"{{{row}}}" for row in rows), is_per_row=is_per_row)


@dataclass(kw_only=True)
class _TableState:
    """How far a table is. What is in a file beside the parts is true of them.

    Attributes:
        next: Number of the first completion that does not count yet.
        parts: Number of Parquet files.
        rows: Number of rows that are kept.
        groups: Number of groups that are kept.
        drawn_rows: Before constraints; what numbers identifiers until then.
        drawn_groups: Number of groups before constraints.
        retries: Given rows that are asked again, in order.
        rejected: Records and rows by reason; a resumed run counts those under way when it was killed again.
        repaired: Number of cells that were changed, by constraint.
        records: Number of records of the current batch.
        invalid: Number of records of the current batch that are not kept.
        bad_batches: In a row.
    """

    next: int = 0
    parts: int = 0
    rows: int = 0
    groups: int = 0
    drawn_rows: int = 0
    drawn_groups: int = 0
    retries: list[int] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    records: int = 0
    invalid: int = 0
    bad_batches: int = 0


_STATE = TypeAdapter(_TableState)


class TextTable:
    """A synthetic table that grows by completions, and what it still needs.

    Args:
        codec: Codec of the rows.
        enforcer: Enforcer of the constraints.
        plan: How many rows or groups, and when to give up.
        given: Cells that are given of the rows.
        work: Folder of the parts so far; there may be some of a run that was killed.
    """

    def __init__(
        self, codec: JsonCodec, enforcer: Enforcer, plan: GenerationPlan, given: Given, work: Location
    ) -> None:
        self._codec = codec
        self._enforcer = enforcer
        self._plan = plan
        self._given = given
        self._work = work
        self._by_group = plan.num_groups is not None
        self._batch = 1 if plan.is_one_sequence else BATCH
        self._parts = (work / "parts").make_folder()
        self._file = work / "state.json"
        self._state, self._seen = _TableState(), Seen()
        # Given rows that are made.
        self._filled: set[int] = set()
        # Rows that are in no part yet.
        self._pending: list[pa.Table] = []
        # Rows and number of records; lower numbers are missing.
        self._finished: dict[int, tuple[pa.Table, int]] = {}
        self._resume_parts()
        self.asked = self._state.next

    @property
    def wanted(self) -> int:
        """Rows, or groups."""
        if self._given.is_per_row:
            return len(self._given.texts)
        return self._plan.num_groups or self._plan.num_records

    @property
    def unit(self) -> str:
        """What is counted."""
        if self._by_group:
            return "groups"
        return "rows"

    @property
    def made(self) -> int:
        """Rows or groups so far."""
        if self._by_group:
            return self._state.groups
        return self._state.rows

    @property
    def is_done(self) -> bool:
        """Whether it is complete, or too many batches in a row were bad."""
        return self.made >= self.wanted or self._state.bad_batches >= self._plan.patience

    def asks(self, room: int) -> list[Ask]:
        """The next requests: about as many as the table needs, `room` at most."""
        if self._given.is_per_row:
            end = len(self._given.texts) + len(self._state.retries)
        else:
            end = self._state.next + self._requests_missing()

        # More requests than are missing: some completions hold no row that can be kept.
        numbers = range(self.asked, min(end, self.asked + room))
        self.asked += len(numbers)
        return [Ask(number=number, given=self._given.texts[self._given_row(number)]) for number in numbers]

    def _requests_missing(self) -> int:
        """By the rows or groups that a completion has given so far; at first, by the most that it can."""
        if self._plan.is_one_sequence:
            return 1

        most = 1 if self._by_group else self._codec.max_lines
        if self._state.next:
            each = max(self.made, 0.5) / self._state.next
        else:
            each = most

        # At least one request, so that a table whose completions give no row is given up, and does not wait.
        return math.ceil(SURPLUS * (self.wanted - self.made) / each) + 1

    def _given_row(self, number: int) -> int:
        """The given row that a completion is for."""
        if not self._given.is_per_row:
            return 0

        size = len(self._given.texts)
        if number < size:
            return number
        return self._state.retries[number - size]

    def add(self, answers: Answers) -> None:
        """Take up finished completions, in any order."""
        rows = answers.rows
        starts = np.searchsorted(rows.sources, np.arange(len(answers.numbers) + 1)).tolist()
        for i, number in enumerate(answers.numbers):
            # Completions arrive in any order; their rows are kept in the order of their numbers.
            made = rows.table.slice(starts[i], starts[i + 1] - starts[i])
            self._finished[number] = made, int(answers.num_records[i])

        self._state.rejected.update(_name_faults(rows.rejected))
        self._state.repaired.update(_name_faults(rows.repaired))

    def settle(self) -> None:
        """Keep rows of those completions whose turn it is."""
        while not self.is_done and (numbers := self._in_turn()):
            self._take_rows(numbers)
        if self._pending and (self.is_done or sum(len(table) for table in self._pending) >= PART_ROWS):
            self._write_part()

    def _in_turn(self) -> list[int]:
        """Numbers of the next completions, all of one batch; no two of one given row."""
        first = self._state.next
        numbers = list[int]()
        places = set[int]()

        for number in range(first, first + self._batch - first % self._batch):
            if number in self._finished and self._given.is_per_row:
                place = self._given_row(number)
            else:
                place = number

            # A later completion must not be kept before an earlier one: the table would depend on the speed of the
            # actors.
            if number not in self._finished or place in places:
                break

            numbers.append(number)
            places.add(place)

        return numbers

    def _take_rows(self, numbers: Sequence[int]) -> None:
        """Keep the rows of completions that break no constraint, and judge the batch when it is full."""
        state = self._state
        places = [self._given_row(number) for number in numbers]
        made = [self._finished.pop(number) for number in numbers]
        made = [
            # A row that another completion has filled meanwhile needs no second one.
            (rows.slice(0, 0), 0) if place in self._filled else (rows, records)
            for place, (rows, records) in zip(places, made, strict=True)
        ]
        sources = np.repeat(np.arange(len(made)), [len(rows) for rows, _ in made])
        kept = self._keep_rows(_to_parsed(pa.concat_tables([rows for rows, _ in made]), sources), places)
        state.next += len(numbers)
        state.records += sum(records for _, records in made)
        state.invalid += sum(records for _, records in made) - len(kept)
        if self._given.is_per_row:
            self._filled.update(places[source] for source in kept.tolist())
            # twice: ever more at once.
            state.retries += 2 * [place for place in places if place not in self._filled]

        if state.next % self._batch == 0 and state.records:
            # A batch is judged only when it is full, so that the verdict does not depend on the actors either.
            is_bad = state.invalid >= max(1, self._plan.invalid_fraction_threshold * state.records)
            state.bad_batches = state.bad_batches + 1 if is_bad else 0
            state.records = state.invalid = 0

    def _keep_rows(self, drawn: Parsed, places: Sequence[int]) -> Numbers:
        """Add the rows that break no constraint, as far as they are needed; (rows,) the completions of all of them."""
        if not len(drawn.table):
            return drawn.sources

        state = self._state
        codec = self._codec
        seed = self._plan.seed
        table = codec.table_of(drawn, first_row=state.drawn_rows, first_group=state.drawn_groups, seed=seed)
        # A constraint may reject a row; the group that it belongs to goes with it.
        done = self._enforcer.enforce(table, groups=drawn.sources if codec.sequences else None, seen=self._seen)
        kept = drawn.sources[done.kept]
        used = kept[: self._num_fitting(kept)]
        parsed = _to_parsed(done.table.slice(0, len(used)), used)
        # They stay as they were checked.
        if self._enforcer.rules_identifiers:
            rows = done.table.slice(0, len(used))
        else:
            # Numbered without gaps.
            rows = codec.table_of(parsed, first_row=state.rows, first_group=state.groups, seed=seed)

        codec.schema.check(rows)
        if self._given.is_per_row:
            rows = rows.append_column(PLACE, pa.array(np.array(places)[used]))

        self._pending.append(rows)
        self._seen = done.seen
        state.drawn_rows += len(table)
        state.drawn_groups += len(_find_starts(drawn.sources))
        state.rows += len(used)
        state.groups += len(_find_starts(used))
        state.rejected.update(done.rejected)
        state.repaired.update(done.repaired)

        return kept

    def _num_fitting(self, sources: Numbers) -> int:
        """How many of these rows the table still needs."""
        missing = self.wanted - self.made
        starts = _find_starts(sources)
        if not self._by_group:
            return min(len(sources), missing)
        if len(starts) > missing:
            return int(starts[missing])

        return len(sources)

    def _write_part(self) -> None:
        """The rows that are in no part yet, and then, in one step, that they are."""
        part = self._parts / f"part-{self._state.parts:05d}.parquet"
        partial = self._work / "_part.partial"
        pq.write_table(pa.concat_tables(self._pending), partial.path, filesystem=partial.filesystem)
        partial.move_to(part)
        self._pending = []
        self._state.parts += 1
        self._file.write_text(_STATE.dump_json(self._state).decode())

    def _resume_parts(self) -> None:
        """Go on after the parts that are there."""
        if self._file.exists():
            state = _STATE.validate_json(self._file.read_text())
        else:
            state = _TableState()

        files = self._parts.files(".parquet")
        # Some were on their way to the target.
        if len(files) < state.parts:
            state = _TableState()

        for file in files[state.parts :]:
            file.remove()

        for file in files[: state.parts]:
            table = pa.concat_tables(list(read_part(file)))
            if self._given.is_per_row:
                self._filled.update(table.column(PLACE).to_pylist())
                table = table.drop_columns([PLACE])
            self._seen = self._enforcer.enforce(table, seen=self._seen).seen

        self._state = state

    def release(self, target: Location, identities: IdentityPlan | None) -> SyntheticTable:
        """Move the parts to `target`, with an invented person in each row or group.

        Args:
            target: Folder that appears complete.
            identities: Columns and texts that get a person; None where there are none.

        Raises:
            GenerationError: There is no row.
        """
        state = self._state
        if not state.rows:
            raise GenerationError(f"not a single row could be made: {most_frequent(state.rejected)}")

        if self._given.is_per_row:
            folder = self._in_given_order()
        else:
            folder = self._parts

        if identities is not None:
            folder = self._with_persons(folder, PersonFiller(identities, self._codec.sequences, self._plan.seed))

        num_files = len(folder.files(".parquet"))
        target.remove()
        folder.move_to(target)
        self._work.remove()
        reasons = f"{self.made:,} of {self.wanted:,} {self.unit}: {most_frequent(state.rejected)}"

        return SyntheticTable(
            num_rows=state.rows,
            num_files=num_files,
            rejected=dict(state.rejected),
            repaired=dict(state.repaired),
            incomplete="" if self.made >= self.wanted else reasons,
        )

    def _with_persons(self, source: Location, persons: PersonFiller) -> Location:
        """A folder of the rows with their persons."""
        folder = self._work / "persons"
        folder.remove()
        for number, part in enumerate(source.files(".parquet")):
            rows = persons.fill(pa.concat_tables(list(read_part(part))), str(number))
            with PartWriter(folder, f"part-{number:05d}", rows.schema) as writer:
                writer.write(rows)

        return folder

    def _in_given_order(self) -> Location:
        """A folder of the rows in the order of the given ones, with identifiers in that order."""
        table = pa.concat_tables([block for part in self._parts.files(".parquet") for block in read_part(part)])
        places = table.column(PLACE).to_numpy()
        order = np.argsort(places, kind="stable")
        parsed = _to_parsed(table.drop_columns([PLACE]).take(pa.array(order)), places[order])
        rows = self._codec.table_of(parsed, first_row=0, first_group=0, seed=self._plan.seed)
        folder = self._work / "ordered"
        folder.remove()
        with PartWriter(folder, "part", rows.schema) as writer:
            writer.write(rows)

        return folder


def _to_parsed(table: pa.Table, sources: Numbers) -> Parsed:
    """Rows of completions without a fault."""
    return Parsed(table=table, sources=sources, rejected={}, repaired={}, num_records=len(table))


def _find_starts(sources: Numbers) -> Numbers:
    """Where each completion's rows start."""
    return np.flatnonzero(np.diff(sources, prepend=-1))


def _name_faults(faults: Mapping[Fault, int]) -> dict[str, int]:
    """Faults in words: "age: range"."""
    return {f"{column}: {reason}" if column else reason: count for (column, reason), count in faults.items()}
