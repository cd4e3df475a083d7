"""The end of a run's private files: everything but the release is deleted, and a proof of it stays.

Deleting a file does not wipe the disk or the object store's versions below it: that is for whoever runs them, and the
proof says so. The ledger of privacy budgets is not touched: what was spent stays spent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyarrow import fs as pafs

from ss_ray.audit_log import Entry, append
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.runs import Location, RunDir

PRIVATE = ("internal", "manifest")
"""Folders of a run that may not leave."""
LIMITS = (
    "Files were deleted through their filesystem. Versions, snapshots, backups and blocks of the medium below it are "
    "not in its reach.",
    "The released table stays, and so do the privacy ledger and the audit log, which hold no cell of any table.",
)


@dataclass(frozen=True, kw_only=True)
class Erased:
    """One file that is gone.

    Attributes:
        path: Below the run directory.
        size: Bytes.
    """

    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class PurgeProof:
    """What `purge_proof.json` says.

    Attributes:
        run: The run directory.
        time: UTC, ISO 8601.
        erased: Files that were there, and are not any more.
        kept: Files that stay, below the run directory.
        limits: What this does not prove.
        audit_log: Line of the audit log that tells of it; None where there is no log.
    """

    run: str
    time: str
    erased: tuple[Erased, ...]
    kept: tuple[str, ...]
    limits: tuple[str, ...]
    audit_log: Entry | None


def purge(run: str | Path, audit_log: str | None) -> PurgeProof:
    """Delete every raw and derived private file of a run, and write RUN/purge_proof.json.

    Args:
        run: Run directory.
        audit_log: File of the audit log; None: nothing is written there.

    Raises:
        AuditError: The audit log is damaged; nothing was deleted.
        ConfigError: There is no run.
        ResourceError: A file could not be deleted; those that could are gone.
    """
    run_dir = RunDir.at(run)
    folders = [run_dir.root / name for name in PRIVATE]
    if not any(folder.is_folder() for folder in folders):
        raise ConfigError(f"{run_dir.root} is no run directory, or holds no private files any more")
    if audit_log is not None:
        append(audit_log, "purge", "started", str(run_dir.root), {})
    erased = tuple(item for folder in folders for item in _everything(folder, run_dir.root))
    for folder in folders:
        folder.remove()
    left = [item.path for folder in folders for item in _everything(folder, run_dir.root)]
    if left:
        raise ResourceError(f"{len(left)} private files of {run_dir.root} could not be deleted")
    entry = append(audit_log, "purge", "finished", str(run_dir.root), {"files": len(erased)}) if audit_log else None
    kept = _everything(run_dir.root, run_dir.root)
    proof = PurgeProof(
        run=str(run_dir.root),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        erased=erased,
        kept=tuple(item.path for item in kept),
        limits=LIMITS,
        audit_log=entry,
    )
    (run_dir.root / "purge_proof.json").write_text(json.dumps(asdict(proof), indent=2) + "\n")
    return proof


def _everything(folder: Location, root: Location) -> tuple[Erased, ...]:
    """All files of a folder, hidden ones too."""
    selector = pafs.FileSelector(folder.path, recursive=True, allow_not_found=True)
    infos = sorted(folder.filesystem.get_file_info(selector), key=lambda info: info.path)
    return tuple(
        Erased(path=info.path[len(root.path) :].lstrip("/"), size=int(info.size)) for info in infos if info.is_file
    )
