"""The evaluation of a synthetic table that any tool made: two or three files in, a report and its numbers out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ss_ray.addresses import is_address
from ss_ray.cluster import connect
from ss_ray.config.files import require_config
from ss_ray.config.model import Config, DataParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.evaluation.privacy_tests import check_columns
from ss_ray.evaluation.quality.rule_violations import CheckedRules
from ss_ray.evaluation.report.report import ReportContext
from ss_ray.evaluation.stage import EvaluationRequest, EvaluationResult, Tables, evaluate_table
from ss_ray.location import Location
from ss_ray.pipelines.facts import public_columns, request_fingerprint, sequence_columns, table_name
from ss_ray.pipelines.run import start_run
from ss_ray.plans.sequences import check_sequences
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.audit_log import Log, logged
from ss_ray.schema import TableSchema
from ss_ray.tables.connectors.stage import copy_addressed
from ss_ray.tables.dialect import declared_dialect
from ss_ray.tables.files import find_source
from ss_ray.tables.stage import TypedRows, read_table, type_rows

MOST_NAMES = 10
"""Columns that a warning names."""
NO_CERTIFICATE = "The table was made elsewhere: nothing is known here of any guarantee, only what these files show."


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """An evaluation of files.

    Attributes:
        report: HTML page; internal, for it is computed on real rows.
        metrics: JSON file of all numbers; internal likewise.
        readings: Table -> sentence about how it was read.
        rows: Table -> rows read.
        lost: Cells of the tables that are not of the type of the real column, and count as missing.
        extra: Columns that the real table lacks, of the other tables.
        result: Main figures of the evaluation.
        seconds: Wall time in seconds.
    """

    report: str
    metrics: str
    readings: dict[str, str]
    rows: dict[str, int]
    lost: int
    extra: int
    result: EvaluationResult
    seconds: float


def evaluate_files(
    config: Config,
    real: str | Path,
    synthetic: str | Path,
    out: str | Path,
    *,
    holdout: str | Path | None = None,
    on_progress: OnProgress = ignore,
) -> EvaluationReport:
    """Compare a synthetic table with the real one that it was made from.

    Args:
        config: The sections `data` (declared columns, groups, seed), `time_series`, `constraints` and `evaluation`.
        real: Rows that the synthetic ones were made from; a path or URI of CSV, Excel, JSON lines, Parquet or Arrow.
        synthetic: Made rows, with at least the columns of the real ones.
        out: Folder for report.html and metrics.json.
        holdout: Real rows that the tool has not seen; without them most of privacy and utility is not available.
        on_progress: Told how far it is.

    Raises:
        SsRayError: See `ss_ray.errors`.
    """
    require_config(config)
    folder = Location.parse(out)
    sources = {"train": real, "holdout": holdout, "synthetic": synthetic}
    given = {name: uri for name, uri in sources.items() if uri is not None}
    _check_apart(folder, given)
    with logged("evaluate", config.audit_log, str(folder)) as log:
        return _evaluate_sources(config, given, folder, log, on_progress)


def _evaluate_sources(
    config: Config, sources: dict[str, str | Path], folder: Location, log: Log, on_progress: OnProgress
) -> EvaluationReport:
    """Type, measure, write; the typed rows are gone at the end, however it comes."""
    started = time.monotonic()
    connect()
    # Only a folder that this call has made is removed after an error.
    is_new = not folder.exists()
    # Hidden, so that readers of the folder do not take typed rows for results.
    work = folder.make_folder() / ".work"

    try:
        check_sequences(config)
        if config.constraints == "auto":
            raise ConfigError("constraints: auto is for `ss-ray run`; list the constraints to check")

        copies = {name: copy_addressed(uri, work / f"copy-{name}", on_progress) for name, uri in sources.items()}
        table = read_table(copies["train"], config.data, 0, on_progress, min_rows=1)
        check_columns(config.evaluation, table.schema)
        log.facts["request"] = request_fingerprint(config)
        dialects = {name: _declared_data(name, config.data) for name in copies}
        read = {
            name: type_rows(uri, table.schema, dialects[name], work / name, on_progress) for name, uri in copies.items()
        }
        log.facts["inputs"] = {name: list(rows.digests) for name, rows in read.items()}
        _check_rows(read)
        extra = {name: _extra_columns(uri, dialects[name], table.schema) for name, uri in copies.items()}
        result = evaluate_table(
            Tables(train=work / "train", holdout=work / "holdout", synthetic=work / "synthetic"),
            table.schema,
            EvaluationRequest(
                parameters=config.evaluation,
                seed=start_run(config).seed,
                rules=CheckedRules(declared=config.listed_constraints, finds=not config.is_private),
                sequences=sequence_columns(config),
                lost=read["synthetic"].lost,
                public=public_columns(config),
            ),
            _report_context(table_name(sources["synthetic"]), folder, read, extra),
            None,
            folder,
            on_progress,
        )
    finally:
        work.remove()
        if is_new and not folder.files(hidden=True):
            # It failed, and leaves nothing that was not there.
            folder.remove()

    return EvaluationReport(
        report=str(folder / "report.html"),
        metrics=str(folder / "metrics.json"),
        readings={name: rows.reading for name, rows in read.items()},
        rows={name: rows.num_rows for name, rows in read.items()},
        lost=sum(sum(rows.lost.values()) for rows in read.values()),
        extra=sum(map(len, extra.values())),
        result=result,
        seconds=time.monotonic() - started,
    )


def _check_apart(folder: Location, sources: dict[str, str | Path]) -> None:
    """Refuse a folder that holds a source: its files would become part of the table."""
    for name, uri in sources.items():
        if not is_address(uri) and folder.is_inside(Location.parse(uri)):
            raise ConfigError(f"the folder {folder} lies inside the {name} table; give an --out elsewhere")


def _check_rows(read: dict[str, TypedRows]) -> None:
    """Refuse tables in which there is nothing to compare.

    Raises:
        DataError: A table has no rows, or a column of which nothing can be read.
    """
    for name, rows in read.items():
        if not rows.num_rows:
            raise DataError(f"the {name} table has no rows")

        for column in rows.lost.keys() - rows.read:
            raise DataError(
                f"nothing in column {column!r} of the {name} table can be read as the real one's type; write it alike",
                column=column,
            )


def _declared_data(name: str, data: DataParameters) -> DataParameters:
    """The declared encoding and dialect of a table; another tool may write its table with other separators."""
    if name == "synthetic":
        return DataParameters(encoding=data.encoding)
    return data


def _extra_columns(uri: str | Path, data: DataParameters, schema: TableSchema) -> tuple[str, ...]:
    names = find_source(uri, data.encoding, declared=declared_dialect(data)).names
    return tuple(name for name in names if name not in schema.names)


def _report_context(
    title: str, folder: Location, read: dict[str, TypedRows], extra: dict[str, tuple[str, ...]]
) -> ReportContext:
    return ReportContext(
        title=title,
        run=folder.name,
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        model="made elsewhere",
        counts={f"{'training' if name == 'train' else name} rows": rows.num_rows for name, rows in read.items()},
        pii=None,
        notes=(NO_CERTIFICATE,),
        warnings=(
            *(note for name, rows in read.items() for note in _describe_lost(name, rows)),
            *(_not_compared(name, columns) for name, columns in extra.items() if columns),
        ),
        stage_seconds={},
        privacy_statement=NO_CERTIFICATE,
    )


def _describe_lost(name: str, rows: TypedRows) -> Iterator[str]:
    for column, count in rows.lost.items():
        yield f"{count:,} cells of {column!r} in the {name} table are not of its type, and count as missing."


def _not_compared(name: str, columns: tuple[str, ...]) -> str:
    shown = ", ".join(map(repr, columns[:MOST_NAMES])) + (" and more" if len(columns) > MOST_NAMES else "")
    if len(columns) == 1:
        verb = "column of the {} table is"
    else:
        verb = "columns of the {} table are"

    return f"{len(columns):,} {verb.format(name)} not in the real one, and not compared: {shown}."
