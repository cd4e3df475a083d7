"""The few things every stage asks of Ray: a connection, the same work over many files, and word of progress.

Work is cut into items (a file, a shard); an item is done in one call that reads its input and writes its output, so
a lost process costs one item, and nothing large passes through the driver.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import resource
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
import ray

from ss_ray.config.model import ResourceParameters
from ss_ray.environment import changed_environment
from ss_ray.errors import ResourceError, SsRayError
from ss_ray.progress import OnProgress, Progress

P = ParamSpec("P")
Result = TypeVar("Result")
POLL_SECONDS = 0.5
FEW_ITEMS = 4
"""Items that are worked off without Ray Data: both sides of a small table, in one or two parts."""

WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # several processes share the cores
    # A torch thread that waits for another soon leaves its core: where another program had one of two cores, training
    # took forty times as long. Threads that never wait actively make it slower than one thread is.
    "GOMP_SPINCOUNT": "10000",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


def connect(num_cpus: int | None = None) -> None:
    """Use the cluster this process belongs to (a submitted job, RAY_ADDRESS), or start one on this machine.

    Nothing where Ray is connected already.

    Raises:
        ResourceError: The cluster cannot be reached.
    """
    if ray.is_initialized():
        return

    address = os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any]
    if address == "local":
        # The workers that Ray holds ready inherit the environment; one of their own would start others.
        options = {"num_cpus": num_cpus, "include_dashboard": False}
        environment = WORKER_ENVIRONMENT
    else:
        options = {"runtime_env": {"env_vars": WORKER_ENVIRONMENT}}
        environment = {}

    # Ray's own warnings go between the progress bars.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        # The driver's logs and warnings would come between the progress bars, and may quote data.
        with _muted_stderr(), changed_environment(environment):
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise ResourceError(f"cannot reach a Ray cluster at {address!r}: {type(error).__name__}") from error


def connect_and_import(module: str) -> None:
    """Connect while a module is imported: on one machine both take seconds.

    Raises:
        ResourceError: The cluster cannot be reached.
    """
    # A cluster is joined in no time, and may unpack a job's working directory, from which is imported, once more.
    if os.environ.get("RAY_ADDRESS"):
        importlib.import_module(module)
        connect()
        return

    # The processes of a local Ray end with the thread that started them, so that the import gets a thread of its own.
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(importlib.import_module, module)
        connect()
        importing.result()


def with_own_ray(work: Callable[[], Result]) -> Result:
    """The result of a job; the Ray that it starts ends with it, and one that is there stays."""
    was_there = ray.is_initialized()
    try:
        return work()
    finally:
        if not was_there:
            ray.shutdown()


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Nothing reaches stderr: the native part of Ray says there which level its log has. Errors come as exceptions."""
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(nowhere)
        os.close(stderr)


def ray_dataset(table: pa.Table) -> ray.data.Dataset:
    """A table of Arrow as a Dataset of Ray Data."""
    _silence_ray_data()
    return ray.data.from_arrow(table)


def check_resources(asked: ResourceParameters) -> None:
    """Refuse what the cluster does not have: Ray would wait for it without end.

    A cluster that scales by itself may have none of it yet, and is asked nothing.

    Raises:
        ResourceError: Too few CPUs or GPUs for the training workers.
    """
    # A cluster that scales by itself may start its GPUs only when they are asked for.
    if os.environ.get("RAY_ADDRESS"):
        return

    has = ray.cluster_resources()
    cpus = asked.num_train_workers * (asked.threads_per_worker or 1)
    if asked.use_gpu:
        gpus = max(asked.num_train_workers, asked.num_generation_workers)
    else:
        gpus = 0

    for name, wanted in (("CPU", cpus), ("GPU", gpus)):
        if wanted > has.get(name, 0):
            raise ResourceError(f"resources ask for {wanted} {name}s; this machine has {has.get(name, 0):.0f}")


def available_cpus() -> int:
    """CPUs of the whole cluster, at least 1."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def peak_memory_bytes() -> int:
    """The most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes elsewhere.
    if sys.platform == "darwin":
        return peak
    return peak * 1024


