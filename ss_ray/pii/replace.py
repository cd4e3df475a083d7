"""A table and a plan -> the same table without personal data: typed columns by their distinct values, texts by spans.

In a text two things are replaced: what the detector finds, and what the row's own typed columns hold. So a note
that mentions the patient's name and phone agrees with the columns after the replacement. What cannot be analysed
is hidden, never let through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.cells import as_texts, encode, from_texts, is_textual, with_cells
from ss_ray.pii.columns.checksums import is_card
from ss_ray.pii.identities.plan import IdentityColumn
from ss_ray.pii.policy.sandbox import Sandbox
from ss_ray.pii.policy.steps import PolicyState, apply_policy
from ss_ray.pii.rules import ColumnRule, PiiPlan
from ss_ray.pii.stand_ins.ages import AgeColumn, moved_ages
from ss_ray.pii.stand_ins.dates import FIRST_DAY, YEARS, shift_days
from ss_ray.pii.stand_ins.homes import homes_of
from ss_ray.pii.stand_ins.people import identities_of, people_of
from ss_ray.pii.stand_ins.person import Person
from ss_ray.pii.stand_ins.pseudonyms import PERSONAL_TYPES, Pseudonyms
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home
from ss_ray.pii.statistics import NEAR_ORIGINAL, Counts, Place, add_counts, few
from ss_ray.pii.text.mentions import Mention, mentions_of
from ss_ray.pii.texts import NewText, RowContext, TextReplacer
from ss_ray.tables.spellings.dates import SECONDS_PER_DAY, TICKS_PER_SECOND

DATE_TYPES = frozenset({entities.DATE_OF_BIRTH, entities.DATE_TIME})
MAX_WALK = 100
MIN_CARD = 1e14
"""Smallest number of 15 digits: card numbers in a column of numbers have as many, or more."""
HANDLE_TYPES = frozenset({entities.EMAIL_ADDRESS, entities.USERNAME})
"""Types whose words may run together: the names of the row tell them apart."""
_WORDY = frozenset({Operator.REDACT, Operator.LABEL, Operator.HASH, Operator.MASK})
"""What these make is no number or date: cells of such columns go missing instead."""


@dataclass(frozen=True)
class TableReplacer:
    """Replaces tables by one plan under one key. It lives as long as a worker, and caches replaced values.

    Attributes:
        plan: Plan of the replacement, from `make_pii_plan`.
        pseudonyms: Makes the stand-ins.
        ages: Columns of ages that follow their dates of birth when these move.
        identities: Columns with parts of identities, by name, which the templates of texts refer to.
    """

    plan: PiiPlan
    pseudonyms: Pseudonyms
    ages: tuple[AgeColumn, ...] = ()
    identities: Mapping[str, IdentityColumn] = field(default_factory=dict)

    @cached_property
    def _text_replacer(self) -> TextReplacer:
        return TextReplacer(self.plan, self.pseudonyms, self.identities)

    @cached_property
    def _policy_sandbox(self) -> Sandbox:
        return Sandbox(self.pseudonyms.key, self.plan)

    def replace(self, table: pa.Table, first_row: int = 0) -> tuple[pa.Table, Counts]:
        """A new table in which personal data is replaced, and the counts of the replacement.

        A text agrees with the typed columns of its own row: every value of theirs that occurs in it as a whole word, in
        any case and with any separators inside numbers, gets the stand-in that the column got. Missing cells stay
        missing. A column of type UNKNOWN is hidden: strings become `MASK`, other types missing.

        Args:
            table: The table or any part of it; the result does not depend on how a table is cut.
            first_row: Number of its first row in the source; only the expressions of a policy see it.

        Raises:
            PrivacyError: The type of a typed column cannot hold its stand-ins.
        """
        replaced = self.replace_with_templates(table, first_row)
        return replaced.table, replaced.counts

    def replace_with_templates(self, table: pa.Table, first_row: int = 0) -> ReplacedTable:
        """The same, with the texts as a model reads them.

        Raises:
            PrivacyError: The type of a typed column cannot hold its stand-ins.
        """
        if self.plan.steps:
            by_policy, counts = self._by_policy(table, first_row)
            return ReplacedTable(table=by_policy, counts=counts, templates=by_policy)

        rows = _Rows(table, self)
        columns = [self._replace_column(table.column(rule.name), rule, rows) for rule in self.plan.columns]
        texts = [self._text_column(name, table.column(name), rows) for name in self.plan.text_columns]
        checked = [self._checked_column(name, table.column(name), rows) for name in self.plan.checked_columns]
        numbers = [self._number_column(name, table.column(name)) for name in self.plan.number_columns]
        columns += [*texts, *checked, *numbers]
        new = _with_columns(table, columns)
        new = _with_columns(new, [_move_ages(table, new, age) for age in self.ages])
        # Rows are dropped at the end, so that row numbers stay valid for every column.
        dropped = sorted({row for column in columns for row in column.dropped_rows})
        new = new.drop_columns(list(self.plan.dropped_columns))
        templates = new
        for column in texts:
            templates = with_cells(templates, column.name, column.templates)

        return ReplacedTable(
            table=_without_rows(new, dropped),
            counts=_count_replacements(table, columns, len(dropped)),
            templates=_without_rows(templates, dropped),
        )

    def _by_policy(self, table: pa.Table, first_row: int) -> tuple[pa.Table, Counts]:
        """The table as the policy makes it; the rows' texts agree with their columns as they were before."""
        plan = self.plan
        rows = _Rows(table, self)
        hidden = [
            self._replace_column(table.column(r.name), r, rows)
            for r in plan.columns
            if r.entity_type == entities.UNKNOWN
        ]
        checked = [self._checked_column(name, table.column(name), rows) for name in plan.checked_columns]
        checked += [self._number_column(name, table.column(name)) for name in plan.number_columns]
        counts = _count_replacements(table, [*hidden, *checked], 0)
        contexts = [rows.context(row) for row in range(table.num_rows)]
        table = _with_columns(table, (*hidden, *checked))
        numbers = range(first_row, first_row + table.num_rows)
        state = PolicyState(table, plan.views, contexts, numbers, Counter())
        done = apply_policy(state, plan.steps, self._policy_sandbox, self._text_replacer.replace_each)
        names = done.table.column_names
        cells = Counter({name: done.table.num_rows - done.table.column(name).null_count for name in names})
        by_policy = Counts(0, table.num_rows - done.table.num_rows, cells, done.changed, done.changed)

        return done.table, add_counts([counts, by_policy])

    def _replace_column(self, column: pa.ChunkedArray, rule: ColumnRule, rows: _Rows) -> _Replaced:
        """Replace a typed column by its distinct values, or by rows if the stand-in depends on the row's person."""
        texts, places = _encode_distinct(column)
        is_hidden = rule.operator in _WORDY and not is_textual(column.type)
        if is_hidden or rule.operator in (Operator.DROP_ROW, Operator.DROP_COLUMN):
            if not is_hidden:
                array = column
            else:
                array = pa.nulls(len(column), column.type)

            new: list[str | None] = [None] * len(places)
        elif rule.entity_type in DATE_TYPES and pa.types.is_temporal(column.type):
            new = [None] * len(places)
            array = self._move_dates(column, rule, rows)
        else:
            new = self._stand_ins(rule, texts, places, rows, column.type)
            if (
                rule.operator is Operator.GENERALISE
                and rule.entity_type == entities.AGE
                and not is_textual(column.type)
            ):
                # Of the ages 30-39, the first.
                new = [text and re.split("[-+]", text)[0] for text in new]
            array = from_texts(new, column.type, column=rule.name)

        if rule.formats:
            # Formats say how the values of another column are written.
            array = pc.if_else(pc.is_in(column, value_set=pa.array(rule.formats)), column, array)

        return _Replaced(
            name=rule.name,
            array=array,
            counts=Counter(
                {rule.entity_type: sum(place is not None and texts[place] not in rule.formats for place in places)}
            ),
            examples={rule.entity_type: self._choose_examples(rule.entity_type, new)},
            dropped_rows=_present_rows(places) if rule.operator is Operator.DROP_ROW else (),
        )

    def _stand_ins(
        self,
        rule: ColumnRule,
        texts: Sequence[str | None],
        places: Sequence[int | None],
        rows: _Rows,
        type_: pa.DataType,
    ) -> list[str | None]:
        """(num_rows,) replacement of each cell."""
        entity_type = rule.entity_type
        replace = self._text_replacer.replacement.replace
        homes = rows.homes_by_column.get(rule.name)
        if homes is not None and not _is_small_integer(type_):
            return self._replace_located(entity_type, texts, places, homes)

        is_by_row = entity_type in HANDLE_TYPES or self.plan.person.chooses_names
        if (entity_type in PERSONAL_TYPES and is_by_row) or entity_type in DATE_TYPES:
            return [
                None if place is None else replace(entity_type, texts[place] or "", person, days)
                for place, person, days in zip(places, rows.people, rows.days, strict=True)
            ]

        stand_ins = [None if text is None else self._make_fitting(entity_type, text, type_) for text in texts]
        return [None if place is None else stand_ins[place] for place in places]

    def _replace_located(
        self, entity_type: str, texts: Sequence[str | None], places: Sequence[int | None], homes: Sequence[Home]
    ) -> list[str | None]:
        """(num_rows,) replacement of each cell of a column of places."""
        replace = self._text_replacer.replacement.replace
        # Rows of one home share the object, and hashing its address is cheaper than hashing its fields.
        keys = [(place, id(home)) for place, home in zip(places, homes, strict=True)]
        done: dict[tuple[int | None, int], str] = {}
        for key, place, home in zip(keys, places, homes, strict=True):
            if place is not None and key not in done:
                done[key] = replace(entity_type, texts[place] or "", home=home)

        return [done.get(key) for key in keys]

    def _move_dates(self, column: pa.ChunkedArray, rule: ColumnRule, rows: _Rows) -> pa.Array:
        """A column of dates, moved by the days of each row or cut to the first day of the year."""
        if rule.operator is Operator.GENERALISE:
            return pc.floor_temporal(column, unit="year").cast(column.type)

        # A moved placeholder such as 1900-01-01 would reveal the number of days, so it goes missing.
        days = pc.if_else(_is_somebodys(column), pa.array(rows.days, pa.int64()), None)
        if pa.types.is_date32(column.type):
            return pc.add(column.cast(pa.int32()), days.cast(pa.int32())).cast(column.type)

        # date64, which has no unit, counts milliseconds.
        per_day = SECONDS_PER_DAY * TICKS_PER_SECOND[getattr(column.type, "unit", "ms")]
        return pc.add(column.cast(pa.int64()), pc.multiply(days, per_day)).cast(column.type)

    def _make_fitting(self, entity_type: str, text: str, type_: pa.DataType) -> str | None:
        """Stand-in of a value; in a column of integers, the first of a walk from it that the type can hold."""
        made = self._text_replacer.replacement.replace_new(entity_type, text)
        if not pa.types.is_integer(type_):
            return made

        for _ in range(MAX_WALK):
            if not made.isdecimal() or _fits_type(made, type_):
                return made
            made = self._text_replacer.replacement.replace_new(entity_type, made)

        return None

    def mentions(self, table: pa.Table) -> list[tuple[Mention, ...]]:
        """(num_rows,) mentions to search for in the texts of each row."""
        by_column: list[list[tuple[Mention, ...]]] = []
        for rule in self.plan.columns:
            texts, places = _encode_distinct(table.column(rule.name))
            found = [() if text is None else mentions_of(rule.entity_type, text, rule.name) for text in texts]
            by_column.append([() if place is None else found[place] for place in places])

        return _by_row(by_column, table.num_rows)

    def _choose_examples(self, entity_type: str, stand_ins: Iterable[str | None]) -> frozenset[str]:
        if self.plan.operator(entity_type) is not Operator.PSEUDONYM or entity_type in NEAR_ORIGINAL:
            return frozenset()
        return few(value for value in stand_ins if value)

    def _text_column(self, name: str, column: pa.ChunkedArray, rows: _Rows) -> _Replaced:
        """Replace findings and mentions in a text column."""
        texts: list[str | None] = column.to_pylist()
        present = [row for row, text in enumerate(texts) if text is not None]
        done = self._text_replacer.replace_each([(texts[row] or "", rows.context(row)) for row in present], name)
        new = dict(zip(present, done, strict=True))
        templates = [new[row].template if row in new else None for row in range(len(texts))]
        replaced = self._with_texts(name, column, texts, new)
        return replace(replaced, templates=from_texts(templates, column.type, column=name))

    def _checked_column(self, name: str, column: pa.ChunkedArray, rows: _Rows) -> _Replaced:
        """Replace personal data beside the own values of a category or of a column of a kept type."""
        values, places = _encode_distinct(column)
        suspects = self._text_replacer.suspects((value for value in values if value), name, self.plan.own_type(name))
        hit = [row for row, place in enumerate(places) if place is not None and values[place] in suspects]
        if not hit:
            return _Replaced(name=name, array=column, counts=Counter(), examples={}, touched=Counter())

        texts: list[str | None] = column.to_pylist()
        done = self._text_replacer.replace_suspects([(texts[row] or "", rows.context(row)) for row in hit], suspects)
        return self._with_texts(name, column, texts, dict(zip(hit, done, strict=True)))

    def _number_column(self, name: str, column: pa.ChunkedArray) -> _Replaced:
        """A column of numbers without those that are card numbers."""
        is_large = pc.any(pc.greater_equal(column.cast(pa.float64(), safe=False), MIN_CARD)).as_py()
        values, places = _encode_distinct(column) if is_large else ([], [])
        cards = {place for place, value in enumerate(values) if value and is_card(value)}
        hit = [place in cards for place in places]
        if not any(hit):
            return _Replaced(name=name, array=column, counts=Counter(), examples={}, touched=Counter())

        array = pc.if_else(pa.array(hit), pa.scalar(None, column.type), column.combine_chunks())
        counts = Counter({entities.CREDIT_CARD: sum(hit)})
        return _Replaced(name=name, array=array, counts=counts, examples={}, touched=counts)

    def _with_texts(
        self, name: str, column: pa.ChunkedArray, texts: list[str | None], new: Mapping[int, NewText]
    ) -> _Replaced:
        """The column with new texts in some rows, and the counts of the replacement."""
        counts: Counter[str] = Counter()
        touched: Counter[str] = Counter()
        unread = Counter(text.unread for text in new.values() if text.unread is not None)
        for row, text in new.items():
            texts[row] = text.text
            counts.update(text.counts)
            touched.update(text.counts.keys())

        return _Replaced(
            name=name,
            array=from_texts(texts, column.type, column=name),
            counts=counts,
            touched=touched,
            unread=unread,
            examples=self._span_examples(new.values()),
            dropped_rows=[row for row, text in new.items() if text.drops_row],
        )

    def _span_examples(self, texts: Iterable[NewText]) -> dict[str, frozenset[str]]:
        made: dict[str, set[str]] = {}
        for text in texts:
            for entity_type, stand_ins in text.made.items():
                made.setdefault(entity_type, set()).update(stand_ins)
        return {entity_type: self._choose_examples(entity_type, stand_ins) for entity_type, stand_ins in made.items()}


