"""A run's directory: where everything is, what is finished, and what may leave.

    release/     may leave: the synthetic table (and, with differential privacy, its certificate)
    internal/    may not: real rows, model, metrics and report computed on real rows
    manifest/    may not: one JSON file per finished stage; a stage without one has not happened

A stage is skipped when its manifest carries the fingerprint of what is asked for now. A manifest is written last,
and in one step, so whatever a killed stage left behind is never taken for finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import fs as pafs

from ss_ray.errors import ConfigError
from ss_ray.location import Location


@dataclass(frozen=True, kw_only=True)
class RunDir:
    """Paths of a run below its root, and the manifests of its finished stages."""

    root: Location

    @classmethod
    def at(cls, uri: str | Path) -> RunDir:
        """The run directory at a local path or URI; it need not exist."""
        return cls(root=Location.parse(uri))

    def create(self) -> None:
        """Make the folders; on a local filesystem only their owner may look into internal/ and manifest/.

        Raises:
            ResourceError: They cannot be made.
        """
        for folder in (self.internal, self.root / "manifest"):
            folder.make_folder()
            # Object stores have no such permissions; access is decided by their policies.
            if isinstance(folder.filesystem, pafs.LocalFileSystem):
                Path(folder.path).chmod(0o700)

    def discard_evaluation(self) -> None:
        """Remove report, metrics and evidence, which belong to one synthetic table, and descriptions that cite them."""
        self.report.remove()
        self.dataset_card.remove()
        self.croissant.remove()
        for name in ("metrics.json", "compliance.json"):
            (self.internal / name).remove()

    @property
    def release(self) -> Location:
        """What may leave."""
        return self.root / "release"

    @property
    def internal(self) -> Location:
        """What may not leave."""
        return self.root / "internal"

    @property
    def synthetic(self) -> Location:
        """Folder of the synthetic table's Parquet files."""
        return self.release / "synthetic"

    @property
    def table(self) -> Location:
        """Folder of the Parquet files of a table without personal data, where nothing else was asked for."""
        return self.release / "table"

    @property
    def certificate(self) -> Location:
        """What is guaranteed, for auditors and machines."""
        return self.release / "privacy_certificate.json"

    @property
    def report(self) -> Location:
        """The report for people."""
        return self.internal / "report.html"

    @property
    def public_report(self) -> Location:
        """The page that may leave, with differential privacy."""
        return self.release / "report.html"

    @property
    def dataset_card(self) -> Location:
        """The description of the synthetic table for people and for the Hugging Face hub."""
        return self.release / "README.md"

    @property
    def croissant(self) -> Location:
        """The description of the synthetic table for catalogs and loaders."""
        return self.release / "croissant.json"

    def manifest(self, stage: str) -> Location:
        """Where a stage says that it is finished."""
        return self.root / "manifest" / f"{stage}.json"

    def read_manifest(self, stage: str) -> dict[str, Any] | None:
        """What a finished stage recorded; None while it is not finished."""
        location = self.manifest(stage)
        if not location.exists():
            return None

        try:
            manifest: dict[str, Any] = json.loads(location.read_text())
        except ValueError:
            raise ConfigError(f"{location} is damaged; delete it to run the stage {stage!r} again") from None

        return manifest

    def write_manifest(self, stage: str, manifest: Mapping[str, Any]) -> None:
        """Declare a stage finished."""
        self.manifest(stage).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def fingerprint(*parts: Any) -> str:
    """SHA-256 of JSON-able values, the same for equal values on every machine.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
