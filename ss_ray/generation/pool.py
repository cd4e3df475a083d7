"""Actors that complete texts, kept busy without a barrier: each always has a little more to do than it decodes at once.

    with TextPool(load, arguments, options, capacity=64) as pool:
        while ...:
            pool.submit(asks[: pool.room])
            for answers in pool.wait(): ...

An actor is asked for nothing until its model is loaded. Each request is answered exactly once: what a dead actor had
not answered, its successor or another actor is asked again.
"""

from __future__ import annotations

import importlib.util
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray

from ss_ray.cluster import WORKER_ENVIRONMENT, unwrapped_errors
from ss_ray.config.model import ResourceParameters
from ss_ray.errors import GenerationError
from ss_ray.generation.engine import vllm_environment
from ss_ray.generation.text_actor import Answers, Ask
from ss_ray.plans.language_generation import Engine

logger = logging.getLogger(__name__)

MAX_RESTARTS = 4
"""Deaths of actors that a pool survives."""
CALLS = 2
"""Under way to an actor: while one is answered, the next is there already."""
_LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.NodeDiedError,
)
"""The actor is gone, or what it answered is."""


@dataclass(frozen=True, kw_only=True)
class ActorOptions:
    """What each actor of a pool gets.

    Attributes:
        num_actors: Number of actors.
        num_cpus: CPUs of each.
        num_gpus: GPUs of each, all on one node: vLLM splits a model over those that its process sees. Within a
            placement group it would ask Ray for others and wait for them without end, so there is none.
        environment: Variables of its process.
    """

    num_actors: int
    num_cpus: float
    num_gpus: float
    environment: dict[str, str]


def actor_options(resources: ResourceParameters, engine: Engine) -> ActorOptions:
    """The actors that the resources allow.

    Args:
        resources: Resources that the request allows.
        engine: Engine that the actors run.
    """
    if engine == "vllm":
        special = vllm_environment(use_gpu=resources.use_gpu)
    else:
        special = {}

    threads = {"OMP_NUM_THREADS": str(resources.threads_per_worker or 1)}
    return ActorOptions(
        num_actors=resources.num_generation_workers,
        num_cpus=1,
        num_gpus=resources.tensor_parallel_size if resources.use_gpu else 0,
        environment=WORKER_ENVIRONMENT | special | threads,
    )