@dataclass(frozen=True)
class ReplacedTable:
    """A table after the replacement.

    Attributes:
        table: Rows without personal data.
        counts: Counts of the replacement.
        templates: Rows as a model reads them, with placeholders in their texts.
    """

    table: pa.Table
    counts: Counts
    templates: pa.Table


@dataclass(frozen=True)
class _Rows:
    """Persons of the rows of a table, computed at first use.

    Attributes:
        table: Table of the rows.
        replacer: Replacer with the plan and the key.
    """

    table: pa.Table
    replacer: TableReplacer

    @cached_property
    def people(self) -> list[Person]:
        """(num_rows,) the person of each row."""
        return people_of(self.table, self.replacer.plan.person)

    @cached_property
    def homes_by_column(self) -> dict[str, list[Home]]:
        """(num_rows,) the place of each row, by column of places."""
        places = self.replacer.pseudonyms.places
        columns = self.replacer.plan.homes
        homes = {group: homes_of(self.table, group, places) for group in set(columns.values())}
        return {name: homes[group] for name, group in columns.items() if group.names}

    @cached_property
    def homes(self) -> list[Home]:
        """(num_rows,) the place that the columns of each row name first."""
        return next(iter(self.homes_by_column.values()), [ANYWHERE] * self.table.num_rows)

    @cached_property
    def days(self) -> list[int]:
        """(num_rows,) days by which the dates of each row move."""
        plan = self.replacer.plan
        key = self.replacer.pseudonyms.key
        types = {rule.entity_type for rule in plan.columns} | set(plan.searched)
        is_dated = not types.isdisjoint(DATE_TYPES)
        if is_dated:
            identities = identities_of(self.table, plan.person)
        else:
            identities = [""] * self.table.num_rows

        days = {identity: shift_days(key, identity, plan.max_shift_days) for identity in set(identities)}
        return [days[identity] for identity in identities]

    @cached_property
    def mentions(self) -> list[tuple[Mention, ...]]:
        """(num_rows,) values of the row's columns to look for in its texts."""
        return self.replacer.mentions(self.table)

    def context(self, row: int) -> RowContext:
        """Context that a row gives to its texts."""
        return RowContext(self.mentions[row], self.people[row], self.days[row], self.homes[row])


