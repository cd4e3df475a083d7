"""The descriptions beside a finished release: the dataset card, and Croissant metadata."""

from __future__ import annotations

import hashlib

from ss_ray import __version__
from ss_ray.cards.croissant import croissant_json
from ss_ray.cards.dataset_card import dataset_card
from ss_ray.cards.release_facts import EvaluationSummary, ReleaseFacts
from ss_ray.evaluation.stage import EvaluationResult
from ss_ray.pipelines.facts import public_fingerprint
from ss_ray.pipelines.stages import Job
from ss_ray.privacy.certificate import Certificate
from ss_ray.runs.run_dir import RunDir
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import part_schema


def write_cards(
    job: Job, name: str, schema: TableSchema, guarantee: Certificate | None, evaluation: EvaluationResult | None
) -> None:
    """Write release/README.md and release/croissant.json.

    Args:
        job: The job whose rows are made, and searched for identifiers of real people.
        name: Name of the table.
        schema: Kinds of the columns.
        guarantee: The certificate; None without differential privacy.
        evaluation: Main figures; not told under differential privacy, which did not pay for them.
    """
    run_dir = job.run_dir
    release = job.config.release
    generated = run_dir.read_manifest("generate")
    parts = run_dir.synthetic.files(".parquet")
    assert generated is not None
    # A job that could not make a single row has no table to describe.
    if not parts:
        return

    facts = ReleaseFacts(
        name=name,
        description=release.description or "",
        license=release.license,
        num_rows=generated["result"]["num_rows"],
        columns=part_schema(parts[0]),
        schema=schema,
        request=public_fingerprint(job.config),
        created_on=generated["finished_at"][:10],
        version=__version__,
        guarantee=guarantee,
        evaluation=None if guarantee is not None or evaluation is None else _summarise_evaluation(evaluation),
    )
    run_dir.dataset_card.write_text(dataset_card(facts))
    run_dir.croissant.write_text(croissant_json(facts, _certificate_digest(run_dir, guarantee)))


def _summarise_evaluation(evaluation: EvaluationResult) -> EvaluationSummary:
    return EvaluationSummary(
        quality_grade=evaluation.quality_grade,
        quality_score=evaluation.quality_verdict,
        privacy_grade=evaluation.privacy_grade,
        is_failed=bool(evaluation.failed),
        utility_synthetic=evaluation.utility_synthetic,
        utility_real=evaluation.utility_real,
        discriminator_auc=evaluation.discriminator_auc,
    )


def _certificate_digest(run_dir: RunDir, guarantee: Certificate | None) -> str | None:
    """SHA-256 of the certificate's file; None without one."""
    if guarantee is None:
        return None
    return hashlib.sha256(run_dir.certificate.read_text().encode()).hexdigest()
