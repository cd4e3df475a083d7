"""A separate process for the expressions of a policy, so that its limits of time and memory contain them.

Its memory is bounded, it can write no file, and each call has a deadline; a process that passes it is killed, with the
job. Expressions reach nothing but values in the first place: Jinja's sandbox sees to that, in the same process.

Requests and answers are JSON lines. `python -m ss_ray.pii.policy.sandbox` is the process; the key comes on its standard
input, never on its command line.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pii.policy.templates import Expression, Expressions, as_text
from ss_ray.pii.rules import PiiPlan

MEMORY_BYTES = 3 << 30
START_SECONDS = 120.0
DEADLINE_SECONDS = 60.0
"""For one batch of BATCH_CELLS."""
BATCH_CELLS = 1_000
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "OMP_NUM_THREADS", "VIRTUAL_ENV")
"""What the process sees of the environment: no credentials."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Rule that is evaluated for each cell.

    Attributes:
        conditions: Expressions that must all hold.
        value: Expression of the cell's new value; None if only the conditions are evaluated.
        foreach: Expression of the list whose items `value` is evaluated for.
        fallback: Value where the expression fails; None lets the cell fail.
        is_aimed: Whether the rule names this column, so that a cell is hidden where a condition fails.
    """

    conditions: tuple[Expression, ...] = ()
    value: Expression | None = None
    foreach: Expression | None = None
    fallback: str | None = None
    is_aimed: bool = True


@dataclass(frozen=True)
class Outcome:
    """Result of a rule for one cell.

    Attributes:
        matches: Whether the conditions hold.
        value: New value as text; None for a missing cell.
        failed: Whether an expression failed, and no fallback stood in.
    """

    matches: bool
    value: str | None = None
    failed: bool = False


class Sandbox(AbstractContextManager["Sandbox"]):
    """A running process that evaluates rules.

    Args:
        key: Secret key of the stand-ins.
        plan: Plan whose entity types the filters search for in texts.
        deadline_seconds: Time limit of one batch of cells.

    Raises:
        ResourceError: The process does not start.
    """

    def __init__(self, key: bytes, plan: PiiPlan, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ss_ray.pii.policy.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A traceback may quote a cell.
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | {"PYTHONPATH": _join_paths()},
        )
        # Also where nobody closes it.
        self._end = weakref.finalize(self, _end_process, self._process)
        self._rest = b""
        self._constants: dict[str, list[Outcome]] = {}
        start = {"key": key.hex(), "plan": TypeAdapter(PiiPlan).dump_python(plan, mode="json")}
        if self._ask_process(start, START_SECONDS) != "ready":
            raise ResourceError("the process for the policy's expressions did not start")

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Id of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process."""
        self._end()

    def evaluate(self, rule: Rule, shared: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Outcome of each cell.

        Args:
            rule: Rule that is evaluated.
            shared: Variables that all cells see.
            cells: The others: `this`, `row`, `index`. JSON values.

        Raises:
            ConfigError: It takes too long or too much memory.
        """
        # As for what is the same for all cells of a column, part after part.
        if len(cells) == 1:
            known = json.dumps([asdict(rule), shared, cells[0]])
            if known not in self._constants:
                self._constants[known] = self._evaluate_cells(rule, shared, cells)
            return self._constants[known]

        return self._evaluate_cells(rule, shared, cells)

    def _evaluate_cells(
        self, rule: Rule, shared: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(cells), BATCH_CELLS):
            request = {"rule": asdict(rule), "shared": shared, "cells": cells[start : start + BATCH_CELLS]}
            # The deadline holds for one batch, so that it does not depend on the size of the table.
            outcomes += [Outcome(*found) for found in self._ask_process(request, self._deadline)]
        return outcomes

    def _ask_process(self, request: Mapping[str, Any], seconds: float) -> Any:
        stdin = self._process.stdin
        stdout = self._process.stdout
        assert stdin is not None
        assert stdout is not None

        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            while b"\n" not in self._rest:
                # A blocking read could not be given a deadline.
                ready, _, _ = select.select([stdout], [], [], seconds)
                if ready:
                    piece = os.read(stdout.fileno(), 1 << 20)
                else:
                    piece = b""

                if not piece:
                    raise BrokenPipeError

                self._rest += piece
        except BrokenPipeError:
            self.close()
            raise ConfigError(
                f"an expression of replace_pii.steps takes over {seconds:.0f} seconds for {BATCH_CELLS:,} cells, or "
                f"over {MEMORY_BYTES >> 30} GiB"
            ) from None

        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


def _end_process(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _join_paths() -> str:
    return os.pathsep.join(path for path in sys.path if path)


def serve() -> None:
    """Answer requests until the input ends."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The process can write no file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from ss_ray.pii.policy.filters import Filters
    from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms

    start = json.loads(sys.stdin.readline())
    plan = TypeAdapter(PiiPlan).validate_python(start["plan"], strict=False)
    pseudonyms = Pseudonyms(bytes.fromhex(start["key"]), plan.locale, plan.injective)
    settings = {"locales": [plan.locale], "seed": None}
    expressions = Expressions(pseudonyms.key, plan.locale, Filters(pseudonyms, plan), settings)
    _write_answer("ready")
    read_rule = TypeAdapter(Rule).validate_python

    for line in sys.stdin:
        request = json.loads(line)
        rule = read_rule(request["rule"])
        _write_answer([_evaluate_cell(expressions, rule, request["shared"], cell) for cell in request["cells"]])


def _write_answer(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _evaluate_cell(
    expressions: Expressions, rule: Rule, shared: Mapping[str, Any], cell: Mapping[str, Any]
) -> tuple[bool, str | None, bool]:
    variables = {**shared, **cell}
    matches = _try_call(lambda: all(expressions.value(part, variables) for part in rule.conditions))
    if matches is None:
        return rule.is_aimed, rule.fallback, rule.is_aimed and rule.fallback is None
    if not matches or rule.value is None:
        return bool(matches), None, False

    made = _try_call(lambda: (_evaluate_value(expressions, rule, variables),))
    if made is not None:
        return (True, made[0], False)

    return (True, rule.fallback, rule.fallback is None)


def _evaluate_value(expressions: Expressions, rule: Rule, variables: Mapping[str, Any]) -> str | None:
    assert rule.value is not None
    if rule.foreach is None:
        return as_text(expressions.value(rule.value, variables))
    items = list(expressions.value(rule.foreach, variables))
    return as_text([expressions.value(rule.value, {**variables, "items": items, "item": item}) for item in items])


def _try_call(function: Callable[[], Any]) -> Any:
    """The result, or None if the expression failed for any reason: the caller hides the cell."""
    try:
        return function()
    except (Exception, RecursionError, MemoryError):  # noqa: BLE001 - its message may quote a cell
        return None


if __name__ == "__main__":
    serve()
