"""A PostgreSQL server of the tests' own: the machine's, or the one that the package pgserver brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def running_postgres(user: str) -> Iterator[str]:
    """The URL of an empty server on a socket in a temporary folder, while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="ss-ray-postgres-"))
    owner = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    programs = _programs(folder)
    if owner:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, owner)
    options = {"user": owner, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    initdb = [programs / "initdb", "-D", "data", "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    control = [programs / "pg_ctl", "-D", "data", "-w", "-s"]
    try:
        subprocess.run(initdb, **options)
        settings = f"-c listen_addresses='' -c fsync=off -k {folder}"
        subprocess.run([*control, "-l", "log", "-o", settings, "start"], **options)
        yield f"postgresql://{user}@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **(options | {"check": False}))
        shutil.rmtree(folder)


def _programs(folder: Path) -> Path:
    """The folder of initdb and pg_ctl; those of the package are copied to where another user may run them."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    installed = next(filter(None, found), None)
    if installed and "SS_RAY_BUNDLED_POSTGRES" not in os.environ:
        return Path(installed).resolve().parent
    package = find_spec("pgserver")
    assert package is not None
    assert package.origin is not None
    for part in Path(package.origin).parents[1].glob("pgserver*"):  # its libraries lie beside it
        shutil.copytree(part, folder / part.name)
    return folder / "pgserver" / "pginstall" / "bin"
