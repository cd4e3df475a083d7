"""Invented persons in generated rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.codec.sequence_columns import Sequences
from ss_ray.pii.identities.fill import fill_identities, units_of
from ss_ray.pii.identities.plan import IdentityPlan


@dataclass(frozen=True)
class PersonFiller:
    """The persons of a synthetic table.

    Attributes:
        plan: Columns and texts that get an invented person.
        sequences: Columns that make rows one example; None where each row stands for itself.
        seed: Seed of the run, from which the persons follow.
    """

    plan: IdentityPlan
    sequences: Sequences | None
    seed: int

    def fill(self, table: pa.Table, prefix: str) -> pa.Table:
        """The rows with a person in each, or in each group.

        Args:
            table: Rows as they were generated.
            prefix: Name of this part of the table, which no other part has.
        """
        key = hashlib.blake2b(f"persons {self.seed}".encode(), digest_size=32).digest()
        group = self.sequences.group if self.sequences is not None else None
        shared = frozenset(self.sequences.constants) if self.sequences is not None else frozenset()
        # The names of groups tell whose rows belong together: generation makes them.
        plan = self.plan.without(frozenset({group})) if group is not None else self.plan
        return fill_identities(table, plan, key, units_of(table, plan, prefix, group, shared))
