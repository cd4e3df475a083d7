"""The values that one part of a run hands to the next."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.generation.results import SyntheticTable
from ss_ray.location import Location
from ss_ray.pii.stage import PiiResult, RowFolders
from ss_ray.pii.survivors import ScanResult
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import TableSchema
from ss_ray.tables.common_stage import CommonTable
from ss_ray.tables.stage import Splits
from ss_ray.training.stage import ModelRef


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The rows that a model may learn from, and everything that was done to them.

    Attributes:
        splits: Numbers of training and holdout rows.
        pii: Personal data that was found and replaced.
        common: Rare values that were held back.
        schema: Schema of the rows to learn.
        real: Folders of the rows as they were read.
        seen: Folders of the rows without personal data; the same folders where nothing was to be replaced.
        modelled: Folder of the training rows with placeholders in their texts; that of `seen` where there are none.
        learned: Folder of the training rows without rare values.
    """

    splits: Splits
    pii: PiiResult
    common: CommonTable
    schema: TableSchema
    real: RowFolders
    seen: RowFolders
    modelled: Location
    learned: Location


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A trained model.

    Attributes:
        model: Reference to the model in internal/model.
        guarantee: Privacy certificate of the model; None without differential privacy.
    """

    model: ModelRef
    guarantee: Certificate | None


@dataclass(frozen=True, kw_only=True)
class Release:
    """The synthetic rows in release/.

    Attributes:
        synthetic: Counts of the rows that were made.
        scan: Result of the search for identifiers of real rows.
    """

    synthetic: SyntheticTable
    scan: ScanResult
