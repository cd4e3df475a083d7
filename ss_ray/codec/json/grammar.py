"""Grammar of a language model's output: one grammar for a whole example, derived from the schema alone.

    grammar = record_grammar(codec)          # EBNF for xgrammar, or vLLM's structured_outputs {"grammar": ...}
    grammar = further_grammar(codec)         # what follows the head and some records of a group

Everything that the grammar accepts parses, and is of the schema, but for what is checked afterwards: floats of full
precision within 1 of their bounds, the ends of decimals with more digits than a float, strings longer than
EXACT_LENGTH that exceed `max_length` (only the number of tokens bounds these), and the order of rows in a group where
it is not written as distances (`codec.json.order`).

The form of each rule is a matter of speed, measured with xgrammar 0.2.8 and a vocabulary of 32,000: a counted
repetition of characters costs a second per token, a right recursion that ends with the quote some microseconds; a flat
list of 50,000 values takes a minute to compile, in groups of common prefixes a few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import groupby

import numpy as np
import pyarrow as pa

from ss_ray.codec.json.cells import EXACT, bound_array, cell_texts, decimals_of, listed_texts, quoted, storage_type
from ss_ray.codec.json.checks import REASONS, read_cells
from ss_ray.codec.json.grammar_ranges import date_range, float_range, literal, moment_range, number_range
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.ordinals import bound_units, float_scale
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, Scalar
from ss_ray.tables.spellings.dates import iso_strings

EXACT_LENGTH = 32
"""Characters up to which `max_length` is part of the grammar; each costs a rule, compiled in 14 ms."""
MAX_ALTERNATIVES = 2500
"""Values in one rule; more are grouped by their first characters."""
_SLACK = 16
"""Spacings of floats by which Arrow's cast of a long decimal may be wrong."""
_CONTEXT = Context(prec=400)

# No quotes, backslashes, control characters, halves of pairs.
_CHARACTERS = r"[ !#-\[\]-\uD7FF\uE000-\U0010FFFF]"
_ESCAPE = r'"\\" ["\\nrtbf] | "\\u00" [01] [0-9a-f]'


