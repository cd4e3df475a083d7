"""Functions beside the `Synthesizer`: replace personal data, evaluate any synthetic table, audit, compare runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ss_ray.config.files import merge_config
from ss_ray.config.model import Config
from ss_ray.config.shortcuts import shortcut_overrides
from ss_ray.errors import ConfigError
from ss_ray.pipelines.audit import RunAudit, audit_run
from ss_ray.pipelines.evaluate import evaluate_files
from ss_ray.pipelines.replace_pii import replace_table
from ss_ray.privacy.audit import AuditResult
from ss_ray.privacy.conformance import Conformance
from ss_ray.python.report import Comparison, Report, report_of_files
from ss_ray.python.rows_in import write_source
from ss_ray.python.synthesizer import Synthesizer
from ss_ray.python.work import brief_folder, folder_for, watched
from ss_ray.runs.overview import read_overview
from ss_ray.runs.run_dir import RunDir
from ss_ray.tables.parts import read_part

Request = Config | Mapping[str, Any] | None


def replace_pii(data: Any, *, config: Request = None, verbose: bool | None = None) -> Any:
    """The table with its personal data replaced, in columns and in texts, in the form in which it was given.

    Args:
        data: Table in memory, or path or URI of files; see `Synthesizer.fit`.
        config: The sections `replace_pii` and `data`: a Config, or a mapping with sections or dotted names.
        verbose: Whether progress is shown; None: in a notebook, and where stderr is a terminal.

    Raises:
        SsRayError: See `ss_ray.errors`; no message shows a value of the table.
    """
    with brief_folder() as work, watched(verbose) as on_progress:
        source, form = write_source(data, work)
        report = replace_table(merge_config(config), source, work / "run", on_progress=on_progress)
        blocks = [block for part in RunDir.at(work / "run").table.files(".parquet") for block in read_part(part)]
        made = form.restore(pa.concat_tables(blocks), report.result.schema)

    # The rows are those that were given, unless a rule drops some.
    if isinstance(data, pd.DataFrame) and len(made) == len(data):
        made.index = data.index
    return made


def evaluate(
    real: Any,
    synthetic: Any,
    holdout: Any = None,
    *,
    target: str | None = None,
    config: Request = None,
    folder: str | Path | None = None,
    verbose: bool | None = None,
) -> Report:
    """Quality, utility and privacy of a synthetic table that any tool made.

    Args:
        real: Rows that the synthetic ones were made from; a table in memory, or a path or URI of files.
        synthetic: Made rows, with at least the columns of the real ones.
        holdout: Real rows that the tool has not seen; without them most of privacy and utility is not available.
        target: Column that the utility models predict; None: chosen.
        config: The sections `data`, `constraints` and `evaluation`: a Config, or a mapping of sections or dotted names.
        folder: Folder of the page and its numbers; None: a temporary one, deleted with the report.
        verbose: Whether progress is shown; None: in a notebook, and where stderr is a terminal.
    """
    request = merge_config(config, shortcut_overrides(target=target))
    owner = _Owner()
    place = folder_for(owner) / "report" if folder is None else folder
    with brief_folder() as work, watched(verbose) as on_progress:
        found = evaluate_files(
            request,
            _source_in(work / "real", real),
            _source_in(work / "synthetic", synthetic),
            place,
            holdout=None if holdout is None else _source_in(work / "holdout", holdout),
            on_progress=on_progress,
        )

    return replace(report_of_files(place, asdict(found.result), found.rows["synthetic"], found.seconds), owner=owner)


@dataclass(frozen=True, kw_only=True)
class TrainingAudit:
    """The audit of the private training of this version.

    Attributes:
        result: Lower bound of the epsilon that it spends.
        conformance: Tests of the training against its charge.
    """

    result: AuditResult
    conformance: Conformance


def audit(
    run: Synthesizer | str | Path | None = None,
    *,
    epsilon: float = 4.0,
    delta: float = 1e-5,
    num_steps: int = 100,
    sample_rate: float = 0.1,
    num_canaries: int = 200_000,
) -> TrainingAudit | RunAudit:
    """Test private training against its charge, on a table made for it; the arguments are those of `ss-ray audit`.

    Args:
        run: Fitted synthesizer, or directory of a finished run, whose path is audited; None: the training alone.
        epsilon: Epsilon to claim, without a run.
        delta: Delta to claim, without a run.
        num_steps: Number of optimizer steps, without a run.
        sample_rate: Probability that a row joins a batch, without a run.
        num_canaries: Number of rows to recognise, without a run.

    Raises:
        ConfigError: The run has no certificate.
    """
    if run is not None:
        return audit_run(_run_place(run))

    # Imports torch: seconds.
    from ss_ray.training.private.canaries import (
        audit_training,
        check_training,
        make_canaries,
        plan_audit,
        plan_conformance,
    )

    rows = 1000
    plan = plan_audit(
        epsilon=epsilon,
        delta=delta,
        num_steps=num_steps,
        sample_rate=sample_rate,
        num_canaries=num_canaries,
        num_rows=rows,
    )
    return TrainingAudit(
        result=audit_training(plan, make_canaries(num_canaries, rows), 0.95),
        conformance=check_training(*plan_conformance(plan, num_canaries, rows)),
    )


def compare(*runs: Synthesizer | Report | str | Path) -> Comparison:
    """The main figures of runs side by side.

    Args:
        runs: Fitted synthesizers, reports, or directories of finished runs; two or more.

    Raises:
        ConfigError: There are fewer than two, or a directory holds no run.
    """
    if len(runs) < 2:
        raise ConfigError("compare needs two runs or more")
    return Comparison(
        figures=tuple(run.figures if isinstance(run, Report) else read_overview(_run_place(run)) for run in runs)
    )


class _Owner:
    """An object to whose life a folder is bound."""


def _source_in(folder: Path, table: Any) -> str:
    """Path or URI of a table, written to a new folder where it is in memory."""
    folder.mkdir()
    return write_source(table, folder)[0]


def _run_place(run: Synthesizer | str | Path) -> str:
    return run.run_place if isinstance(run, Synthesizer) else str(run)
