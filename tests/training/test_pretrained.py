import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig

from ss_ray.errors import ConfigError, ResourceError
from ss_ray.training.pretrained import (
    check_pretrained,
    load_adapter,
    load_base,
    load_tokenizer,
    model_window,
    render_prompt,
    save_adapter,
    save_merged,
)
from tests.training import base_models
from tests.training.base_models import CPU

NOTHING = "no model with a tokenizer that this version can load"
TOKENS = torch.tensor([[0, 40, 41, 42, 43]])
TEMPLATE = (
    "{% for m in messages %}<s>[{{ m['role'] }}] {{ m['content'] }}{% endfor %}{{ 'GO:' if add_generation_prompt }}"
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_models.save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def neox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_models.save_neox(tmp_path_factory.mktemp("neox"), chat_template=TEMPLATE)


def test_models_of_any_kind_pass_the_check(llama: Path, neox: Path) -> None:
    check_pretrained(str(llama))
    check_pretrained(str(neox))


def test_a_model_that_is_nowhere_is_a_missing_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("nobody/no-such-model", "/no/such/folder", "a name of no kind"):
        with pytest.raises(ResourceError, match=r"no folder here.*HF_HOME.*log in"):
            check_pretrained(name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, NOTHING),
        ({"config.json": {"model_type": "from the future"}}, NOTHING),
        ({"config.json": BertConfig(architectures=["BertForMaskedLM"]).to_dict()}, "no causal language model"),
        ({"config.json": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}}, "has no weights"),
        (
            {"config.json": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "model.safetensors": {}},
            NOTHING,
        ),
    ],
)
def test_a_folder_with_something_else_is_refused(tmp_path: Path, files: dict[str, object], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=message):
        check_pretrained(str(tmp_path))


@pytest.mark.parametrize("known", [1, [1, 0]])
def test_a_tokenizer_without_special_tokens_ends_with_what_the_model_says(llama: Path, tmp_path: Path, known: object):
    tokenizer = AutoTokenizer.from_pretrained(llama)
    tokenizer.eos_token = tokenizer.bos_token = tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((llama / "config.json").read_text()) | {"eos_token_id": known, "bos_token_id": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = load_tokenizer(str(tmp_path))
    assert (found.eos_token, found.pad_token) == ("</s>", "</s>")
    (tmp_path / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    with pytest.raises(ConfigError, match="no special token to end with"):
        load_tokenizer(str(tmp_path))


def test_a_prompt_is_in_the_chat_template_where_there_is_one(llama: Path, neox: Path) -> None:
    text, tokens = render_prompt(load_tokenizer(str(neox)), "do it")
    assert text == "<s>[user] do itGO:"
    assert (tokens[0], tokens.count(0)) == (0, 1)
    plain, tokens = render_prompt(load_tokenizer(str(llama)), "do it")
    assert plain == "do it\n"
    assert AutoTokenizer.from_pretrained(llama).decode(tokens) == plain


def test_only_the_adapter_is_trained_and_the_seed_decides_its_weights(llama: Path) -> None:
    plan = base_models.plan(llama)
    first, second = (load_base(plan, CPU).model for _ in range(2))
    other = load_base(replace(plan, seed=4), CPU).model
    weights = [{n: p for n, p in m.named_parameters() if p.requires_grad} for m in (first, second, other)]
    assert len(weights[0]) == 2 * 4 * 2  # layers, modules, matrices
    assert all("lora_" in name for name in weights[0])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_default_layers_that_a_model_does_not_have_become_all_its_linear_layers(neox: Path) -> None:
    model = load_base(base_models.plan(neox), CPU).model
    adapted = {name.split(".lora_")[0].rpartition(".")[2] for name, p in model.named_parameters() if p.requires_grad}
    assert adapted == {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"}


def test_named_layers_that_a_model_does_not_have_are_refused(neox: Path) -> None:
    plan = base_models.plan(neox)
    lora = replace(plan.lora, target_modules=("query_key_value", "w_up"), any_layers=False)
    with pytest.raises(ConfigError, match=r"no w_up; it has .*dense_h_to_4h.*query_key_value"):
        load_base(replace(plan, lora=lora), CPU)


def test_quantisation_without_a_gpu_is_a_missing_resource(llama: Path) -> None:
    with pytest.raises(ResourceError, match=r"quantize_model needs a GPU .* bitsandbytes"):
        load_base(base_models.plan(llama, quantization="bnb-4bit"), CPU)


def test_an_unknown_attention_kernel_is_refused(llama: Path) -> None:
    with pytest.raises(ConfigError, match="attn_implementation"):
        load_base(base_models.plan(llama, attn_implementation="flash_attention_2"), CPU)


@pytest.mark.parametrize(
    ("factor", "limit", "window"), [(1, 10_000, 512), (3, 10_000, 1536), (1, 100, 100), (3, 100, 300)]
)
def test_the_window_is_the_models_own_times_the_factor(llama: Path, factor: int, limit: int, window: int) -> None:
    plan = base_models.plan(llama, rope_scaling_factor=factor, max_window_tokens=limit)
    assert model_window(plan) == window


def changed(model: torch.nn.Module) -> torch.nn.Module:
    """The same model as if it had been trained."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


@pytest.mark.parametrize("kind", ["llama", "neox"])
@torch.no_grad()
def test_adapter_and_merged_model_are_the_trained_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    plan = base_models.plan(request.getfixturevalue(kind), rope_scaling_factor=2)
    base = load_base(plan, CPU)
    before = base.model.eval()(TOKENS).logits
    after = changed(base.model)(TOKENS).logits
    assert not torch.allclose(before, after, atol=1e-2)
    save_adapter(base.model, tmp_path / "adapter")
    save_merged(base.model, base.tokenizer, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    adapted = load_adapter(plan, tmp_path / "adapter").eval()
    torch.testing.assert_close(merged(TOKENS).logits, after, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(adapted(TOKENS).logits, after, atol=1e-4, rtol=1e-4)
    assert merged.config.rope_parameters["rope_type"] == "linear"
    assert merged.config.rope_parameters["factor"] == 2
    assert merged.config.max_position_embeddings == model_window(plan)
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").eos_token_id == base.tokenizer.eos_token_id


def test_gradient_checkpointing_changes_no_gradient(llama: Path) -> None:
    found = []
    for checkpointing in (False, True):
        model = load_base(base_models.plan(llama, gradient_checkpointing=checkpointing), CPU).model
        changed(model).train()
        model(TOKENS).logits.square().sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(*found)


def test_a_bfloat16_base_has_an_adapter_of_float32_that_learns(llama: Path, tmp_path: Path) -> None:
    base = load_base(base_models.plan(llama, bf16=True), CPU)
    assert {p.dtype for p in base.model.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in base.model.parameters() if not p.requires_grad} == {torch.bfloat16}
    logits = changed(base.model)(TOKENS).logits
    logits.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in base.model.parameters() if p.requires_grad)
    save_merged(base.model, base.tokenizer, tmp_path)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert merged.dtype == torch.bfloat16
    torch.testing.assert_close(merged(TOKENS).logits, logits, atol=0.1, rtol=0.1)
