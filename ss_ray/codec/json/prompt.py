"""Prompt of a language model, the same in training and in generation."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from ss_ray.codec.json.cells import quoted
from ss_ray.codec.json.lines import JsonCodec


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """Generation settings of a fine-tuned model, stored beside it as `generation.json`.

    Attributes:
        prompt: The instruction with the special tokens around it, for a reader.
        prompt_ids: Its tokens, which are what the model was trained on.
        max_tokens: Number of tokens of the longest completion in training, the end token included.
        window: Tokens of prompt and completion together, at most.
    """

    prompt: str
    prompt_ids: tuple[int, ...]
    max_tokens: int
    window: int

    def to_json(self) -> str:
        """The settings as JSON, for `from_json`."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> GenerationSettings:
        """Inverse of `to_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(GenerationSettings)


def instruction(codec: JsonCodec) -> str:
    """Instruction for the model: the names of the columns, and nothing of any row."""
    columns = ", ".join(quoted(column.name) for column in codec.row_columns)
    if not codec.shared_columns:
        return f"Generate a JSONL dataset with the following columns: {columns}"
    shared = ", ".join(quoted(column.name) for column in codec.shared_columns)
    return f"Generate a JSONL dataset: first a line with {shared}, then lines with the following columns: {columns}"