@dataclass(frozen=True)
class _Replaced:
    """A column after the replacement."""

    name: str
    # (num_rows,), of the column's own type.
    array: pa.Array
    # Cells or spans replaced, by entity type.
    counts: Counter[str]
    examples: dict[str, frozenset[str]]
    # Cells with a span replaced; None: as `counts`.
    touched: Counter[str] | None = None
    dropped_rows: Sequence[int] = ()
    # Texts in which no names were looked for, by language.
    unread: Counter[str] = field(default_factory=Counter)
    # (num_rows,), the texts of a text column with placeholders.
    templates: pa.Array | None = None


def _move_ages(table: pa.Table, new: pa.Table, age: AgeColumn) -> _Replaced:
    """Ages that agree with the moved dates of birth."""
    array = moved_ages(table.column(age.name), table.column(age.birth), new.column(age.birth), age.day)
    return _Replaced(name=age.name, array=array, counts=Counter(), examples={})


def _with_columns(table: pa.Table, columns: Iterable[_Replaced]) -> pa.Table:
    for column in columns:
        table = with_cells(table, column.name, column.array)
    return table


def _count_replacements(table: pa.Table, columns: Sequence[_Replaced], num_dropped: int) -> Counts:
    replaced: Counter[Place] = Counter()
    touched: Counter[Place] = Counter()
    for column in columns:
        for entity_type, count in column.counts.items():
            replaced[column.name, entity_type] += count
            touched[column.name, entity_type] += (column.touched or column.counts)[entity_type]

    return Counts(
        rows=table.num_rows,
        dropped_rows=num_dropped,
        cells=Counter({c.name: table.num_rows - table.column(c.name).null_count for c in columns}),
        replaced=+replaced,
        touched=+touched,
        examples={(c.name, entity_type): found for c in columns for entity_type, found in c.examples.items() if found},
        unread=Counter({(c.name, language): count for c in columns for language, count in c.unread.items()}),
    )


