"""The audit log: who ran what on which input, when, with which versions, and how it ended; one line of JSON an event.

    with logged("run", config.audit_log, out) as log:
        ...
        log.facts["inputs"] = digests                  # whatever is known by then is part of the last line

Each line holds the hash of the line before it (Haber & Stornetta 1991, "How to time-stamp a digital document"), so a
line that is changed, left out or moved breaks the chain. What was cut off the end can only be seen by somebody who
knows a later hash: every run keeps one in its `compliance.json`. The chain has no key: whoever may write the file can
write all of it anew, which hashes kept elsewhere find out. The log holds no cell of any table.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import platform
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from ss_ray.errors import AuditError, ResourceError

GENESIS = "0" * 64
"""What the first line has in place of a hash before it."""
PACKAGES = ("ss-ray", "ray", "torch", "transformers", "pyarrow", "pandas", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log.

    Attributes:
        number: Number of the line, from 1 on.
        time: When it was written, UTC, ISO 8601.
        action: The command ("run").
        outcome: "started", "finished", or "failed".
        subject: Run directory, or folder of results, that the command works on.
        user: Account that ran it.
        host: Machine of the driver.
        versions: Versions of Python and of the main packages.
        facts: Further facts: digests of the input, fingerprint of the request, kind of an error.
        previous: Hash of the line before.
        hash: SHA-256 of all else.
    """

    number: int
    time: str
    action: str
    outcome: str
    subject: str
    user: str
    host: str
    versions: Mapping[str, str]
    facts: Mapping[str, Any]
    previous: str
    hash: str = ""

    def sealed(self) -> Entry:
        """The entry with its hash."""
        content = {name: value for name, value in asdict(self).items() if name != "hash"}
        digest = hashlib.sha256(_canonical_json(content).encode()).hexdigest()
        return Entry(**content, hash=digest)


@dataclass(frozen=True, kw_only=True)
class Log:
    """What is going on, as the log has it.

    Attributes:
        path: File of the log; None where nothing is written.
        started: The line that says that it started; None likewise.
        facts: For the line that says how it ended; grows.
    """

    path: str | None
    started: Entry | None
    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def logged(action: str, path: str | None, subject: str) -> Iterator[Log]:
    """Write that something started, and how it ended.

    Args:
        action: Name of the command.
        path: File of the log; None writes nothing.
        subject: Run directory, or folder of results, that the command works on.

    Raises:
        AuditError: The last line of the log is damaged; nothing was started.
        ResourceError: The log cannot be written; nothing was started.
    """
    if path is None:
        yield Log(path=None, started=None)
        return

    # Written before any work: a job that is killed has a line too.
    log = Log(path=path, started=append(path, action, "started", subject, {}))
    try:
        yield log
    except BaseException as error:
        # The kind of an error is written, and not its text, which may quote data.
        append(path, action, "failed", subject, log.facts | {"error": type(error).__name__})
        raise

    append(path, action, "finished", subject, log.facts)


def append(log: str | Path, action: str, outcome: str, subject: str, facts: Mapping[str, Any]) -> Entry:
    """Add a line, on disk when this returns; several processes may do so at the same time.

    Raises:
        AuditError: The last line is damaged.
        ResourceError: The file cannot be written.
    """
    path = Path(log).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b", opener=_open_private) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            last = _read_last(stream)
            entry = Entry(
                number=last.number + 1 if last else 1,
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                action=action,
                outcome=outcome,
                subject=subject,
                user=_find_user(),
                host=socket.gethostname(),
                versions=_read_versions(),
                facts=dict(facts),
                previous=last.hash if last else GENESIS,
            ).sealed()
            stream.write((_canonical_json(asdict(entry)) + "\n").encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise ResourceError(
            f"cannot write the audit log {path}: {os.strerror(error.errno or 0)}; name another file with audit_log, or "
            "switch it off with audit_log: null"
        ) from None

    return entry


def read_log(log: str | Path) -> Iterator[Entry]:
    """All lines, checked one by one.

    Raises:
        AuditError: A line is not as it was written, or not in its place.
        ResourceError: The file cannot be read.
    """
    path = Path(log).expanduser()
    before = GENESIS
    number = 0

    try:
        *lines, rest = path.read_bytes().decode("ascii").split("\n")
    except OSError as error:
        raise ResourceError(f"cannot read the audit log {path}: {os.strerror(error.errno or 0)}") from None
    except UnicodeError:
        raise AuditError("the audit log is damaged: it is no text") from None

    if rest or not lines:
        raise AuditError("the audit log is empty, or its last line is damaged")

    for number, line in enumerate(lines, start=1):
        entry = _parse_line(line)
        if entry is None or entry.sealed().hash != entry.hash or line != _canonical_json(asdict(entry)):
            raise AuditError(f"line {number} of the audit log was changed")
        if entry.number != number or entry.previous != before:
            raise AuditError(f"line {number} of the audit log does not follow the one before: lines were cut or moved")

        before = entry.hash
        yield entry


def verify(log: str | Path, anchor: str | None = None) -> tuple[int, str]:
    """Number of lines and the last hash of a log in which every line follows the one before.

    Args:
        log: File of the log.
        anchor: A hash that the log must contain, as a run's `compliance.json` has it.

    Raises:
        AuditError: The chain is broken, or the anchor is not in it: the log was cut, or is another one.
        ResourceError: The file cannot be read.
    """
    number = 0
    last = GENESIS
    found = anchor is None

    for entry in read_log(log):
        number = entry.number
        last = entry.hash
        found = found or last == anchor

    if not found:
        raise AuditError("the audit log does not contain the given hash: it was cut, or is another one")

    return number, last


def _parse_line(line: str) -> Entry | None:
    """None where it is no line of a log."""
    try:
        values = json.loads(line)
        return Entry(**{part.name: values[part.name] for part in fields(Entry)})
    except (ValueError, KeyError, TypeError):
        return None


def _read_last(stream: IO[bytes]) -> Entry | None:
    """The last line of an open log, found without reading all others."""
    size = stream.seek(0, os.SEEK_END)
    step = 4096
    tail = b""

    while len(tail) < size and tail.count(b"\n") < 2:
        stream.seek(max(0, size - step))
        tail = stream.read()
        step = 2 * step

    stream.seek(0, os.SEEK_END)
    if not tail:
        return None

    entry = _parse_line(tail.splitlines()[-1].decode(errors="replace"))
    if entry is None or not tail.endswith(b"\n"):
        raise AuditError(
            "the last line of the audit log is damaged; keep the file, and name another one with audit_log"
        )

    return entry


def _canonical_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's account without a name.
        return str(os.getuid())


def _read_versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue

    return found
