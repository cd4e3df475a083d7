"""Peak memory and seconds until a small hostile file is refused, each in a process of its own.

python benchmarks/bench_hostile_files.py [--smoke]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tables.test_hostile_files import BOMBS

LIMIT = 50 << 20  # bytes; data.max_bytes of the readers
READER = """
import re, sys, time
from ss_ray.errors import DataError
from ss_ray.tables.files import find_source, read_blocks

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

before, started = peak(), time.perf_counter()
try:
    source = find_source(sys.argv[1], max_bytes=int(sys.argv[2]))
    sum(block.num_rows for block in read_blocks(source, source.files[0]))
    print("read as a table", end="")
except DataError:
    print("refused", end="")
print(f" after {time.perf_counter() - started:.1f} s, {peak() - before:.0f} MiB above the process's {before:.0f} MiB")
"""
SMOKE = 4  # files


def main() -> None:
    """Print one line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help=f"the first {SMOKE} files")
    names = list(BOMBS)[: SMOKE if parser.parse_args().smoke else None]
    print(f"limit {LIMIT >> 20} MiB")

    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = BOMBS[name](Path(folder))
            command = [sys.executable, "-c", READER, str(path), str(LIMIT)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
            print(f"{name:36} {path.stat().st_size:>9,} bytes: {done.stdout.strip()}")


if __name__ == "__main__":
    main()
