"""What is known of a run beside its scores, as the evidence for auditors has it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

from ss_ray.addresses import Address, is_address
from ss_ray.config.files import explicit_paths
from ss_ray.config.model import Config
from ss_ray.evaluation.report.compliance import RunFacts
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.pii.report import PiiReport, ReportFindings, make_pii_report
from ss_ray.pii.stage import PiiResult
from ss_ray.pipelines.handover import Prepared, Release
from ss_ray.pipelines.stages import Job
from ss_ray.plans.make import NOT_PRIVATE
from ss_ray.privacy.certificate import Certificate
from ss_ray.runs.run_dir import fingerprint
from ss_ray.tables.stage import TableRef

SECRET = ("replace_pii", "privacy.ledger", "tracking")
"""Parameters that may hold a seed of stand-ins, or the password of a database or a server."""


def table_name(data: str | Path) -> str:
    """Name of a table for people: the name of its file or folder without the ending, or of the table of a database.

    Args:
        data: Path, URI or address of the table. Nothing else of it is shown, because it may hold a password.

    Example:
        >>> table_name("s3://bucket/visits.csv"), table_name("postgresql://ann:secret@host/sales#public.orders")
        ('visits', 'orders')
    """
    if is_address(data):
        address = Address.parse(str(data))
        name = address.table.rpartition(".")[2] or address.place.partition("?")[0].rpartition("/")[2]
    else:
        name = Path(str(data).partition("?")[0]).name

    return name.partition(".")[0] or "table"


def request_fingerprint(config: Config) -> str:
    """SHA-256 of the whole request."""
    return fingerprint(config.model_dump(mode="json"))


def public_fingerprint(config: Config) -> str:
    """SHA-256 of the request without its secrets, so that the hash cannot be used to guess a seed or a password.

    Args:
        config: The whole request.
    """
    tree = config.model_dump(mode="json")
    for path in (*SECRET, "audit_log", "data.query", "data.random_state", "notes", "resources"):
        section, _, name = path.rpartition(".")
        parent = tree[section] if section else tree
        if parent is not None:
            parent.pop(name)

    return fingerprint(tree)


def run_facts(
    job: Job, table: TableRef, prepared: Prepared, release: Release, *, seed: int, guarantee: Certificate | None
) -> RunFacts:
    """The facts of a run whose rows are made.

    Args:
        job: The run that made the rows.
        table: Reference to the source.
        prepared: Rows that the model learned from.
        release: Rows that were made.
        seed: Seed from which all else was drawn.
        guarantee: Privacy certificate; None without differential privacy.
    """
    report = _pii_report(table, prepared.pii)
    log = job.log
    started = log.started
    return RunFacts(
        run=str(job.run_dir.root),
        created_at=started.time if started else datetime.now(UTC).isoformat(timespec="milliseconds"),
        user=started.user if started else None,
        host=started.host if started else None,
        versions=started.versions if started else {},
        inputs=table.digests,
        request=request_fingerprint(job.config),
        seed=seed,
        log=log.path,
        log_line=started.number if started else None,
        log_hash=started.hash if started else None,
        counts={
            "training rows": prepared.splits.train_rows,
            "holdout rows": prepared.splits.holdout_rows,
            "synthetic rows": release.synthetic.num_rows,
        },
        num_columns=len(table.schema.columns),
        replaced=tuple(dict.fromkeys(row.column for row in report.statistics if row.replaced)) if report else (),
        kept=tuple(rule.name for rule in report.kept) if report else (),
        safe_harbor=report.safe_harbor if report else (),
        searches=report.searches if report else (),
        synthetic_scan=release.scan,
        guarantee=_guarantee_in_words(guarantee),
    )


def _guarantee_in_words(guarantee: Certificate | None) -> str:
    if guarantee is None:
        return NOT_PRIVATE
    return f"({guarantee.epsilon:.3g}, {guarantee.delta:.2g})-differential privacy of {guarantee.privacy_unit}"


def _pii_report(table: TableRef, pii: PiiResult) -> PiiReport | None:
    """None where personal data was not looked for."""
    if pii.plan is None:
        return None
    findings = ReportFindings(
        statistics=pii.statistics, scan=pii.scan, unread=pii.unread, kept_together=pii.kept_together
    )
    return make_pii_report(pii.plan, findings, table.schema, pii.num_rows, pii.dropped_rows)


def given_settings(config: Config) -> dict[str, str]:
    """Parameters that were given -> their values, without what may be secret."""
    values: Any = config.model_dump(mode="json", exclude_unset=True)
    # The report may be shown to people who must not know the seed of the stand-ins.
    paths = [path for path in explicit_paths(config) if not path.startswith(SECRET)]
    return {path: str(reduce(lambda tree, name: tree[name], path.split("."), values)) for path in paths}


def sequence_columns(config: Config) -> SequenceColumns | None:
    """Columns by which the rows of a request make sequences, as its evaluation looks at them."""
    group = config.data.group_training_examples_by
    order = config.data.order_training_examples_by
    order = config.time_series.timestamp_column or order
    if group is None and order is None:
        return None
    return SequenceColumns(group=group, order=order)


def public_columns(config: Config) -> tuple[str, ...]:
    """Columns whose values the request declares public knowledge."""
    return tuple(name for name, column in config.data.columns.items() if column.public)


def personal_columns(pii: PiiResult) -> dict[str, str]:
    """Column -> entity type of the columns that hold personal data."""
    if pii.plan:
        return {rule.name: rule.entity_type for rule in (*pii.plan.columns, *pii.plan.kept)}
    return {}
