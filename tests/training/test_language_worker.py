"""Fine-tuning: the loop over texts in this process, and all of it on Ray Train."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.prompt import GenerationSettings, instruction
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.plans.language_training import LanguagePlan
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.training.loop import TrainState, Worker, split_examples, train
from ss_ray.training.pretrained import load_base, render_prompt
from ss_ray.training.text_examples import TextExamples, cut_rows, tokenize_lines
from tests.training import base_models

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ALONE = Worker(rank=0, world_size=1)
CITIES = ("Basel", "Bern", "Chur", "Genf")
SCHEMA = TableSchema(
    columns=(
        ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="string"),
        ColumnSchema(name="city", kind=Kind.CATEGORY, arrow_type="string", values=CITIES),
        ColumnSchema(name="visit", kind=Kind.INTEGER, arrow_type="int64", minimum=1, maximum=30),
    )
)
ROWS = JsonCodec(schema=SCHEMA, sequences=None, max_records=4)
GROUPS = JsonCodec(
    schema=SCHEMA,
    sequences=Sequences(group="who", order="visit", constants=("city",), max_rows=12),
    max_records=1,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_models.save_llama(tmp_path_factory.mktemp("llama"))


def make_plan(base: Path, **changes: object) -> LanguagePlan:
    """An adapter that is large enough for random weights."""
    plan = base_models.plan(base, learning_rate=5e-3, **changes)
    return replace(plan, lora=replace(plan.lora, r=8, alpha=8, target_modules=LAYERS))


def make_table(num_rows: int) -> pa.Table:
    """Each fifth row is of the same person, who lives in one city."""
    who = np.arange(num_rows) % 5
    columns = [[f"p{n}" for n in who], [CITIES[n % 4] for n in who], (1 + np.arange(num_rows) // 5).tolist()]
    return pa.table(columns, schema=SCHEMA.to_arrow())


def test_an_adapter_learns_the_table_and_a_resumed_training_ends_bit_by_bit_the_same(base: Path) -> None:
    plan = make_plan(base, micro_batches=2, num_steps=30, validation_steps=15, warmup_steps=2, validation_ratio=0.2)

    def fit(resume: TrainState | None) -> list[TrainState]:
        loaded = load_base(plan, base_models.CPU)
        tokens, sizes = tokenize_lines(loaded.tokenizer, ROWS.render(make_table(100)))
        examples = TextExamples(
            tokens=torch.from_numpy(tokens),
            starts=np.append(0, np.cumsum(sizes)),
            cuts=cut_rows(sizes, room=400, max_records=4, seed=plan.seed),
            prompt=torch.tensor(render_prompt(loaded.tokenizer, instruction(ROWS))[1], dtype=torch.int32),
            end=loaded.tokenizer.eos_token_id,
        )
        states: list[TrainState] = []
        sides = split_examples(examples.units, plan, ALONE)
        train(
            loaded.model,
            examples,
            sides,
            plan,
            ALONE,
            resume=resume,
            on_step=lambda step, loss: None,
            on_validation=states.append,
        )
        return states

    first, last = fit(None)
    (again,) = fit(first)
    assert last.losses[1][1] < 0.8 * last.losses[0][1]
    assert all("lora_" in name for name in last.model)
    assert all(torch.equal(last.model[name], again.model[name]) for name in last.model)


def test_the_settings_of_generation_are_read_back() -> None:
    settings = GenerationSettings(prompt="do\n", prompt_ids=(1, 2), max_tokens=9, window=512)
    assert GenerationSettings.from_json(settings.to_json()) == settings
    assert json.loads(settings.to_json())["max_tokens"] == 9


def test_the_prompt_names_the_learned_columns_and_no_value() -> None:
    assert instruction(ROWS).endswith('the following columns: "city", "visit"')
    assert instruction(GROUPS).endswith('a line with "city", then lines with the following columns: "visit"')
