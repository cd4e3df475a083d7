"""What the jobs service needs: memory and time of a large upload and download.

    python benchmarks/bench_serve.py --upload-gigabytes 1

The server is a process of its own; its memory is what Linux counts as resident, at its most, before and after. Prints
one JSON line: seconds, MiB a second and MiB above the idle server's, of each way.

Keys: gigabytes, put, get, commit_in_base64.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from smoke import arguments_of

ROOT = Path(__file__).parents[1]
# A megabyte.
CHUNK = bytes(range(256)) * 4096
SERVER = """
import sys, uvicorn
from serve.app import create_app
from serve.settings import AuthSettings, Settings
folder, port = sys.argv[1:]
places = dict(database=f"sqlite:///{folder}/state.sqlite", storage=f"{folder}/storage")
app = create_app(Settings(**places, auth=AuthSettings(trust_this_machine=True)))
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
"""


@contextmanager
def serving(folder: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a server, while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    process = subprocess.Popen([sys.executable, "-c", SERVER, folder, str(port)], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{address}/v1/namespaces")
                break
            except httpx.TransportError:
                time.sleep(0.1)

        yield address, process.pid
    finally:
        process.terminate()
        process.wait()


def peak_megabytes(pid: int) -> float:
    """The most memory that a process was resident with since the last `reset_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def reset_peak(pid: int) -> None:
    """Count the peak from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def bench_upload(gigabytes: float) -> dict[str, object]:
    """PUT by Git LFS and GET of one file: seconds, and memory beside what the idle server has."""
    chunks = round(gigabytes * 1024)
    size = chunks * len(CHUNK)
    digest = hashlib.sha256()
    for _ in range(chunks):
        digest.update(CHUNK)

    oid = digest.hexdigest()
    found: dict[str, object] = {"gigabytes": gigabytes}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder) as (address, pid),
        httpx.Client(timeout=600) as client,
    ):
        hub = f"{address}/v1/hf"
        repository = {"name": "bench", "organization": "bench", "type": "dataset"}
        client.post(f"{hub}/api/repos/create", json=repository).raise_for_status()
        objects = {"objects": [{"oid": oid, "size": size}]}
        answer = client.post(f"{hub}/datasets/bench/bench.git/info/lfs/objects/batch", json=objects)
        (offered,) = answer.raise_for_status().json()["objects"]
        idle = peak_megabytes(pid)

        reset_peak(pid)
        start = time.perf_counter()
        headers = {"content-length": str(size)}
        put = client.put(offered["actions"]["upload"]["href"], content=(CHUNK for _ in range(chunks)), headers=headers)
        put.raise_for_status()
        found["put"] = figures(size, time.perf_counter() - start, peak_megabytes(pid) - idle)

        line = f'{{"key": "lfsFile", "value": {{"path": "a.bin", "oid": "{oid}", "size": {size}}}}}'
        client.post(f"{hub}/api/datasets/bench/bench/commit/main", content=line).raise_for_status()
        reset_peak(pid)
        start = time.perf_counter()
        with client.stream("GET", f"{hub}/datasets/bench/bench/resolve/main/a.bin") as download:
            received = sum(map(len, download.iter_raw()))

        assert received == size
        found["get"] = figures(size, time.perf_counter() - start, peak_megabytes(pid) - idle)

        # A multiple of three bytes, which needs no padding.
        content = base64.b64encode(CHUNK[:-1])
        start_of_line = b'{"key": "file", "value": {"content": "'
        end_of_line = b'", "path": "b.bin"}}'
        reset_peak(pid)
        start = time.perf_counter()
        body = (start_of_line, *[content] * chunks, end_of_line)
        client.post(f"{hub}/api/datasets/bench/bench/commit/main", content=iter(body)).raise_for_status()
        found["commit_in_base64"] = figures(size, time.perf_counter() - start, peak_megabytes(pid) - idle)

    return found


def figures(size: int, seconds: float, megabytes: float) -> dict[str, float]:
    """Figures of a transfer of `size` bytes."""
    return {
        "seconds": round(seconds, 1),
        "mib_per_second": round(size / 2**20 / seconds),
        "resident_mib": round(megabytes),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upload-gigabytes", type=float, help="size of the file that is uploaded and read back")
    with arguments_of(parser, required=["--upload-gigabytes"], smoke=smoke) as arguments:
        print(json.dumps(bench_upload(arguments.upload_gigabytes)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a file of four megabytes."""
    return {"upload_gigabytes": 4 / 1024}


if __name__ == "__main__":
    main()