def has_vllm(*, use_gpu: bool) -> bool:
    """Whether vLLM is installed where generation actors will run."""
    is_installed = ray.remote(num_cpus=0, num_gpus=1 if use_gpu else 0)(_is_installed)
    with unwrapped_errors(GenerationError):
        return bool(ray.get(is_installed.remote("vllm")))


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class TextWorker:
    """The process of an actor; the model is loaded by a call, so that its errors arrive as they were raised."""

    def __init__(self, load: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._load = load
        self._arguments = arguments
        self._worker: Any = None

    def load(self) -> None:
        """Load the model."""
        self._worker = self._load(*self._arguments)

    def work(self, asks: Sequence[Ask]) -> Answers:
        """See `text_actor.TextActor.work`."""
        answers: Answers = self._worker.work(asks)
        return answers


@dataclass(kw_only=True, eq=False)
class _Member:
    """An actor, and what it has not answered yet.

    Attributes:
        actor: Ray handle of the actor.
        is_up: Whether its model is loaded.
        asks: Its requests, by number.
        unsent: Pending requests that the actor has not been told of.
        num_calls: Under way to it.
    """

    actor: Any
    is_up: bool = False
    asks: dict[int, Ask] = field(default_factory=dict)
    unsent: list[Ask] = field(default_factory=list)
    num_calls: int = 0


class TextPool:
    """Actors that answer requests; they end with the `with` block, whatever they are at.

    Args:
        load: Called in each actor; returns what has the `work` of a `text_actor.TextActor`.
        arguments: For `load`; small, picklable.
        options: Number and resources of the actors.
        capacity: Requests that an actor has at most.
    """

    def __init__(
        self, load: Callable[..., Any], arguments: tuple[Any, ...], options: ActorOptions, *, capacity: int
    ) -> None:
        self._load = load
        self._arguments = arguments
        self._options = options
        self._capacity = capacity
        self._waiting: deque[Ask] = deque()
        self._calls: dict[Any, _Member] = {}
        self._members: list[_Member] = []
        self._restarts = 0

    def __enter__(self) -> TextPool:
        self._members = [self._start_member() for _ in range(self._options.num_actors)]
        return self

    def __exit__(self, *error: object) -> None:
        # A worker may be in the middle of a completion that nobody needs any more.
        for member in self._members:
            ray.kill(member.actor)
        self._calls.clear()

    @property
    def room(self) -> int:
        """Further requests that the actors take at once."""
        places = sum(self._capacity - len(member.asks) for member in self._members if member.is_up)
        return max(0, places - len(self._waiting))

    def submit(self, asks: Sequence[Ask]) -> None:
        """Share requests out among the actors; those that none has room for wait."""
        self._waiting.extend(asks)
        # Requests for an actor that is still loading would wait beside idle ones.
        up = [member for member in self._members if member.is_up]
        while self._waiting and up:
            # The actor with the fewest requests: completions differ in length.
            member = min(up, key=lambda m: len(m.asks))
            if len(member.asks) >= self._capacity:
                break
            ask = self._waiting.popleft()
            member.asks[ask.number] = ask
            member.unsent.append(ask)

        for member in up:
            # Several calls under way hide the time that a call takes to arrive.
            while member.num_calls < CALLS and (member.unsent or (member.asks and not member.num_calls)):
                self._call_member(member)

    def wait(self) -> list[Answers]:
        """What is answered next; nothing where an actor came up, or died.

        Raises:
            GenerationError: Too many actors died.
            SsRayError: What an actor raised.
        """
        # One answer at a time, so that no actor waits for the slowest one.
        [call], _ = ray.wait(list(self._calls), num_returns=1)
        member = self._calls.pop(call)
        member.num_calls -= 1

        with unwrapped_errors(GenerationError):
            try:
                answers = ray.get(call)
            except _LOST as error:
                self._replace_member(member, type(error).__name__)
                return []

        # The first answer of an actor says that its model is loaded.
        if not member.is_up:
            member.is_up = True
            return []

        for number in answers.numbers:
            del member.asks[number]

        return [answers]

    def _start_member(self) -> _Member:
        actor = ray.remote(
            num_cpus=self._options.num_cpus,
            num_gpus=self._options.num_gpus,
            # Actors on one node would share its memory bandwidth.
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": self._options.environment},
        )(TextWorker).remote(self._load, self._arguments)
        member = _Member(actor=actor)
        self._add_call(member, actor.load.remote())

        return member

    def _call_member(self, member: _Member) -> None:
        asks = member.unsent
        member.unsent = []
        self._add_call(member, member.actor.work.remote(asks))

    def _add_call(self, member: _Member, call: Any) -> None:
        self._calls[call] = member
        member.num_calls += 1

    def _replace_member(self, member: _Member, cause: str) -> None:
        """A new actor for a dead one; what that had to do is the first to be done."""
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise GenerationError(
                f"{self._restarts} generation actors died, the last of {cause}; they may lack memory: lower "
                "resources.engine_batch_size or num_generation_workers"
            )

        logger.warning("a generation actor died (%s); %s requests are asked again", cause, len(member.asks))
        ray.kill(member.actor)
        # Answers of the dead actor can no longer arrive.
        self._calls = {call: other for call, other in self._calls.items() if other is not member}
        # Its requests come first, in their order: rows are kept in the order of their numbers.
        self._waiting.extendleft(ask for _, ask in sorted(member.asks.items(), reverse=True))
        self._members[self._members.index(member)] = self._start_member()
