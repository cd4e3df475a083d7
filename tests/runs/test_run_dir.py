"""Locations on any filesystem, and a run's directory."""

from pathlib import Path

import pytest
from pyarrow import fs as pafs
from pyarrow._fs import _MockFileSystem

from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.runs.run_dir import RunDir, fingerprint


@pytest.fixture(params=["local", "subtree", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """An empty folder on one of the filesystems."""
    if request.param == "local":
        return Location.parse(tmp_path)
    if request.param == "subtree":
        return Location(filesystem=pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()), path="run")
    return Location(filesystem=_MockFileSystem(), path="run")


def test_text_is_written_read_and_replaced(folder: Location):
    file = folder / "a" / "b.txt"
    assert not file.exists()
    file.write_text("é\n")
    file.write_text("longer than before\n")
    assert file.exists()
    assert file.read_text() == "longer than before\n"
    assert [f.path for f in folder.files()] == [file.path]


def test_failed_write_leaves_the_old_text(tmp_path: Path):
    file = Location.parse(tmp_path / "a.txt")
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        file.write_text("\ud800")
    assert file.read_text() == "old"
    assert file.parent.files() == (file,)


def test_files_are_listed_in_order_without_hidden_ones(folder: Location):
    for name in ("b.csv", "a.csv", "c.txt", "deep/d.csv", "_partial.csv", ".cache/e.csv", "deep/_old/f.csv"):
        (folder / name).write_text("")
    assert [f.path.removeprefix(folder.path + "/") for f in folder.files(".csv")] == ["a.csv", "b.csv", "deep/d.csv"]
    assert (folder / "none").files() == ()


def test_hidden_parent_does_not_hide_a_file(tmp_path: Path):
    folder = Location.parse(tmp_path / ".cache" / "_runs")
    (folder / "a.csv").write_text("")
    assert len(folder.files()) == 1


def test_files_and_folders_are_removed_and_moved(folder: Location):
    (folder / "a" / "b.txt").write_text("x")
    (folder / "a" / "b.txt").move_to(folder / "c" / "d.txt")
    assert (folder / "c" / "d.txt").read_text() == "x"
    assert (folder / "c").is_folder()
    for gone in (folder / "c" / "d.txt", folder / "c", folder / "never"):
        gone.remove()
        assert not gone.exists()


def test_local_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert str(Location.parse("data/a.csv")) == f"{tmp_path}/data/a.csv"
    assert str(Location.parse("~")) == str(Path.home())
    assert Location.parse(f"file://{tmp_path}/a").path == f"{tmp_path}/a"
    assert (Location.parse(tmp_path / "a.csv").name, Location.parse(tmp_path / "a.csv").parent.path) == (
        "a.csv",
        str(tmp_path),
    )


def test_unknown_scheme_is_a_config_error_without_credentials():
    with pytest.raises(ConfigError, match="cannot use the location 'nfs://host/data'") as caught:
        Location.parse("nfs://me:SECRET-4711@host/data?key=SECRET-4711")
    assert "4711" not in str(caught.value)


def test_stage_without_manifest_has_not_happened(folder: Location):
    run_dir = RunDir(root=folder)
    assert run_dir.read_manifest("read") is None
    run_dir.write_manifest("read", {"rows": 3, "name": "é"})
    assert run_dir.read_manifest("read") == {"rows": 3, "name": "é"}
    assert run_dir.read_manifest("split") is None


def test_damaged_manifest_is_named(folder: Location):
    run_dir = RunDir(root=folder)
    run_dir.manifest("read").write_text('{"rows": ')
    with pytest.raises(ConfigError, match=r"read\.json is damaged; delete it"):
        run_dir.read_manifest("read")


def test_what_may_leave_is_apart_from_what_may_not(tmp_path: Path):
    run_dir = RunDir.at(tmp_path)
    assert run_dir.synthetic.path == f"{tmp_path}/release/synthetic"
    assert run_dir.report.path == f"{tmp_path}/internal/report.html"


def test_fingerprint_tells_values_apart_but_not_their_order_in_a_mapping():
    assert fingerprint({"a": 1, "b": (2, 3)}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint(1, 2) != fingerprint([1, 2])
    assert fingerprint("1") != fingerprint(1)
    golden = "135f17a475a61afdeeaf3759ad2e45ad1c7abb192395abe47e41fc8e395dc1a9"  # printf '["a",1]' | sha256sum
    assert fingerprint("a", 1) == golden
