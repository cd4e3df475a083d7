"""Fine-tuning of a language model in Ray Train workers: tokens of groups, a worker that dies, a table without room."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.prompt import GenerationSettings
from ss_ray.config.model import ResourceParameters
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.progress import Progress, ignore
from ss_ray.tables.parts import PartWriter
from ss_ray.training.language_stage import tokenize_table, train_language_model
from ss_ray.training.language_worker import LanguageTask, load_text_examples
from ss_ray.training.pretrained import load_adapter, load_tokenizer
from ss_ray.training.stage import TrainingRows
from ss_ray.training.text_examples import TextExamples
from tests.integration.test_private_run import train_workers
from tests.training import base_models
from tests.training.test_language_worker import CITIES, GROUPS, ROWS, SCHEMA, make_plan, make_table


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_models.save_llama(tmp_path_factory.mktemp("llama"))


def texts(examples: TextExamples, base: Path) -> list[str]:
    tokenizer = load_tokenizer(str(base))
    return [
        tokenizer.decode(examples._example_tokens(n)[len(examples.prompt) :].tolist())
        for n in range(len(examples.cuts.units))
    ]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_groups_are_tokenized_in_order_with_their_head(base: Path, tmp_path: Path) -> None:
    rows, folder = Location.parse(tmp_path / "rows"), Location.parse(tmp_path / "tokens")
    table = make_table(20)
    with PartWriter(rows, "part", SCHEMA.to_arrow()) as writer:
        writer.write(table.take(list(reversed(range(20)))))
    tokenize_table(rows, GROUPS, load_tokenizer(str(base)), folder)
    task = LanguageTask(
        tokens=folder,
        codec=GROUPS,
        plan=base_models.plan(base),
        settings=GenerationSettings(prompt="", prompt_ids=(0,), max_tokens=1, window=200),
        adapter=folder,
    )
    visits = "".join(f'{{"visit":{n}}}\n' for n in range(1, 5))
    assert sorted(texts(load_text_examples(task, end=1), base)) == sorted(
        f'{{"city":"{CITIES[n % 4]}"}}\n{visits}</s>' for n in range(5)
    )


@pytest.mark.release
@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_two_workers_one_of_which_dies_make_a_model_that_its_adapter_agrees_with(base: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.done >= 10 and not killed:
            killed.append(train_workers(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)

    rows, folder = Location.parse(tmp_path / "rows"), Location.parse(tmp_path / "out")
    with PartWriter(rows, "part", SCHEMA.to_arrow()) as writer:
        writer.write(make_table(90))
    plan = make_plan(base, records_shown=1200, validation_ratio=0.1)
    resources = ResourceParameters(num_train_workers=2, threads_per_worker=1)
    table = TrainingRows(rows=rows, schema=SCHEMA, sequences=None, resources=resources, folder=folder, key="k" * 20)
    model = train_language_model(table, ROWS, plan, kill_one)
    assert killed
    assert (model.steps, model.batch_rows, model.records_left_out) == (39, 8, 0)
    assert model.validation_losses[-1][1] < model.validation_losses[0][1]

    settings = GenerationSettings.from_json((tmp_path / "out/model/generation.json").read_text())
    assert settings.window == 512
    assert settings.max_tokens == model.num_slots
    assert JsonCodec.from_json((tmp_path / "out/model/codec.json").read_text()) == ROWS
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out/model")
    assert tokenizer(settings.prompt, add_special_tokens=False)["input_ids"] == list(settings.prompt_ids)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out/model").eval()
    adapted = load_adapter(plan, tmp_path / "out/adapter").eval()
    prompt = torch.tensor([settings.prompt_ids])
    outputs = [
        m.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=40)
        for m in (merged, adapted)
    ]
    assert torch.equal(*outputs)
    assert tokenizer.decode(outputs[0][0, prompt.shape[1] :].tolist()).startswith('{"city":"')


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_table_of_which_no_record_fits_is_refused(base: Path, tmp_path: Path) -> None:
    rows = Location.parse(tmp_path / "rows")
    with PartWriter(rows, "part", SCHEMA.to_arrow()) as writer:
        writer.write(make_table(5))
    plan = base_models.plan(base, max_window_tokens=8)
    table = TrainingRows(
        rows=rows,
        schema=SCHEMA,
        sequences=None,
        resources=ResourceParameters(),
        folder=Location.parse(tmp_path),
        key="key",
    )
    with pytest.raises(DataError, match="no record fits in the 8 tokens"):
        train_language_model(table, ROWS, plan, ignore)
