"""Peak memory and seconds until a small hostile file is refused, each in a process of its own.

    PYTHONPATH=. python benchmarks/bench_hostile_files.py

Prints one JSON line: for each file its bytes, whether it was refused, the seconds until then, the process's memory
before, and the memory above it.

Keys: limit_mib, files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smoke import arguments_of

from tests.tables.test_hostile_files import BOMBS

# bytes; data.max_bytes of the readers.
LIMIT = 50 << 20
READER = """
import json, re, sys, time
from ss_ray.errors import DataError
from ss_ray.tables.files import find_source, read_blocks

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

before, started = peak(), time.perf_counter()
try:
    source = find_source(sys.argv[1], max_bytes=int(sys.argv[2]))
    sum(block.num_rows for block in read_blocks(source, source.files[0]))
    refused = False
except DataError:
    refused = True
seconds = round(time.perf_counter() - started, 1)
figures = dict(refused=refused, seconds=seconds, mib_before=round(before), mib_above=round(peak() - before))
print(json.dumps(figures))
"""


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=len(BOMBS), help="how many of the files are read")
    with arguments_of(parser, smoke=smoke) as arguments, tempfile.TemporaryDirectory() as folder:
        files = {name: measure(BOMBS[name](Path(folder))) for name in list(BOMBS)[: arguments.files]}

    print(json.dumps({"limit_mib": LIMIT >> 20, "files": files}))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: the first file."""
    return {"files": 1}


def measure(path: Path) -> dict[str, Any]:
    """Figures of the process that reads the file."""
    command = [sys.executable, "-c", READER, str(path), str(LIMIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return {"bytes": path.stat().st_size, **json.loads(done.stdout)}


if __name__ == "__main__":
    main()
