"""Rules of request bodies: unknown keys are ignored, and values that JSON or PostgreSQL cannot hold are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator

MAX_DEPTH = 64
TEXT_CHARACTERS = 4096
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Of a namespace, a repository or an entity: part of addresses and of paths."""


class Body(BaseModel):
    """A request's JSON object. Every number in it is finite, every text can be stored, also in free-form parts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_portable(cls, data: Any) -> Any:
        check_portable(data)
        return data


def refuse_value(reason: str) -> BeforeValidator:
    """A validator of a field that clients know and this service does not have: null alone is accepted.

    Args:
        reason: Reason of the refusal, for the caller.
    """

    def check(value: object) -> None:
        if value is not None:
            raise ValueError(reason)

    return BeforeValidator(check)


def check_portable(value: Any, depth: int = 0) -> None:
    """Refuse JSON that another parser or a database would not take back.

    Raises:
        ValueError: It holds NaN, an infinity, half a surrogate pair or a NUL character, or is too deep.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"values may be nested {MAX_DEPTH} deep")

    if isinstance(value, dict):
        for key, inner in value.items():
            check_portable(key, depth + 1)
            check_portable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_portable(inner, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinities are no JSON numbers; use null")
    elif isinstance(value, str) and not is_portable(value):
        raise ValueError("a text holds a NUL character or half a surrogate pair")


def portable(value: Any) -> Any:
    """JSON with a sign in place of every character that not all databases hold, and texts cut at TEXT_CHARACTERS."""
    if isinstance(value, Mapping):
        return {portable(key): portable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(inner) for inner in value]
    if not isinstance(value, str):
        return value

    return value[:TEXT_CHARACTERS].replace("\x00", "\ufffd").encode(errors="replace").decode()


def is_name(text: str) -> bool:
    """Whether namespaces, repositories and entities may be called that."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def is_portable(text: str) -> bool:
    """Whether a text can be stored everywhere: no NUL character, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