class _Rules:
    """Named rules of a grammar; equal rules share one name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.longest_text = -1
        self.has_text = False

    def add(self, expression: str) -> str:
        """The name of the rule with this expression."""
        return self.names.setdefault(expression, f"r{len(self.names)}")

    def text(self, max_length: int | None) -> str:
        """Name of a rule for the characters of a string and its closing quote."""
        # Each character of a limit costs a rule, and each rule time to compile.
        if max_length is None or max_length > EXACT_LENGTH:
            self.has_text = True
            return "text"
        self.longest_text = max(self.longest_text, max_length)
        return f"text{max_length}"

    def lines(self) -> list[str]:
        """All rules."""
        lines = [f"{name} ::= {expression}" for expression, name in self.names.items()]
        if self.has_text:
            lines.append(_text_rule("text", "text"))

        if self.longest_text >= 0:
            lines.append('text0 ::= "\\""')

        lines += [_text_rule(f"text{length}", f"text{length - 1}") for length in range(1, self.longest_text + 1)]
        if self.has_text or self.longest_text > 0:
            return [*lines, f"escape ::= {_ESCAPE}"]

        return lines


def record_grammar(
    codec: JsonCodec, *, records: int | None = None, given: Mapping[str, Scalar | None] | None = None
) -> str:
    """The grammar of a completion.

    Args:
        codec: Codec of the rows.
        records: Exact number of records; None for 1 to as many as an example has.
        given: Columns that are to hold one value.

    Raises:
        ConfigError: `given` names a column that the model does not write, or a value that its schema does not allow.
    """
    fixed = _spell_given(codec, given or {})
    rules = _Rules()
    if codec.shared_columns:
        head = rules.add(_write_object(codec.shared_columns, fixed, rules)) + " "
    else:
        head = ""

    if records is not None:
        low = records
        high = records
    else:
        low = 1
        high = codec.max_lines

    later = rules.add(_write_object(codec.later_columns, fixed, rules))
    if codec.order is None or codec.order.gap is None:
        return _join_rules(f"{head}{later}{{{low},{high}}}", rules)

    # The first record has no record before it, so its distance is 0.
    first = rules.add(_write_object(codec.row_columns, fixed | {codec.order.gap.name: "0"}, rules))
    if high > 1:
        more = f" {later}{{{low - 1},{high - 1}}}"
    else:
        more = ""

    return _join_rules(f"{head}{first}{more}", rules)


def further_grammar(codec: JsonCodec, *, may_end: bool = True, given: Mapping[str, Scalar | None] | None = None) -> str:
    """Grammar of the rest of a completion, after some records of a group.

    The number of records is for the caller to count: a grammar for each would be compiled anew.

    Args:
        codec: Codec of the rows.
        may_end: Whether the group may end after any record; otherwise records follow without end.
        given: Columns that are to hold one value.

    Raises:
        ConfigError: As of `record_grammar`.
    """
    fixed = _spell_given(codec, given or {})
    rules = _Rules()
    record = rules.add(_write_object(codec.later_columns, fixed, rules))
    return _join_rules(f"{record}*" if may_end else f"{record} root", rules)


def _join_rules(root: str, rules: _Rules) -> str:
    return "\n".join([f"root ::= {root}", *rules.lines()]) + "\n"


def _spell_given(codec: JsonCodec, given: Mapping[str, Scalar | None]) -> dict[str, str]:
    """JSON of the given values, and of where groups start."""
    by_name = {column.name: column for column in (*codec.shared_columns, *codec.row_columns)}
    texts = {}
    for name, value in given.items():
        if name not in by_name:
            raise ConfigError(
                f"column {name!r} cannot be given: it is not in the table, or the model does not write it"
            )

        column = by_name[name]
        cells = read_cells([value], column, clamp=False)
        if cells.faults[0]:
            raise ConfigError(f"the value given for column {name!r} is not allowed: {REASONS[cells.faults[0]]}")

        if column.kind is not Kind.IDENTIFIER:
            present = cells.array
        else:
            present = pa.array([value])

        texts[name] = cell_texts(present, column)[0].as_py()

    start = codec.order.start_text() if codec.order else None
    if codec.order is None or start is None:
        return texts

    return texts | {codec.order.name: start}


def _write_object(columns: Sequence[ColumnSchema], fixed: Mapping[str, str], rules: _Rules) -> str:
    """The line of an object; the text between two values is one literal."""
    parts = []
    pending = "{"
    for index, column in enumerate(columns):
        pending += ("," if index else "") + quoted(column.name) + ":"
        if column.name in fixed:
            pending += fixed[column.name]
        else:
            parts += [literal(pending), rules.add(_write_cell(column, rules))]
            pending = ""

    return " ".join([*parts, literal(pending + "}\n")])


def _write_cell(column: ColumnSchema, rules: _Rules) -> str:
    """A value or, where there may be none, null."""
    if column.kind is Kind.IDENTIFIER:
        return '"true" | "null"'

    if column.values is not None and column.kind is not Kind.TEXT:
        value = _one_of(sorted(listed_texts(column)), 0, rules)
    else:
        value = _any_of_type(column, rules)

    if column.nullable:
        return f'{value} | "null"'

    return value


def _one_of(texts: Sequence[str], depth: int, rules: _Rules) -> str:
    """An alternative of these texts without their first `depth` characters, which they share."""
    if len(texts) <= MAX_ALTERNATIVES:
        return " | ".join(literal(text[depth:]) for text in texts)

    parts = []
    # Common prefixes are written once: a flat list of 50,000 values takes a minute to compile, groups a few seconds.
    for start, group in groupby(texts, key=lambda text: text[depth : depth + 1]):
        if start:
            rest = _one_of(list(group), depth + len(start), rules)
        else:
            rest = '""'
        parts.append(f"{literal(start)} {rules.add(rest)}" if start else '""')

    return " | ".join(parts)


def _any_of_type(column: ColumnSchema, rules: _Rules) -> str:
    type_ = storage_type(column)
    if pa.types.is_boolean(type_):
        return '"true" | "false"'
    if pa.types.is_integer(type_):
        return number_range(*_integer_bounds(column))
    if pa.types.is_temporal(type_):
        return f'"\\"" {rules.add(_write_temporal(column))} "\\""'

    if pa.types.is_decimal(type_) or pa.types.is_floating(type_):
        decimals = decimals_of(column)
        if decimals is None:
            return float_range(*_spelled_bounds(column))
        return number_range(*_decimal_bounds(column), decimals)

    return f'"\\"" {rules.text(column.max_length)}'


def _integer_bounds(column: ColumnSchema) -> tuple[int, int]:
    if column.minimum is not None and column.maximum is not None:
        return int(column.minimum), int(column.maximum)
    limits = np.iinfo(storage_type(column).to_pandas_dtype())
    return int(limits.min), int(limits.max)


def _float_bounds(column: ColumnSchema) -> tuple[float, float]:
    if column.minimum is not None and column.maximum is not None:
        return float(column.minimum), float(column.maximum)
    largest = float(np.finfo(storage_type(column).to_pandas_dtype()).max)
    return -largest, largest


def _spelled_bounds(column: ColumnSchema) -> tuple[float, float]:
    """Bounds in the column's own precision: in 32 bits, 9.9999998e17 is 1e+18."""
    low, high = _float_bounds(column)
    if column.minimum is not None:
        spelled = cell_texts(bound_array(column), column).to_pylist()
    else:
        spelled = (low, high)

    # The spelling rounds, and the grammar must accept what is spelled.
    return min(low, float(spelled[0])), max(high, float(spelled[1]))


