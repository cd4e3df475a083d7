"""Results of a finished job, read from its run directory, which is their only record."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import pyarrow.parquet as pq

from serve.sdk_config import Kind
from ss_ray.location import Location
from ss_ray.runs.run_dir import RunDir
from ss_ray.tables.parts import read_part

CHUNK_BYTES = 1 << 20
CELL_CHARACTERS = 1 << 30
FORMULA = ("=", "+", "-", "@")
CONTROLS = ("\t", "\r", "\n")
"""With which a cell starts that a spreadsheet may compute (OWASP, "CSV Injection"), blanks and wide forms aside."""
SCORES = (
    "synthetic_data_quality_score",
    "column_correlation_stability_score",
    "deep_structure_stability_score",
    "column_distribution_stability_score",
    "text_semantic_similarity_score",
    "text_structure_similarity_score",
    "data_privacy_score",
    "membership_inference_protection_score",
    "attribute_inference_protection_score",
)
TIMES = {
    "pii_replacer_time_sec": "replace_pii",
    "training_time_sec": "train",
    "generation_time_sec": "generate",
    "evaluation_time_sec": "evaluate",
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """Something to fetch.

    Attributes:
        path: Below the run directory, by entry point.
        media_type: Media type of the response.
        file: Name that it is saved under.
    """

    path: Mapping[Kind, str]
    media_type: str
    file: str


SUMMARY = "summary"
PARQUET = "synthetic_data_parquet"
RESULTS: Mapping[str, Result] = {
    "synthetic_data": Result(
        path={"run": "release/synthetic.csv", "replace_pii": "release/table.csv"},
        media_type="text/csv; charset=utf-8",
        file="synthetic_data.csv",
    ),
    PARQUET: Result(
        path={"run": "release/synthetic", "replace_pii": "release/table"},
        media_type="application/vnd.apache.parquet",
        file="synthetic_data.parquet",
    ),
    SUMMARY: Result(
        path={"run": "manifest/generate.json", "replace_pii": "manifest/replace_pii.json"},
        media_type="application/json",
        file="summary.json",
    ),
    "evaluation_report": Result(
        path={"run": "internal/report.html", "replace_pii": "release/pii_report.html"},
        media_type="text/html; charset=utf-8",
        file="evaluation_report.html",
    ),
    "pii_report": Result(
        path={"run": "internal/pii_report.html", "replace_pii": "release/pii_report.html"},
        media_type="text/html; charset=utf-8",
        file="pii_report.html",
    ),
    "public_report": Result(
        path={"run": "release/report.html"}, media_type="text/html; charset=utf-8", file="public_report.html"
    ),
    "metrics": Result(path={"run": "internal/metrics.json"}, media_type="application/json", file="metrics.json"),
    "compliance": Result(
        path={"run": "internal/compliance.json"}, media_type="application/json", file="compliance.json"
    ),
    "privacy_certificate": Result(
        path={"run": "release/privacy_certificate.json"},
        media_type="application/json",
        file="privacy_certificate.json",
    ),
}


def is_internal(kind: Kind, name: str) -> bool:
    """Whether a result lies in the part of the run directory that may not leave."""
    return RESULTS[name].path.get(kind, "").startswith("internal/")


def find_result(run_dir: Location, kind: Kind, name: str) -> Location | None:
    """Location of a result; None if the job has no result of that name."""
    result = RESULTS.get(name)
    path = result.path.get(kind) if result else None
    location = run_dir / path if path else None
    if location is not None and location.exists():
        return location
    return None


def result_names(run_dir: Location, kind: Kind) -> list[str]:
    """Names of the available results."""
    return [name for name in RESULTS if find_result(run_dir, kind, name) is not None]


def summary(run_dir: Location, kind: Kind) -> dict[str, Any]:
    """Scores, counts and times in the form of the client libraries; null is "not measured"."""
    run = RunDir(root=run_dir)
    metrics = read_json(run_dir / "internal" / "metrics.json")
    manifests = {stage: run.read_manifest(stage) or {} for stage in ("read", "split", *TIMES.values())}
    seconds = {stage: manifest.get("seconds") for stage, manifest in manifests.items()}
    made = manifests["generate" if kind == "run" else "replace_pii"].get("result", {})
    rows = made.get("num_rows")
    rejected = sum(made.get("rejected", {}).values())

    return {
        **{name: metrics.get(name) for name in SCORES},
        "quality_grade": metrics.get("quality_grade"),
        "privacy_grade": metrics.get("privacy_grade"),
        "hard_fails": metrics.get("hard_fails"),
        "num_valid_records": rows,
        "num_invalid_records": rejected,
        "num_prompts": None,
        "valid_record_fraction": rows / (rows + rejected) if rows else None,
        "timing": {
            "total_time_sec": round(sum(float(value) for value in seconds.values() if value is not None), 2),
            **{name: seconds[stage] for name, stage in TIMES.items()},
        },
    }


def grades(run_dir: Location) -> dict[str, Any]:
    """The main words of an evaluation; empty where there was none."""
    metrics = read_json(run_dir / "internal" / "metrics.json")
    names = ("quality_grade", "privacy_grade", SCORES[0])
    found = {name: metrics[name] for name in names if name in metrics}
    return found | ({"hard_fails": len(metrics["hard_fails"])} if metrics.get("hard_fails") else {})


def read_chunks(location: Location) -> Iterator[bytes]:
    """A file's bytes."""
    with location.filesystem.open_input_stream(location.path, compression=None) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def read_safe_csv(location: Location) -> Iterator[bytes]:
    """A CSV file without cells that a spreadsheet takes for formulas: such cells start with an apostrophe."""
    csv.field_size_limit(CELL_CHARACTERS)
    with location.filesystem.open_input_stream(location.path, compression=None) as stream:
        rows = csv.reader(io.TextIOWrapper(io.BufferedReader(stream), encoding="utf8", newline=""))
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")

        for row in rows:
            writer.writerow([_neutralise_cell(cell) for cell in row])
            if text.tell() > CHUNK_BYTES:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()

        yield text.getvalue().encode()


def read_parquet(folder: Location) -> Iterator[bytes]:
    """All parts of a table as one Parquet file."""
    with tempfile.TemporaryFile() as file:
        _join_parts(folder, file)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _join_parts(folder: Location, file: IO[bytes]) -> None:
    writer: pq.ParquetWriter | None = None
    for part in folder.files(".parquet"):
        for block in read_part(part):
            writer = writer or pq.ParquetWriter(file, block.schema)
            writer.write_table(block)

    if writer is not None:
        writer.close()


def _neutralise_cell(cell: str) -> str:
    first = unicodedata.normalize("NFKC", cell[:64]).lstrip()[:1]
    if first:
        risky = first in FORMULA
    else:
        risky = cell.startswith(CONTROLS)

    if risky and not _is_number(cell):
        return f"'{cell}"

    return cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def read_json(location: Location) -> dict[str, Any]:
    """A JSON file's object, its NaN as null; empty where there is none, or none that can be read."""
    try:
        if location.exists():
            values = json.loads(location.read_text(), parse_constant=lambda _: None)
        else:
            values = {}
    except (ValueError, OSError):
        return {}

    if isinstance(values, dict):
        return values

    return {}
