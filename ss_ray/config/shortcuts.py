"""The few settings that people set most, under short names: options of commands, parameters of the Python class."""

from __future__ import annotations

import json
from typing import Any

from ss_ray.errors import ConfigError

SHORTCUTS = {
    "rows": ("generation.num_records",),
    "target": ("evaluation.target",),
    "epsilon": ("privacy.epsilon", "privacy.dp_enabled"),
    "group": ("data.group_training_examples_by",),
    "order": ("data.order_training_examples_by",),
    "random_state": ("data.random_state",),
}
"""Short name -> dotted name of the parameter, and of the switch that it turns on."""


def setting_label(path: str) -> str:
    """The dotted name of a setting, with the short name that it may have been given by.

    Example:
        >>> setting_label("data.order_training_examples_by"), setting_label("data.holdout")
        ('data.order_training_examples_by (order)', 'data.holdout')
    """
    short = next((name for name, (setting, *_) in SHORTCUTS.items() if setting == path), None)
    return path if short is None else f"{path} ({short})"


def without_short_names(text: str) -> str:
    """A text without the short names that `setting_label` wrote behind the names of settings."""
    for short, (path, *_) in SHORTCUTS.items():
        name = path.rpartition(".")[2]
        text = text.replace(f"{name} ({short})", name)
    return text


def shortcut_overrides(**given: Any) -> list[str]:
    """What short names mean as `section.key=value`; nothing for those that are None.

    Example:
        >>> shortcut_overrides(epsilon=4, group="customer_id", order=None)
        ['privacy.epsilon=4', 'privacy.dp_enabled=true', 'data.group_training_examples_by="customer_id"']
    """
    overrides = []
    for name, value in given.items():
        if value is None:
            continue
        path, *switches = SHORTCUTS[name]
        # JSON is YAML in which a text that looks like a number stays a text.
        overrides += [f"{path}={json.dumps(value, default=_plain_number)}", *(f"{switch}=true" for switch in switches)]

    return overrides


def _plain_number(value: Any) -> Any:
    """A number of NumPy as one of Python; whatever else is no parameter, and is not shown."""
    if getattr(value, "ndim", None) == 0:
        return value.item()
    raise ConfigError(f"a parameter is a number or a text, not an object of type {type(value).__name__}")
