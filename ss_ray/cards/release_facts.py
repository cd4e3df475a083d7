"""The facts of a released table that its descriptions may tell.

A description leaves with the table. Under differential privacy it therefore tells what was declared or paid for, and
nothing that was measured on real rows; `EvaluationSummary` must be None then. Nothing here is given a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ss_ray.errors import PrivacyError
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import TableSchema


@dataclass(frozen=True, kw_only=True)
class EvaluationSummary:
    """Main figures of an evaluation on real rows.

    Attributes:
        quality_grade: Grade of quality; None where it is not available.
        quality_score: Score of quality, 0 to 10; None where it is not available.
        privacy_grade: Grade of privacy; None where it is not available.
        is_failed: Whether a hard rule of privacy failed.
        utility_synthetic: Test score after training on synthetic rows.
        utility_real: Test score after training on real rows.
        discriminator_auc: AUC of a discriminator between synthetic and real rows; 0.5 is ideal.
    """

    quality_grade: str | None
    quality_score: float | None
    privacy_grade: str | None
    is_failed: bool
    utility_synthetic: float | None
    utility_real: float | None
    discriminator_auc: float | None


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """What the descriptions of a released table tell.

    Attributes:
        name: Name of the table.
        description: First paragraph that the request gives; empty without one.
        license: SPDX identifier or name of the licence; "other" where none was declared.
        num_rows: Number of synthetic rows.
        columns: Names and storage types of the released columns.
        schema: Kinds of the columns.
        request: SHA-256 of the request without its secrets.
        created_on: Day on which the rows were made, ISO 8601.
        version: Version of ss_ray that made them.
        guarantee: The certificate; None without differential privacy.
        evaluation: Main figures on real rows; None where there are none, and always under differential privacy.
    """

    name: str
    description: str
    license: str
    num_rows: int
    columns: pa.Schema
    schema: TableSchema
    request: str
    created_on: str
    version: str
    guarantee: Certificate | None
    evaluation: EvaluationSummary | None

    def __post_init__(self) -> None:
        """Refuse figures of real rows that nothing paid for.

        Raises:
            PrivacyError: There is a certificate, and an evaluation.
        """
        if self.guarantee is not None and self.evaluation is not None:
            raise PrivacyError(
                "the description of a table under differential privacy cannot tell figures of the evaluation: they "
                "were computed on real rows and not paid for"
            )

    @property
    def promise(self) -> str:
        """The formal guarantee in one sentence, or that there is none."""
        if self.guarantee is None:
            return "There is no formal guarantee: differential privacy was off."
        return (
            f"The table has ({self.guarantee.epsilon:.3g}, {self.guarantee.delta:.2g})-differential privacy; the unit "
            f"is {self.guarantee.privacy_unit}."
        )

    @property
    def findings(self) -> str:
        """The evaluation in a few sentences, or the reason why there are no figures."""
        if self.guarantee is not None:
            return "Figures against the real rows are not part of the release: they were not paid for."
        if self.evaluation is None:
            return "These rows were not compared with real rows."

        found = self.evaluation
        sentences = [
            f"Quality: {found.quality_grade or 'not available'}{_spell_score(found.quality_score)}.",
            f"Privacy: {found.privacy_grade or 'not available'}.",
        ]
        if found.is_failed:
            sentences.append("A hard rule of privacy failed: this table must not be shared.")
        if found.utility_synthetic is not None and found.utility_real is not None:
            sentences.append(
                f"A model trained on synthetic rows scores {found.utility_synthetic:.3f} on unseen real rows, a model "
                f"trained on real rows {found.utility_real:.3f}."
            )
        if found.discriminator_auc is not None:
            sentences.append(
                f"A model that separates synthetic from real rows has an AUC of {found.discriminator_auc:.2f}; 0.5 is "
                "guessing."
            )
        return " ".join(sentences)

    def list_uses(self) -> tuple[str, str]:
        """What the table is meant for, and what it must not be used for."""
        return (
            "Development, tests, teaching, and analyses that are checked on real data before they are acted on.",
            "Decisions about single persons, statements about rare values, and attempts to find out who was in the "
            "original table.",
        )


def _spell_score(score: float | None) -> str:
    return "" if score is None else f" ({score:g} of 10)"
