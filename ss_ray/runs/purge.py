"""The end of a run's private files: everything but the release is deleted, and a proof of it stays.

Of an evaluation of files, the report and the metrics are private, and rows that a killed one left.

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

from ss_ray.errors import ConfigError, ResourceError
from ss_ray.location import Location
from ss_ray.runs.audit_log import Entry, append
from ss_ray.runs.run_dir import RunDir

PRIVATE = ("internal", "manifest")
"""Folders of a run that may not leave."""
PRIVATE_OF_EVALUATION = (".work", ".report.html.partial", "report.html", ".metrics.json.partial", "metrics.json")
"""What `ss-ray evaluate` writes; all of it is computed on real rows, or holds some. The metrics, by which the folder is
known, come last, so that a purge that was stopped can be made again."""
WORK = {"train", "holdout", "synthetic"}
"""Folders of typed rows in the .work of an evaluation."""
MEDIUM = (
    "Files were deleted through their filesystem. Versions, snapshots, backups and blocks of the medium below it are "
    "not in its reach."
)
SESSIONS = "Ray's own session folders on the nodes (logs, spilled objects) end with the cluster, and are not looked at."
LIMITS = (
    MEDIUM,
    "The released table stays, and so do the privacy ledger and the audit log, which hold no cell of any table.",
    SESSIONS,
)
PROOF = "purge_proof.json"
LIMITS_OF_EVALUATION = (
    MEDIUM,
    "The tables that were compared lie elsewhere and stay, and so does the audit log, which holds no cell of a table.",
    SESSIONS,
)


@dataclass(frozen=True, kw_only=True)
class PurgeProof:
    """What `purge_proof.json` says.

    Attributes:
        run: The run directory, or the folder of the evaluation.
        time: UTC, ISO 8601.
        erased: Files that were there, and are not any more, below the run directory.
        kept: Files that stay, below the run directory.
        limits: Facts that the proof does not show, in words.
        audit_log: Line of the audit log that says that it started; None where there is no log.
    """

    run: str
    time: str
    erased: tuple[str, ...]
    kept: tuple[str, ...]
    limits: tuple[str, ...]
    audit_log: Entry | None


def purge(run: str | Path, audit_log: str | None) -> PurgeProof:
    """Delete every raw and derived private file of a run or an evaluation, and write RUN/purge_proof.json.

    Args:
        run: Run directory, or folder of `ss-ray evaluate`.
        audit_log: File of the audit log; None: nothing is written there.

    Raises:
        AuditError: The audit log is damaged; nothing was deleted.
        ConfigError: There is neither, or a part of it is a link; nothing was deleted.
        ResourceError: A file could not be deleted; those that could are gone, and the same call goes on.
    """
    root = Location.parse(run)
    names, limits = _private_parts(root)
    parts = [root / name for name in names]
    _refuse_links([root, *parts])
    if audit_log:
        entry = append(audit_log, "purge", "started", str(root), {})
    else:
        entry = None

    erased = tuple(path for part in parts for path in _list_files(part, root))
    for part in parts:
        part.remove()

    left = [path for path in erased if (root / path).exists()]
    if left:
        raise ResourceError(f"{len(left)} private files of {root} could not be deleted")

    proof = PurgeProof(
        run=str(root),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        erased=erased,
        kept=tuple(path for path in _list_files(root, root) if path != PROOF),
        limits=limits,
        audit_log=entry,
    )
    (root / PROOF).write_text(json.dumps(asdict(proof), indent=2) + "\n")
    if audit_log:
        append(audit_log, "purge", "finished", str(root), {"files": len(erased)})

    return proof


def _private_parts(root: Location) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of what is to be deleted, and what the proof does not prove.

    Raises:
        ConfigError: It is neither a run nor an evaluation.
    """
    if RunDir(root=root).manifest("start").exists():
        return PRIVATE, LIMITS
    if _is_evaluation(root):
        return PRIVATE_OF_EVALUATION, LIMITS_OF_EVALUATION
    raise ConfigError(f"{root} is no run directory and no folder of an evaluation, or holds no private files any more")


def _is_evaluation(root: Location) -> bool:
    """Whether `ss-ray evaluate` wrote there: its numbers are there, or rows that it had typed when it was killed."""
    metrics = root / "metrics.json"
    work = root / ".work"
    if metrics.exists():
        try:
            found = json.loads(metrics.read_text())
        except ValueError:
            return False
        return isinstance(found, dict) and {"schema_version", "hard_fails", "privacy_grade"} <= found.keys()

    tops = {path[len(".work/") :].partition("/")[0] for path in _list_files(work, root)}
    return work.is_folder() and bool(tops) and tops <= WORK


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


def _list_files(folder: Location, root: Location) -> tuple[str, ...]:
    """All files of a folder, hidden ones too, below the root; of a file itself."""
    if folder.exists() and not folder.is_folder():
        return (folder.path[len(root.path) :].lstrip("/"),)
    return tuple(file.path[len(root.path) :].lstrip("/") for file in folder.files(hidden=True))
