"""The expressions of a policy: their dependencies, and the environment that evaluates them.

An expression is Jinja's, bare ("column.entity | fake") or with text around it ("{{ this }}!"). It sees `this` (the
cell), `row`, `index`, `column` (name, entity, type), `vars`, `item` and `items` of a foreach, and the globals `fake`,
`random`, `re`, `timedelta` and `globals`. What Faker or `random` gives in it is a function of key, column and cell.

Nothing here limits time or memory: `sandbox` does, by a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from faker import Faker
from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

from ss_ray.errors import ConfigError
from ss_ray.pii.policy.filters import PERSONA, Filters
from ss_ray.pii.stand_ins.keyed import Stream

MAX_SOURCE = 10_000
MAX_CHARACTERS = 1_000_000
MAX_BITS = 4096
_FAKER_OWN = frozenset(
    "add_provider format get_formatter parse provider providers seed seed_instance seed_locale set_arguments "
    "set_formatter del_arguments get_arguments get_providers random binary zip tar image enum json json_bytes "
    "fixed_width csv tsv psv dsv xml pystr_format pyobject pystruct pydict pylist pyset pytuple pyiterable profile "
    "simple_profile unique optional factories generator".split()
)
UNKEYED_NAMES = frozenset({"lipsum"})
UNKEYED_FILTERS = frozenset({"random"})
"""Jinja's own draws, which follow from Python's generator and not from key and cell."""
PLAIN = (str, int, float, bool, Decimal, date, datetime, timedelta, type(None), list, tuple, dict)
"""Types of values, exactly: a subclass may do anything."""


@dataclass(frozen=True)
class Needs:
    """Dependencies of an expression.

    Attributes:
        cell: On `this`, or on what is drawn for it.
        index: On the number of the row.
        row: Columns of `row` that it names; None for all of them.
        column: Whether it looks at `column`.
        unkeyed: Names of the draws it uses that do not follow from the cell, but from the draws before.
    """

    cell: bool
    index: bool
    row: tuple[str, ...] | None
    column: bool = False
    unkeyed: tuple[str, ...] = ()

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for all cells of a column."""
        return not self.cell and not self.index and self.row == ()


@dataclass(frozen=True)
class Expression:
    """An expression, or one of the parts of a condition that "and" joins.

    Attributes:
        source: Source text of the expression.
        part: Number of the part; None for the whole.
    """

    source: str
    part: int | None = None


def parse(expression: Expression) -> nodes.Template:
    """The tree of an expression, without the arguments of `fake.persona(...)`: the cell itself tells its person.

    Raises:
        ConfigError: It is no expression, or too long.
    """
    source = _strip_braces(expression.source)
    if len(source) > MAX_SOURCE:
        raise ConfigError(f"a policy expression has {len(source):,} characters; at most {MAX_SOURCE:,} are allowed")

    try:
        tree = SandboxedEnvironment().parse(source if _is_template(source) else "{{ " + source + "\n}}")
    except (TemplateSyntaxError, RecursionError) as error:
        raise ConfigError(f"a policy expression cannot be read: {type(error).__name__} in {source!r}") from None

    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr == "persona":
            # The cell itself names its person; an argument could name another one.
            call.args = []
            call.kwargs = []

    if expression.part is None:
        return tree

    return nodes.Template(
        [nodes.Output([_split_conjuncts(_single_expression(tree))[expression.part]], lineno=1)], lineno=1
    )


def parts(condition: str) -> list[Expression]:
    """The parts of a condition that "and" joins."""
    condition = _strip_braces(condition)
    if _is_template(condition):
        return [Expression(condition)]
    count = len(_split_conjuncts(_single_expression(parse(Expression(condition)))))
    return [Expression(condition, part) for part in range(count)]