def _decimal_bounds(column: ColumnSchema) -> tuple[int, int]:
    """Bounds as integers of the last decimal; beyond the precision of floats a little wider than they are."""
    decimals, (low, high) = decimals_of(column) or 0, _float_bounds(column)
    scale = float_scale(column)
    if scale.decimals is not None:
        return bound_units(column, scale)

    type_ = storage_type(column)
    wide = 0.0
    if pa.types.is_decimal(type_) and max(abs(low), abs(high)) * 10.0**decimals >= EXACT:
        wide = _SLACK * float(np.spacing(max(abs(low), abs(high))))

    ends = [int(_CONTEXT.scaleb(Decimal(end), decimals).to_integral_value(ROUND_HALF_EVEN)) for end in (low, high)]
    slack = int(_CONTEXT.scaleb(Decimal(wide), decimals))
    if pa.types.is_decimal(type_):
        largest = 10**type_.precision - 1
    else:
        largest = 10**400

    return max(ends[0] - slack, -largest), min(ends[1] + slack, largest)


def _write_temporal(column: ColumnSchema) -> str:
    """Dates, or moments, between the bounds."""
    low, high = iso_strings(bound_array(column)).to_pylist()
    days = date.fromisoformat(low[:10]), date.fromisoformat(high[:10])
    if len(low) == len("YYYY-MM-DD"):
        return date_range(*days)

    clocks = [_clock_digits(text[11:].removesuffix("Z")) for text in (low, high)]
    return moment_range((days[0], clocks[0]), (days[1], clocks[1]), "Z" if low.endswith("Z") else "")


def _clock_digits(text: str) -> list[int]:
    """Hour, minute, second and digits of the fraction of "HH:MM:SS.fff"."""
    whole, _, fraction = text.partition(".")
    return [int(part) for part in whole.split(":")] + [int(digit) for digit in fraction]


def _text_rule(name: str, rest: str) -> str:
    """A string whose first character is followed by `rest`, or that ends here."""
    return f'{name} ::= {_CHARACTERS} {rest} | escape {rest} | "\\""'
