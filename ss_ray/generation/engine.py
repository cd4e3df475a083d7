"""What generates text: requests in, completions out, whatever runs the model.

    engine.submit(requests)
    while engine.num_unfinished:
        completions = engine.step()

A request's text is a function of the weights, the sampling and its seed, up to rounding that may differ with the
requests that are decoded beside it. Torch and vLLM are imported by the engines alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ss_ray.plans.language_generation import Engine
from ss_ray.plans.sampling import TextSampling


@dataclass(frozen=True, kw_only=True)
class CompletionRequest:
    """One completion asked for.

    Attributes:
        number: Names it; unique among the requests of an engine that are not finished.
        prompt_ids: Tokens that it continues, at least one; never logged.
        seed: Seed of the request's draws, 0 to 2**63 - 1.
        max_tokens: Tokens at most, the end token included.
        grammar: EBNF that the text follows (`codec.constraint`); None is free text.
    """

    number: int
    prompt_ids: tuple[int, ...]
    seed: int
    max_tokens: int
    grammar: str | None


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One completion.

    Attributes:
        number: Number of the request that is answered.
        text: Without special tokens; never logged.
        num_tokens: Tokens generated, the end token included.
        finished: Whether the model ended it; False where it was cut at its length.
    """

    number: int
    text: str
    num_tokens: int
    finished: bool


class TextEngine(Protocol):
    """A loaded model with requests under way."""

    @property
    def num_unfinished(self) -> int:
        """Requests submitted, not finished and not cancelled."""
        ...

    def submit(self, requests: Sequence[CompletionRequest]) -> None:
        """Queue requests."""
        ...

    def step(self) -> list[Completion]:
        """Advance by about a token; those that finished by it."""
        ...

    def cancel(self, numbers: Collection[int]) -> None:
        """Forget these requests; numbers that are not under way are ignored."""
        ...


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How a language model is run.

    Attributes:
        engine: Name of the engine.
        sampling: How tokens are drawn.
        batch_size: Completions that are decoded together.
        window: Tokens of a prompt with its completion at most.
        tensor_parallel_size: GPUs that share the model.
        vocabulary: Tokens that may be written, ascending; None for all tokens.
    """

    engine: Engine
    sampling: TextSampling
    batch_size: int
    window: int
    tensor_parallel_size: int = 1
    vocabulary: tuple[int, ...] | None = None


def load_engine(folder: Path, settings: EngineSettings, *, threads: int, use_gpu: bool) -> TextEngine:
    """Load a model; of vLLM, `vllm_environment` is already set.

    Args:
        folder: A local folder with a causal language model and its tokenizer, adapters merged.
        settings: How the model is run.
        threads: Number of torch threads.
        use_gpu: Whether the process has GPUs.
    """
    import torch

    torch.set_num_threads(threads)
    if settings.engine == "torch":
        from ss_ray.generation.torch_engine import TorchEngine

        return TorchEngine(
            folder,
            settings.sampling,
            batch_size=settings.batch_size,
            device="cuda" if use_gpu else "cpu",
            vocabulary=settings.vocabulary,
        )

    from ss_ray.generation.vllm import VllmEngine

    return VllmEngine.load(folder, settings, use_gpu=use_gpu)


def without_half_characters(text: str) -> str:
    """A text that was cut in the middle of a character's bytes, without these."""
    return text.rstrip("\ufffd")


def vllm_environment(*, use_gpu: bool) -> dict[str, str]:
    """What a process sets in its environment before it imports `generation.vllm`.

    On CPUs vLLM would take one core for itself and leave the others, and start a second process that knows no better.
    """
    common = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    if use_gpu:
        return common

    return common | {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # GiB.
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    }
