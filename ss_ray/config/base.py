"""What all sections of the configuration share."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat
from pydantic.config import JsonDict

Auto = Literal["auto"]
Number = TypeVar("Number", int, float)
Ratio = Annotated[float, Field(ge=0, le=1)]
LANGUAGE_MODELS: JsonDict = {"applies_to": "language models"}
NOT_YET: JsonDict = {"applies_to": "not in this version"}


def _date_as_text(value: Any) -> Any:
    """YAML reads an unquoted 2020-01-31 as a date."""
    if isinstance(value, date):
        return value.isoformat()
    return value


Cell = Annotated[bool | int | FiniteFloat | str, BeforeValidator(_date_as_text)]
Bound = Annotated[int | FiniteFloat | str, BeforeValidator(_date_as_text)]


class Section(BaseModel):
    """A part of the tree: frozen, and no key it does not know. Errors never show what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


def or_default(value: Number | Literal["auto"], default: Number) -> Number:
    """A parameter as it was given, or its default where it is "auto"."""
    if value == "auto":
        return default
    return value