def call_remotely(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """The result of a function in a process of Ray, which keeps what it loads; errors come as they were raised.

    Args:
        function: Function that can be pickled.
        args: Arguments of the function.
        kwargs: Keyword arguments of the function.
    """
    with unwrapped_errors():
        result: Result = ray.get(ray.remote(num_cpus=1)(function).remote(*args, **kwargs))

    return result


def map_items(
    worker: Callable[..., Any],
    items: Sequence[Any],
    *,
    arguments: Sequence[Any],
    num_actors: int | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    failure: type[SsRayError] = SsRayError,
) -> Iterator[Any]:
    """Results of `worker(*arguments)(item)` for each item as they come, in any order, worked off by Ray Data.

    A few items are worked off by tasks of Ray instead.

    Args:
        worker: Called once in each actor (or task) with `arguments`; returns the function of one item.
        items: Small values that can be pickled, one for each call.
        arguments: For `worker`; small, picklable.
        num_actors: Actors that keep what `worker` returned between items; None: a task for each item.
        num_cpus: CPUs of each actor or task.
        num_gpus: GPUs of each actor or task.
        failure: Error class raised for exceptions other than SsRayError.

    Raises:
        SsRayError: As the worker raised it, or `failure`.
        ResourceError: The cluster lost what it needs to go on.
    """
    if len(items) <= FEW_ITEMS and not num_gpus:
        with unwrapped_errors(failure):
            yield from _map_few(worker, items, tuple(arguments), num_actors or len(items), num_cpus)
        return

    # It takes half a second, and only large tables wait for it.
    from ray.data import ActorPoolStrategy

    _silence_ray_data()
    # Items are pickled here: Arrow has no type for our frozen values.
    dataset = ray.data.from_items([{"item": pickle.dumps(item)} for item in items], override_num_blocks=len(items))
    call = {"batch_size": 1, "num_cpus": num_cpus, "num_gpus": num_gpus or None}
    if num_actors is None:
        results = dataset.map_batches(_call_once, fn_args=(worker, tuple(arguments)), **call)
    else:
        # An actor without an item would load a model for nothing.
        pool = ActorPoolStrategy(size=min(num_actors, len(items)))
        results = dataset.map_batches(_Actor, fn_constructor_args=(worker, tuple(arguments)), compute=pool, **call)

    with unwrapped_errors(failure):
        for row in results.iter_rows():
            yield pickle.loads(row["result"])


def _map_few(
    worker: Callable[..., Any], items: Sequence[Any], arguments: tuple[Any, ...], limit: int, num_cpus: float
) -> Iterator[Any]:
    """The same by tasks of Ray, `limit` at a time, which processes of earlier stages do.

    Ray Data would start three actors of its own and new ones for the items, which takes longer than a small table.
    """
    task = ray.remote(num_cpus=num_cpus)(_call_kept)
    key = uuid.uuid4().hex
    shared = ray.put((worker, arguments))
    waiting = [pickle.dumps(item) for item in items]
    running: list[Any] = []

    while waiting or running:
        while waiting and len(running) < limit:
            running.append(task.remote(waiting.pop(0), key, shared))

        done, running = ray.wait(running)
        for result in ray.get(done):
            yield pickle.loads(result)


_kept_worker: dict[str, Callable[[Any], Any]] = {}
"""What `worker(*arguments)` of the last call returned in this process, under the key of the call."""


def _call_kept(item: bytes, key: str, shared: tuple[Callable[..., Any], tuple[Any, ...]]) -> bytes:
    if key not in _kept_worker:
        worker, arguments = shared
        _kept_worker.clear()
        _kept_worker[key] = worker(*arguments)

    return pickle.dumps(_kept_worker[key](pickle.loads(item)))


class _Actor:
    def __init__(self, worker: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = worker(*arguments)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"result": [pickle.dumps(self.function(pickle.loads(item))) for item in batch["item"]]}


def _call_once(batch: dict[str, Any], worker: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, list[bytes]]:
    return _Actor(worker, arguments)(batch)


@contextmanager
def unwrapped_errors(failure: type[SsRayError] = SsRayError) -> Iterator[None]:
    """Our own errors as they were raised in a worker; others as `failure`, without their text, which may quote data."""
    try:
        yield
    except SsRayError as error:
        raise _find_original(error) from None
    # Ray raises its own class around the error of a worker; users catch ours.
    except ray.exceptions.RayError as error:
        cause = _find_original(error)
        if isinstance(cause, SsRayError):
            raise cause from None
        if isinstance(error, ray.exceptions.RayTaskError):
            raise failure(f"a worker failed with {type(cause).__name__}; Ray's logs of the workers tell more") from None
        raise ResourceError(f"the cluster could not finish the work: {type(cause).__name__}") from None


def _find_original(error: BaseException) -> BaseException:
    """The error that a worker raised; Ray's stand-in class carries it as `cause`."""
    while isinstance(error, ray.exceptions.RayTaskError) and error.cause is not None:
        error = error.cause
    return error


class _Counters:
    """Sums what workers report, by key. One actor serves all stages of a driver: a process takes seconds to start."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}
        self.notes: dict[str, str] = {}

    def add(self, key: str, amount: int, note: str) -> None:
        self.done[key] = self.done.get(key, 0) + amount
        self.notes[key] = note or self.notes.get(key, "")

    def read(self, key: str) -> tuple[int, str]:
        return self.done.get(key, 0), self.notes.get(key, "")


@lru_cache(maxsize=1)
def _progress_counters(node_id: str, job_id: str) -> Any:
    """The actor of this job on this cluster; kept, because an actor ends with its last handle."""
    return ray.remote(num_cpus=0)(_Counters).remote()


@dataclass(frozen=True)
class _Report:
    """What workers call: `report(amount, note)`."""

    counters: Any
    key: str

    def __call__(self, amount: int, note: str = "") -> None:
        self.counters.add.remote(self.key, amount, note)


@contextmanager
def reported_progress(
    on_progress: OnProgress, stage: str, total: int | None, unit: str = "rows"
) -> Iterator[Callable[..., None]]:
    """A picklable `report(amount, note="")` for workers; what they report reaches `on_progress` in this process."""
    context = ray.get_runtime_context()
    counters = _progress_counters(context.get_node_id(), context.get_job_id())
    report = _Report(counters, uuid.uuid4().hex)
    stopped = threading.Event()

    def forward() -> None:
        try:
            done, note = ray.get(counters.read.remote(report.key))
        except ray.exceptions.RayError:
            # The display is gone, the work goes on.
            return

        on_progress(Progress(stage=stage, done=done, total=total, unit=unit, note=note))

    def poll() -> None:
        while not stopped.wait(POLL_SECONDS):
            forward()

    on_progress(Progress(stage=stage, done=0, total=total, unit=unit))
    # A daemon: an error in the stage must not wait for the display.
    thread = threading.Thread(target=poll, daemon=True)
    thread.start()

    try:
        yield report
    finally:
        stopped.set()
        thread.join()

    forward()


def _silence_ray_data() -> None:
    """Ray Data reports to its log files only: its own messages would repeat ours, and may quote data."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.raise_original_map_exception = True
    context.max_errored_blocks = 0
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