def _is_small_integer(type_: pa.DataType) -> bool:
    """Whether a column of this type may be too narrow for any postcode."""
    return bool(pa.types.is_integer(type_)) and type_.bit_width < 32


def _fits_type(digits: str, type_: pa.DataType) -> bool:
    return int(digits) < 2 ** (type_.bit_width - pa.types.is_signed_integer(type_))


def _is_somebodys(column: pa.ChunkedArray) -> pa.Array:
    """Whether each date is a real date and no placeholder."""
    year = pc.year(column)
    day = column.cast(pa.date32(), safe=False) if not pa.types.is_date(column.type) else column
    first_day = pc.equal(day.cast(pa.date32()), pa.scalar(FIRST_DAY, pa.date32()))
    return pc.and_(pc.and_(pc.greater_equal(year, YEARS[0]), pc.less_equal(year, YEARS[1])), pc.invert(first_day))


def _encode_distinct(column: pa.ChunkedArray) -> tuple[list[str | None], list[int | None]]:
    """The distinct values of a column as text, and the index of each cell's value; None where it is missing."""
    indices, values = encode(column)
    texts = as_texts(values)
    return texts, [None if place is None or texts[place] is None else place for place in indices.to_pylist()]


def _by_row(columns: Sequence[Sequence[tuple[Mention, ...]]], num_rows: int) -> list[tuple[Mention, ...]]:
    """Mentions of all columns, (num_rows,); rows with equal values share one tuple."""
    shared: dict[tuple[tuple[Mention, ...], ...], tuple[Mention, ...]] = {}
    rows = zip(*columns, strict=True) if columns else iter([()] * num_rows)
    return [shared.setdefault(row, sum(row, ())) for row in rows]


def _present_rows(places: Sequence[int | None]) -> list[int]:
    return [row for row, place in enumerate(places) if place is not None]


def _without_rows(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    if not rows:
        return table
    kept = pc.invert(pc.is_in(pa.array(range(table.num_rows)), value_set=pa.array(rows)))
    return table.filter(kept)
