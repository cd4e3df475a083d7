"""The audit log's chain holds as it was written, and breaks wherever somebody touched it."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ss_ray.cli.main import main
from ss_ray.errors import AuditError, DataError, ResourceError
from ss_ray.runs.audit_log import GENESIS, append, logged, read_log, verify


def write(log: Path, number: int = 4) -> list[str]:
    """A log of so many lines; their hashes."""
    return [append(log, "run", "started", f"runs/{i}", {"rows": i}).hash for i in range(number)]


def test_each_line_follows_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "audit.jsonl"
    hashes = write(log)
    entries = list(read_log(log))
    assert [entry.hash for entry in entries] == hashes
    assert [entry.previous for entry in entries] == [GENESIS, *hashes[:-1]]
    assert entries[2].facts == {"rows": 2}
    assert entries[0].versions["ss-ray"]
    assert verify(log) == (4, hashes[-1])
    assert verify(log, anchor=hashes[1]) == (4, hashes[-1])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("line", [0, 1, 3])
@pytest.mark.parametrize(("field", "value"), [("facts", {"rows": 9}), ("user", "nobody"), ("hash", "0" * 64)])
def test_a_changed_line_is_found(tmp_path: Path, line: int, field: str, value: object) -> None:
    log = tmp_path / "audit.jsonl"
    write(log)
    lines = log.read_text().splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | {field: value})
    log.write_text("\n".join(lines) + "\n")
    with pytest.raises(AuditError, match=rf"line {line + 1} of the audit log was changed"):
        verify(log)


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: line[:-1] + ',"approved_by":"DPO"}',
        lambda line: '{"outcome":"finished",' + line[1:],
        lambda line: line.replace(":", ": ", 1),
    ],
)
def test_a_line_that_reads_the_same_and_is_written_otherwise_is_found(tmp_path: Path, edit: Any) -> None:
    log = tmp_path / "audit.jsonl"
    write(log)
    first, *rest = log.read_text().splitlines()
    log.write_text("\n".join([edit(first), *rest]) + "\n")
    with pytest.raises(AuditError, match="line 1 of the audit log was changed"):
        verify(log)


def test_an_empty_log_is_no_log_and_odd_names_stay_readable(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.touch()
    with pytest.raises(AuditError, match="empty"):
        verify(log)
    append(log, "run", "started", "runs/\u2028\udcff\n", {})
    assert verify(log)[0] == 1


@pytest.mark.parametrize("kept", [[0, 2, 3], [1, 2, 3], [0, 2, 1, 3], [0, 1, 1, 2, 3]])
def test_lines_that_were_cut_or_moved_are_found(tmp_path: Path, kept: list[int]) -> None:
    log = tmp_path / "audit.jsonl"
    write(log)
    lines = log.read_text().splitlines()
    log.write_text("".join(lines[i] + "\n" for i in kept))
    with pytest.raises(AuditError, match="does not follow"):
        verify(log)


def test_a_forged_line_with_a_right_hash_of_its_own_breaks_the_chain(tmp_path: Path) -> None:
    log, other = tmp_path / "audit.jsonl", tmp_path / "other.jsonl"
    write(log)
    write(other)
    lines, forged = log.read_text().splitlines(), other.read_text().splitlines()
    log.write_text("\n".join([*lines[:2], forged[2], lines[3]]) + "\n")
    with pytest.raises(AuditError, match=r"line [34] "):
        verify(log)


def test_a_cut_end_is_found_by_who_knows_a_later_hash(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    hashes = write(log)
    lines = log.read_text().splitlines()
    log.write_text("".join(line + "\n" for line in lines[:2]))
    assert verify(log)[0] == 2
    with pytest.raises(AuditError, match="was cut"):
        verify(log, anchor=hashes[3])


def test_a_torn_last_line_stops_the_next_one_and_says_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    write(log)
    log.write_text(log.read_text()[:-20])
    with pytest.raises(AuditError, match="name another one"):
        append(log, "run", "started", "runs/9", {})


def test_lines_of_several_processes_are_one_chain(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(write, [log] * 8))
    assert verify(log)[0] == 32


def test_what_started_ended_or_failed(tmp_path: Path) -> None:
    log = str(tmp_path / "audit.jsonl")
    with logged("run", log, "runs/a") as told:
        told.facts["inputs"] = ["d1"]
    with pytest.raises(DataError), logged("run", log, "runs/b"):
        raise DataError("cell 4711 is bad")
    entries = list(read_log(log))
    assert [entry.outcome for entry in entries] == ["started", "finished", "started", "failed"]
    assert told.started == entries[0]
    assert entries[1].facts == {"inputs": ["d1"]}
    assert entries[3].facts == {"error": "DataError"}
    with logged("run", None, "runs/c") as told:
        assert told.started is None


def test_a_log_that_cannot_be_written_stops_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="audit_log: null"), logged("run", str(tmp_path / "file" / "log"), "a"):
        raise AssertionError("nothing may be done")


def test_the_command_line_shows_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "audit.jsonl"
    hashes = write(log)
    main(["audit-log", "verify", "--log", str(log), "--anchor", hashes[0]])
    main(["audit-log", "show", "--log", str(log)])
    shown = capsys.readouterr().out
    assert shown.startswith(f"4 lines, each follows the one before; the last hash is {hashes[-1]}")
    assert "run started" in shown
    log.write_text(log.read_text().replace("runs/2", "runs/3"))
    with pytest.raises(SystemExit) as stopped:
        main(["audit-log", "verify", "--log", str(log)])
    assert stopped.value.code == AuditError.exit_code
