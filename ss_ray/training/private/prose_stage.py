"""Training of the language model of texts with differential privacy, after the compact model, from the same budget.

The base model is taken to be public, and so are the tokens that it may write: all that it has. An adapter of its last
blocks sees the texts, one privacy unit at a time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ss_ray.codec.prose import PROSE_FILE, VOCABULARY_FILE, ProseCodec
from ss_ray.plans.private import PrivateLoops
from ss_ray.plans.prose import ProsePlan, ProseTablePlan
from ss_ray.progress import OnProgress
from ss_ray.training.language_stage import language_environment
from ss_ray.training.private.stage import (
    PrivateModelRef,
    PrivateTraining,
    check_trained,
    fit_private,
    train_private_model,
)
from ss_ray.training.prose_stage import LANGUAGE_MODEL_STEPS, outline_rows, tokenize_texts
from ss_ray.training.stage import ModelRef, model_ref


def train_private_with_prose(
    training: PrivateTraining, plan: ProseTablePlan, on_progress: OnProgress
) -> PrivateModelRef:
    """Train the compact model on a table without its prose, then a language model on the prose; both are paid for.

    Args:
        training: Rows with their texts, their privacy units, and the loops of both trainings.
        plan: Training of both models.
        on_progress: Function that is told the steps charged, of one model after the other.

    Raises:
        SsRayError: See `train_private_model`.
    """
    codec = training.private.prose
    loop = training.loops.texts
    if codec is None or loop is None:
        return train_private_model(training, plan, on_progress)

    exact = replace(codec, schema=training.schema)
    outlines = training.folder / "outlines"
    outline_rows(training.rows, exact, outlines)
    outline = replace(training, rows=outlines, schema=exact.outline_schema)
    trained = train_private_model(outline, plan, on_progress)
    (training.folder / "model" / PROSE_FILE).write_text(codec.to_json())

    texts = replace(
        training,
        loops=PrivateLoops(table=loop, texts=None),
        folder=training.folder / "prose",
        key=f"prose-{training.key}",
    )
    model = replace(
        trained.model, family="compact_and_prose", prose=_train_texts(texts, exact, plan.prose, on_progress)
    )
    return PrivateModelRef(model=model, dp=trained.dp, charges=training.account.spent())


def _train_texts(training: PrivateTraining, codec: ProseCodec, plan: ProsePlan, on_progress: OnProgress) -> ModelRef:
    """Train the language model of the texts."""
    from ss_ray.training.pretrained import load_tokenizer
    from ss_ray.training.prose_worker import ProseTask

    tokens = training.folder / "tokens"
    # A row without a text is a privacy unit like any other.
    tokenize_texts(training.rows, codec, plan, tokens, keeps_all=True)
    vocabulary = writable_tokens(load_tokenizer(plan.base_model))
    loop = training.loops.table
    task = ProseTask(tokens=tokens, plan=plan, vocabulary=vocabulary, private=loop)
    metrics = fit_private(
        _train_worker,
        {"task": task, "units": training.save_units(per_example=False)},
        training,
        on_progress,
        language_environment(),
        unit=LANGUAGE_MODEL_STEPS,
    )
    check_trained(metrics)
    (training.folder / "model" / VOCABULARY_FILE).write_text(json.dumps(vocabulary))
    return model_ref(
        metrics,
        family="compact_and_prose",
        num_slots=plan.max_tokens,
        vocabulary_size=len(vocabulary),
        batch_rows=round(loop.dp.expected_batch_size),
    )


def writable_tokens(tokenizer: Any) -> tuple[int, ...]:
    """Tokens of a model that spell text, and the one that ends it, ascending."""
    hidden = {*tokenizer.all_special_ids} - {tokenizer.eos_token_id}
    return tuple(token for token in range(len(tokenizer)) if token not in hidden)


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds."""
    from ss_ray.training.prose_worker import train_private_prose_in_worker

    return train_private_prose_in_worker(**config)