def needs(expression: Expression) -> Needs:
    """Dependencies of an expression."""
    tree = parse(expression)
    names = [name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"]
    by_name = [access.attr for access in tree.find_all(nodes.Getattr) if _is_row(access.node)]
    by_key = [getattr(access.arg, "value", None) for access in tree.find_all(nodes.Getitem) if _is_row(access.node)]
    fields = [*by_name, *by_key]
    named = sorted({field for field in fields if isinstance(field, str)})
    # `row` by itself, or with a computed key, may read any column.
    is_whole = names.count("row") > sum(isinstance(field, str) for field in fields)
    drawn = {"this", "item", "items", "fake", "random"}
    filters = {found.name for found in tree.find_all(nodes.Filter)}
    unkeyed = [f"{name} as a filter" for name in UNKEYED_FILTERS & filters] + sorted(UNKEYED_NAMES & set(names))

    return Needs(
        cell=not drawn.isdisjoint(names) or any(f.name == "fake" for f in tree.find_all(nodes.Filter)),
        index="index" in names,
        row=None if is_whole else tuple(named),
        column="column" in names,
        unkeyed=tuple(unkeyed),
    )


def _strip_braces(source: str) -> str:
    """An expression without the braces around the whole of it."""
    inner = source.strip()[2:-2]
    is_wrapped = source.strip().startswith("{{") and source.strip().endswith("}}")
    if is_wrapped and not _is_template(inner) and "}}" not in inner:
        return inner
    return source


def _is_row(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "row"


def _is_template(source: str) -> bool:
    return "{{" in source or "{%" in source


def _single_expression(tree: nodes.Template) -> nodes.Expr:
    """The expression of a template that is nothing else."""
    output = tree.body[0]
    assert isinstance(output, nodes.Output)
    found = output.nodes[0]
    if isinstance(found, nodes.TemplateData):
        return nodes.Const(found.data)
    return found


def _split_conjuncts(expression: nodes.Expr) -> list[nodes.Expr]:
    if isinstance(expression, nodes.And):
        return [*_split_conjuncts(expression.left), *_split_conjuncts(expression.right)]
    return [expression]


class PolicyEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, restricted to attributes of plain values and of exposed objects, and without huge results."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether an expression may read an attribute; attributes of functions, methods and classes are refused."""
        # Private attributes lead from any object to the interpreter.
        if attr.startswith("_"):
            return False
        if isinstance(obj, ExposedFunctions):
            return attr in obj.names
        return isinstance(obj, (*PLAIN, LoopContext)) and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operation after a look at the size of its result."""
        if operator == "*" and _measure_size(left) * _measure_size(right) > MAX_CHARACTERS:
            raise OverflowError("too large a product")
        if operator == "**" and (abs(left) > MAX_BITS or abs(right) > MAX_BITS):
            raise OverflowError("too large a power")
        if operator == "+" and _measure_size(left) + _measure_size(right) > MAX_CHARACTERS:
            raise OverflowError("too long a sum")
        # A width in the format could make a string of any size.
        if operator == "%" and isinstance(left, str):
            raise TypeError("% formats no strings here")

        return super().call_binop(context, operator, left, right)


class Expressions:
    """Evaluates the expressions of one policy under one key. Used in the sandbox's process only.

    Args:
        key: Secret key of the stand-ins.
        locale: Locale of Faker, such as "de_DE".
        filters: Filters that a policy may apply to values.
        settings: Settings that `globals` shows.
    """

    def __init__(self, key: bytes, locale: str, filters: Filters, settings: Mapping[str, Any]) -> None:
        self._key = key
        self._filters = filters
        self._faker = Faker(locale)
        # Seeded by the key for each cell.
        self._random = Random()
        self._environment = PolicyEnvironment(undefined=StrictUndefined)
        self._environment.filters.update(filters.by_name())
        self._environment.globals.update(
            fake=_show_faker(self._faker, filters),
            random=_show_functions(self._random, "random randint choice uniform randrange gauss sample".split()),
            re=_show_patterns(),
            timedelta=lambda **parts: timedelta(**plain(parts)),
            globals=dict(settings),
        )
        self._known: dict[Expression, Callable[[Mapping[str, Any]], Any]] = {}

    def value(self, expression: Expression, variables: Mapping[str, Any]) -> Any:
        """Value of an expression.

        Raises:
            Exception: Whatever it raises.
        """
        column = variables.get("column") or {}
        this = variables.get("this")
        self._filters.start(this)
        seed = Stream(self._key, "policy", str(column.get("entity") or column.get("name")), repr(this)).below(2**64)
        # Draws depend on key, column and cell alone, so the order of the cells does not matter.
        self._faker.seed_instance(seed)
        self._random.seed(seed)

        return self._compile_expression(expression)(variables)

    def _compile_expression(self, expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
        if expression not in self._known:
            tree = parse(expression)
            if expression.part is None and _is_template(_strip_braces(expression.source)):
                self._known[expression] = self._environment.from_string(tree).render
            else:
                store = nodes.Assign(nodes.Name("result", "store"), _single_expression(tree), lineno=1)
                template = self._environment.from_string(nodes.Template([store], lineno=1))
                self._known[expression] = lambda variables: vars(template.make_module(dict(variables)))["result"]

        return self._known[expression]


def as_text(value: Any) -> str | None:
    """A result as a cell's text; lists and maps as JSON.

    Raises:
        TypeError: It is no value: a function, an object.
        OverflowError: It is too long.
    """
    # NaN differs from itself.
    if value is None or value != value:
        return None

    if isinstance(value, (datetime, date)):
        if isinstance(value, datetime):
            return value.isoformat(" ")
        return value.isoformat()

    if isinstance(value, float) and value.is_integer():
        value = int(value)

    if not isinstance(value, (str, int, float, Decimal, timedelta, list, tuple, dict)):
        raise TypeError("the result is no value")

    if isinstance(value, (dict, list, tuple)):
        text = json.dumps(value, default=str)
    else:
        text = str(value)

    if len(text) > MAX_CHARACTERS:
        raise OverflowError("too long a result")

    return text


def _measure_size(value: Any) -> int:
    if isinstance(value, (str, bytes, list, tuple, dict)):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**MAX_BITS:
        return abs(value)
    return 1


class ExposedFunctions:
    """Exposed part of an object: functions of plain values, by name."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions
        self.names = frozenset(functions)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self.names:
            raise AttributeError(name)
        return self._functions[name]


class Persona(ExposedFunctions):
    """Stand-ins of one cell by part of a person: `first_name`, `email`, ..."""

    def __init__(self, filters: Filters) -> None:
        super().__init__({})
        self._filters = filters
        self.names = frozenset(PERSONA)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in PERSONA:
            raise AttributeError(name)
        return self._filters.persona(name)


def plain(value: Any) -> Any:
    """A value of plain types, in which nothing else can hide; a match of a pattern becomes its functions.

    Raises:
        TypeError: It is anything else.
    """
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    # The exact type: a subclass may override any operation.
    if type(value) in PLAIN or isinstance(value, (ExposedFunctions, Undefined)):
        return value

    raise TypeError("the result is no value")


def _show_functions(target: Any, names: Iterable[str]) -> ExposedFunctions:
    """Some methods of an object, with plain arguments and results."""

    def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: plain(method(*plain(given), **plain(named)))

    return ExposedFunctions({name: wrapped(getattr(target, name)) for name in names})


def _show_faker(faker: Any, filters: Filters) -> ExposedFunctions:
    """Faker's methods that make plain values, and `persona`, the stand-in of the person of the cell."""
    providers = [type(provider) for provider in faker.get_providers()]
    names = {name for provider in providers for name in dir(provider) if callable(getattr(provider, name))}
    shown = _show_functions(faker, (name for name in names if not name.startswith("_") and name not in _FAKER_OWN))
    return ExposedFunctions(
        {**{name: getattr(shown, name) for name in shown.names}, "persona": lambda: Persona(filters)}
    )


def _show_patterns() -> ExposedFunctions:
    """Regular expressions that give up after a second, where Python's might search forever."""
    import regex

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            found = function(*plain(given), **plain(named), timeout=1.0)
            if isinstance(found, regex.Match):
                return _show_functions(found, ("group", "groups", "groupdict", "start", "end", "span"))
            return plain(found)

        return call

    return ExposedFunctions(
        {name: timed(getattr(regex, name)) for name in ("sub", "findall", "search", "match", "fullmatch", "split")}
    )
