"""Completions by vLLM, on GPUs or on CPUs: continuous batching, so a finished request makes room at once.

vLLM reads its settings from the environment when it is imported, so whoever imports this module sets
`engine.vllm_environment` first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from vllm import EngineArgs, LLMEngine, RequestOutput, SamplingParams  # type: ignore[import-not-found, unused-ignore]
from vllm.config import StructuredOutputsConfig  # type: ignore[import-not-found, unused-ignore]
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams  # type: ignore[import-not-found, unused-ignore]

from ss_ray.generation.engine import Completion, CompletionRequest, EngineSettings, without_half_characters
from ss_ray.plans.sampling import TextSampling


class VllmEngine:
    """A `TextEngine` on a vLLM engine that nobody else uses at the same time."""

    def __init__(self, engine: LLMEngine, sampling: TextSampling, vocabulary: tuple[int, ...] | None = None) -> None:
        self._engine = engine
        self._sampling = sampling
        self._vocabulary = vocabulary
        # vLLM's own names of the requests under way.
        self._internal: dict[int, str] = {}

    @classmethod
    def load(
        cls, folder: Path, settings: EngineSettings, *, use_gpu: bool, gpu_memory_utilization: float = 0.9
    ) -> VllmEngine:
        """Start vLLM.

        Args:
            folder: A causal language model with its tokenizer, adapters merged.
            settings: How the model is run.
            use_gpu: False: one CPU process in float32, without compilation, which takes a minute.
            gpu_memory_utilization: Share of a GPU's memory, in (0, 1].
        """
        # A prompt in chunks makes vLLM take back a seeded draw, which generators of CPUs cannot.
        if use_gpu:
            whole_prompts = {}
        else:
            whole_prompts = {
                "enable_chunked_prefill": False,
                "max_num_batched_tokens": max(2048, settings.window),
            }

        arguments = EngineArgs(
            model=str(folder),
            dtype="auto" if use_gpu else "float32",
            tensor_parallel_size=settings.tensor_parallel_size,
            max_model_len=settings.window,
            max_num_seqs=settings.batch_size,
            gpu_memory_utilization=gpu_memory_utilization,
            enforce_eager=not use_gpu,
            disable_log_stats=True,
            # Not what the folder says: the sampling is given.
            generation_config="vllm",
            structured_outputs_config=StructuredOutputsConfig(backend="xgrammar"),
            **whole_prompts,
        )
        return cls(LLMEngine.from_engine_args(arguments), settings.sampling, settings.vocabulary)

    @property
    def num_unfinished(self) -> int:
        """Requests submitted, not finished and not cancelled."""
        return len(self._internal)

    def submit(self, requests: Sequence[CompletionRequest]) -> None:
        """Queue requests."""
        for request in requests:
            prompt = {"prompt_token_ids": list(request.prompt_ids)}
            params = sampling_params(request, self._sampling, self._vocabulary)
            self._internal[request.number] = self._engine.add_request(str(request.number), prompt, params)

    def step(self) -> list[Completion]:
        """Advance by a token; the completions that it finished."""
        if not self._internal:
            return []
        completions = [_to_completion(output) for output in self._engine.step() if output.finished]
        return [completion for completion in completions if self._internal.pop(completion.number, None) is not None]

    def cancel(self, numbers: Collection[int]) -> None:
        """Forget these requests; numbers that are not under way are ignored."""
        internal = [self._internal.pop(number) for number in numbers if number in self._internal]
        self._engine.abort_request(internal, internal=True)


def sampling_params(
    request: CompletionRequest, sampling: TextSampling, vocabulary: tuple[int, ...] | None = None
) -> SamplingParams:
    """What vLLM is told of a request."""
    if request.grammar is None:
        grammar = None
    else:
        grammar = StructuredOutputsParams(grammar=request.grammar)

    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        repetition_penalty=sampling.repetition_penalty,
        seed=request.seed,
        max_tokens=request.max_tokens,
        structured_outputs=grammar,
        allowed_token_ids=None if vocabulary is None else list(vocabulary),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _to_completion(output: RequestOutput) -> Completion:
    made = output.outputs[0]
    is_end = made.finish_reason == "stop"
    if is_end:
        text = made.text
    else:
        text = without_half_characters(made.text)

    return Completion(number=int(output.request_id), text=text, num_tokens=len(made.token_ids), finished=is_end)
