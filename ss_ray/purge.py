"""The end of a run's private files: everything but the release is deleted, and a proof of it stays.

Deleting a file does not wipe the disk or the object store's versions below it: that is for whoever runs them, and the
proof says so. The ledger of privacy budgets is not touched: what was spent stays spent. Sizes of files would tell how
many rows there were, so the proof has none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    "Ray's own session folders on the nodes (logs, spilled objects) end with the cluster, and are not looked at.",
)


@dataclass(frozen=True, kw_only=True)
class PurgeProof:
    """What `purge_proof.json` says.

    Attributes:
        run: The run directory.
        time: UTC, ISO 8601.
        erased: Files that were there, and are not any more, below the run directory.
        kept: Files that stay, below the run directory.
        limits: What this does not prove.
        audit_log: Line of the audit log that says that it started; None where there is no log.
    """

    run: str
    time: str
    erased: tuple[str, ...]
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
        ConfigError: There is no run, or a part of it is a link; nothing was deleted.
        ResourceError: A file could not be deleted; those that could are gone, and the same call goes on.
    """
    run_dir = RunDir.at(run)
    if not run_dir.manifest("start").exists():
        raise ConfigError(f"{run_dir.root} is no run directory, or holds no private files any more")
    folders = [run_dir.root / name for name in PRIVATE]
    _refuse_links([run_dir.root, *folders])
    entry = append(audit_log, "purge", "started", str(run_dir.root), {}) if audit_log else None
    erased = tuple(path for folder in folders for path in _files(folder, run_dir.root))
    for folder in folders:
        folder.remove()
    left = [path for path in erased if (run_dir.root / path).exists()]
    if left:
        raise ResourceError(f"{len(left)} private files of {run_dir.root} could not be deleted")
    proof = PurgeProof(
        run=str(run_dir.root),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        erased=erased,
        kept=_files(run_dir.root, run_dir.root),
        limits=LIMITS,
        audit_log=entry,
    )
    (run_dir.root / "purge_proof.json").write_text(json.dumps(asdict(proof), indent=2) + "\n")
    if audit_log:
        append(audit_log, "purge", "finished", str(run_dir.root), {"files": len(erased)})
    return proof


def _refuse_links(folders: Sequence[Location]) -> None:
    """Deleting a link leaves what it points to.

    Raises:
        ConfigError: A folder or anything in it is a link.
    """
    local = [Path(folder.path) for folder in folders if isinstance(folder.filesystem, pafs.LocalFileSystem)]
    links = [path for folder in local for path in (folder, *folder.rglob("*")) if path.is_symlink()]
    if links:
        raise ConfigError(
            f"{links[0]} is a link: delete what it points to and put nothing in its place, then purge again"
        )


def _files(folder: Location, root: Location) -> tuple[str, ...]:
    """All files of a folder, hidden ones too, below the root."""
    return tuple(file.path[len(root.path) :].lstrip("/") for file in folder.files(hidden=True))
