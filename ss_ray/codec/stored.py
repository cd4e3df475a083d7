"""Codecs in the format of `codec.json` in a model's folder."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from ss_ray.codec.prose import PROSE_FILE, ProseCodec, prose_from_json
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.location import Location
from ss_ray.schema import TableSchema

_SCHEMA = TypeAdapter(TableSchema)


def codec_from_json(text: str) -> SlotCodec | SequenceCodec:
    """The compact model's codec, of rows or of sequences, whichever was written."""
    if json.loads(text).get("type") == "sequences":
        return SequenceCodec.from_json(text)
    return SlotCodec.from_json(text)


def schema_json(schema: TableSchema) -> str:
    """A schema for people: each column with its kind, its formats, and the reason for both."""
    return _SCHEMA.dump_json(schema, indent=2).decode() + "\n"


def read_model_schema(model: Location) -> TableSchema:
    """The schema of the rows that the model in a folder makes, with the texts that a language model writes."""
    prose = read_prose(model)
    return read_schema((model / "codec.json").read_text()) if prose is None else prose.schema


def read_prose(model: Location) -> ProseCodec | None:
    """The codec of the texts of a compact model; None where it writes its texts itself."""
    file = model / PROSE_FILE
    if not file.exists():
        return None

    # The model may allow more than the rows that it learned from: a sequence that goes on behind their dates, say.
    return prose_from_json(file.read_text()).with_outline(read_schema((model / "codec.json").read_text()))


def read_schema(text: str) -> TableSchema:
    """The schema of the rows that a codec of any model makes."""
    return _SCHEMA.validate_python(json.loads(text)["schema"], strict=False)
