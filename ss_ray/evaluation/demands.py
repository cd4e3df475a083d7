"""Demands of a pipeline on a table (`hard-fails`, `privacy:GRADE`, `quality:GRADE`) and the check of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ss_ray.errors import ConfigError
from ss_ray.evaluation.scores import Grade

HARD_FAILS = "hard-fails"


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The worst acceptable grade of one part; a part without a grade does not meet the demand."""

    part: Literal["privacy", "quality"]
    worst: Grade


def parse_demands(texts: Iterable[str]) -> tuple[Demand | Literal["hard-fails"], ...]:
    """Parse demands as a person writes them; grades in any case, with spaces or hyphens.

    Raises:
        ConfigError: One of them is none.
    """
    return tuple(_parse_demand(text) for text in texts)


def unmet(
    demands: Iterable[Demand | Literal["hard-fails"]], *, privacy: str | None, quality: str | None, failed: bool
) -> Iterator[str]:
    """Sentences about the demands that these grades do not meet, or that a failed hard rule breaks."""
    order = list(Grade)
    for demand in demands:
        if not isinstance(demand, Demand):
            if failed:
                yield "a hard rule of privacy failed"
            continue

        if demand.part == "privacy":
            found = privacy
        else:
            found = quality

        if found is None or order.index(Grade(found)) < order.index(demand.worst):
            yield f"{demand.part} is {found or 'without a grade'}, and {demand.worst} is demanded"


def _parse_demand(text: str) -> Demand | Literal["hard-fails"]:
    if text == HARD_FAILS:
        return "hard-fails"

    part, _, name = text.partition(":")
    grades = {grade.lower(): grade for grade in Grade}
    worst = grades.get(name.strip().lower().replace("-", " "))
    if part not in ("privacy", "quality") or worst is None:
        raise ConfigError(
            f"--fail-on {text!r}: give {HARD_FAILS}, privacy:GRADE or quality:GRADE, of {', '.join(Grade)}"
        )

    return Demand(part="privacy" if part == "privacy" else "quality", worst=worst)
