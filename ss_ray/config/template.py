"""A configuration file of all defaults, each with its meaning as a comment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from ss_ray.config.files import Parameter

INDENT = "  "


def config_template(parameters: Sequence[Parameter]) -> str:
    """YAML of the defaults of some parameters.

    Args:
        parameters: Parameters in the order of the tree.

    Example:
        >>> from ss_ray.config.files import parameters_of
        >>> print(config_template(parameters_of("generation.patience")), end="")
        generation:
          # integer >= 1. Bad batches in a row before giving up; what is made so far is kept.
          patience: 3
    """
    return "".join(f"{line}\n" for line in _template_lines(parameters))


def _template_lines(parameters: Sequence[Parameter]) -> Iterator[str]:
    # A section with a parameter that has no default is null unless it is given.
    off = {tuple(p.path.split(".")[:-1]) for p in parameters if p.default == "required"}
    before: list[str] = []
    for parameter in parameters:
        *sections, name = parameter.path.split(".")
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, sections, strict=False)))
        for depth in range(known, len(sections)):
            mark = "# " if tuple(sections[: depth + 1]) in off else ""
            yield f"{INDENT * depth}{mark}{sections[depth]}:"

        before = sections
        margin = INDENT * len(sections)
        note = f" [{parameter.applies_to}]" if parameter.applies_to else ""
        yield f"{margin}# {parameter.type}. {parameter.description}{note}"
        mark = "# " if tuple(sections) in off else ""
        yield f"{margin}{mark}{name}: {parameter.default}"
