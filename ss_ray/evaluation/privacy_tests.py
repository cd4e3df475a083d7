"""Switches of the privacy tests. A test that is switched off is not measured, and the verdict names it as missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ss_ray.config.model import EvaluationParameters
from ss_ray.pii.entities import NEMO_NAMES
from ss_ray.schema import TableSchema

SWITCHED_OFF = "it was switched off"
UNKNOWN_ENTITY = "UNKNOWN"
"""Entity type of a column that is looked at as personal because it was named, whatever it holds."""
NEMO_KNOWN_COLUMNS = 3


@dataclass(frozen=True, kw_only=True)
class PrivacyTests:
    """Switches of the tests; all of them are on by default.

    Attributes:
        membership: Guess who was trained on.
        membership_without: Columns that these guesses do not look at.
        attributes: Guess a column from the others.
        known_columns: Columns that NeMo's attacker knows beforehand.
        replay: Look for values that reappear.
        replay_entities: Types of personal data whose columns are searched; None for all.
        replay_columns: Columns that are searched as personal whatever they hold.
    """

    membership: bool = True
    membership_without: tuple[str, ...] = ()
    attributes: bool = True
    known_columns: int = NEMO_KNOWN_COLUMNS
    replay: bool = True
    replay_entities: tuple[str, ...] | None = None
    replay_columns: tuple[str, ...] = ()

    def personal(self, pii: Mapping[str, str]) -> dict[str, str]:
        """Column -> entity type of the columns that are searched as personal, of those that hold personal data."""
        chosen = {c: kind for c, kind in pii.items() if self.replay_entities is None or kind in self.replay_entities}
        return chosen | {c: pii.get(c, UNKNOWN_ENTITY) for c in self.replay_columns}

    def left_out(self, pii: Mapping[str, str]) -> tuple[str, ...]:
        """Tests that the configuration switched off, in words."""
        found = []
        if not self.membership:
            found.append("membership inference")
        elif self.membership_without:
            found.append(f"membership inference by {', '.join(map(repr, self.membership_without))}")

        if not self.attributes:
            found.append("attribute inference")

        if not self.replay:
            found.append("the replay of values")
        elif unsearched := [c for c in pii if c not in self.personal(pii)]:
            found.append(f"the replay of values of {', '.join(map(repr, unsearched))}")

        return tuple(found)


ALL_TESTS = PrivacyTests()


def plan_tests(parameters: EvaluationParameters) -> PrivacyTests:
    """The tests that a request asks for; an empty list is as good as none, as in NeMo."""
    entities = parameters.pii_replay_entities
    return PrivacyTests(
        membership=parameters.mia_enabled,
        membership_without=parameters.mia_excluded_columns or (),
        attributes=parameters.aia_enabled,
        known_columns=parameters.quasi_identifier_count,
        replay=parameters.pii_replay_enabled,
        replay_entities=tuple(NEMO_NAMES.get(name, name) for name in entities) if entities else None,
        replay_columns=parameters.pii_replay_columns or (),
    )


def check_columns(parameters: EvaluationParameters, schema: TableSchema) -> None:
    """Refuse, before anything is measured, a request that names a column that is not there.

    Raises:
        DataError: The schema lacks the column.
    """
    target = () if parameters.target is None else (parameters.target,)
    lagged = parameters.time_series.autocorrelation.value_columns
    for names in (target, parameters.mia_excluded_columns, parameters.pii_replay_columns, lagged):
        for name in names or ():
            schema[name]
