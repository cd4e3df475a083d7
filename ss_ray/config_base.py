"""What all sections of the configuration share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Auto = Literal["auto"]
Ratio = Annotated[float, Field(ge=0, le=1)]
LANGUAGE_MODELS: JsonDict = {"applies_to": "language models"}
NOT_YET: JsonDict = {"applies_to": "not in this version"}


class Section(BaseModel):
    """A part of the tree: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
