"""`release/README.md`: a dataset card as the Hugging Face hub reads it, with a header of YAML.

Source of the header's fields: the hub's dataset card specification (license, tags, size_categories, configs,
dataset_info.features).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import yaml

from ss_ray.cards.release_facts import ReleaseFacts

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))
"""Number of rows below which a table is of a category."""
LARGEST = "10M<n<100M"
TYPE_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32"}
"""Arrow's name of a type -> the hub's, where they differ."""


def dataset_card(facts: ReleaseFacts) -> str:
    """The file: header and text.

    Args:
        facts: Facts of the released table.
    """
    header = yaml.safe_dump(_describe_header(facts), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{header}---\n\n{_write_text(facts)}"


def _describe_header(facts: ReleaseFacts) -> dict[str, Any]:
    """Fields that the hub and loaders read."""
    named = {"license_name": "not declared"} if facts.license == "other" else {}
    return {
        "license": facts.license,
        **named,
        "pretty_name": facts.name,
        "tags": ["synthetic", "tabular", "ss_ray", *(["differential-privacy"] if facts.guarantee else [])],
        "size_categories": [next((name for limit, name in SIZES if facts.num_rows < limit), LARGEST)],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "synthetic/*.parquet"}]},
        ],
        "dataset_info": {
            "features": [{"name": field.name, "dtype": _name_type(field.type)} for field in facts.columns],
        },
    }


def _name_type(kind: pa.DataType) -> str:
    return TYPE_NAMES.get(str(kind), str(kind))


def _write_text(facts: ReleaseFacts) -> str:
    meant, refused = facts.list_uses()
    licence = "No licence was declared." if facts.license == "other" else f"Licence: {facts.license}."
    parts = [
        f"# {_escape_markdown(facts.name)}",
        *([facts.description] if facts.description else []),
        f"A synthetic table of {facts.num_rows:,} rows and {len(facts.columns)} columns. A model that learned from a "
        "real table generated every row.",
        f"## Guarantee\n\n{facts.promise}{_describe_certificate(facts)}",
        f"## Evaluation\n\n{facts.findings}",
        f"## Use\n\nMeant for: {meant}\n\nNot for: {refused}",
        f"## Columns\n\n{_draw_columns(facts)}",
        f"## Origin\n\nMade on {facts.created_on} by ss_ray {facts.version}. SHA-256 of the request: "
        f"`{facts.request}`. {licence}",
    ]
    return "\n\n".join(parts) + "\n"


def _describe_certificate(facts: ReleaseFacts) -> str:
    if facts.guarantee is None:
        return ""

    gaps = "\n".join(f"* {_escape_markdown(text)}" for text in facts.guarantee.not_covered)
    return f" The certificate is `privacy_certificate.json`. It does not cover:\n\n{gaps}"


def _draw_columns(facts: ReleaseFacts) -> str:
    kinds = {column.name: column.kind.value for column in facts.schema.columns}
    rows = [
        f"| {_escape_markdown(field.name)} | {kinds.get(field.name, '')} | {_name_type(field.type)} |"
        for field in facts.columns
    ]
    return "\n".join(("| column | kind | type |", "|---|---|---|", *rows))


def _escape_markdown(text: str) -> str:
    """A name that cannot end a cell of a table, nor begin HTML."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
