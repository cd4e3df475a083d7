"""`metrics.json`: all metrics, with the most important ones at the top.

Top level, beside the fields of `Evaluation`: `schema_version` (rises with every incompatible change), `quality_grade`,
`verdict` (that grade with its score, and the reasons that cap it), `quality_limits` (columns that cap the score),
`privacy_grade` (null: not available, or partial), `privacy_missing` (what was not tested; where anything is, there is
no grade but Poor), `hard_fails` (names of privacy rules that failed), and NeMo's summary fields, each a score from 0 to
10 or null. Every number below is an object with `value` (null: see `reason`), `sample_size`, `seed`, `std_error` and
`bounds`.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from ss_ray.evaluation.evaluate import Evaluation

SCHEMA_VERSION = 1
_ADAPTER = TypeAdapter(Evaluation)


def metrics_json(evaluation: Evaluation) -> str:
    """The file."""
    return json.dumps(
        _select_top_metrics(evaluation) | _ADAPTER.dump_python(evaluation, mode="json"), indent=2, ensure_ascii=False
    )


def _select_top_metrics(evaluation: Evaluation) -> dict[str, Any]:
    quality = evaluation.scores.quality
    verdict = evaluation.scores.verdict
    privacy = evaluation.scores.privacy
    nemo = evaluation.privacy.nemo

    return {
        "schema_version": SCHEMA_VERSION,
        "quality_grade": verdict.score.grade,
        "privacy_grade": privacy.score.grade,
        "hard_fails": list(privacy.hard_fails),
        "verdict": {"grade": verdict.score.grade, "score": verdict.score.value, "reasons": list(verdict.reasons)},
        "quality_limits": list(quality.limits),
        "privacy_missing": list(privacy.missing),
        "synthetic_data_quality_score": quality.sqs.value,
        "column_correlation_stability_score": quality.correlation.value,
        "deep_structure_stability_score": quality.deep_structure.value,
        "column_distribution_stability_score": quality.distribution.value,
        "text_semantic_similarity_score": quality.text_semantic.value,
        "text_structure_similarity_score": quality.text_structure.value,
        "data_privacy_score": nemo.dps.value,
        "membership_inference_protection_score": nemo.membership.value,
        "attribute_inference_protection_score": nemo.attributes.value,
    }
