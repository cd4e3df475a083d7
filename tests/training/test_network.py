"""The network computes what the Llama of transformers computes, with the same weights and the same folder."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from ss_ray.codec.columns import PAD
from ss_ray.errors import DataError
from ss_ray.training.models import CONFIG_FILE, WEIGHTS_FILE, load_compact
from tests.training import toy

TOKENS = toy.make_rows(30)


def make_llama(seed: int = 3) -> LlamaForCausalLM:
    """A Llama of transformers of the size of the toy model, two layers deep, with weights far from 0."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=toy.Z + 3,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        max_position_embeddings=len(toy.SLOTS) + 1,
        pad_token_id=PAD,
        initializer_range=0.3,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    make_llama().save_pretrained(folder)
    return folder


@torch.no_grad()
def test_hidden_states_are_those_of_transformers(llama_folder):
    ours = load_compact(llama_folder).model(TOKENS)
    theirs = make_llama().model(input_ids=TOKENS).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_hidden_states_at_given_positions_are_those_of_transformers(llama_folder):
    positions = torch.tensor([[0, 2, 3]]).expand(len(TOKENS), -1)
    ours = load_compact(llama_folder).model(TOKENS, positions)
    theirs = make_llama().model(input_ids=TOKENS, position_ids=positions).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_transformers(llama_folder):
    ours, theirs = load_compact(llama_folder), make_llama()
    ours.model(TOKENS).square().sum().backward()
    theirs.model(input_ids=TOKENS).last_hidden_state.square().sum().backward()

    expected = {name: weight.grad for name, weight in theirs.model.named_parameters()}
    found = {name: weight.grad for name, weight in ours.model.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-3, rtol=1e-3, msg=name)


@torch.no_grad()
def test_transformers_reads_what_we_write(tmp_path):
    model = toy.with_opinions(toy.make_model())
    model.save(tmp_path)
    theirs = LlamaForCausalLM.from_pretrained(tmp_path).model(input_ids=TOKENS).last_hidden_state
    torch.testing.assert_close(model.model(TOKENS), theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_saved_model_is_read_as_it_was(tmp_path):
    model = toy.with_opinions(toy.make_model())
    model.save(tmp_path)
    assert torch.equal(load_compact(tmp_path)(TOKENS), model(TOKENS))


def test_a_model_without_output_weights_has_those_of_its_input(llama_folder, tmp_path):
    tensors = load_file(llama_folder / WEIGHTS_FILE)
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / WEIGHTS_FILE)
    (tmp_path / CONFIG_FILE).write_text((llama_folder / CONFIG_FILE).read_text())

    model = load_compact(tmp_path)
    assert torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    assert not model.lm_head.bias.any()


@pytest.mark.parametrize(
    "change",
    [
        {"num_key_value_heads": 4},
        {"model_type": "gpt2"},
        {"rms_norm_eps": 1e-5},
        {"rope_parameters": {"rope_theta": 500_000.0, "rope_type": "default"}},
        {"rope_parameters": {"rope_theta": 10_000.0, "rope_type": "llama3"}},
        {"hidden_size": None},
    ],
    ids=str,
)
def test_a_model_that_the_network_cannot_compute_is_refused(llama_folder, tmp_path, change):
    config = json.loads((llama_folder / CONFIG_FILE).read_text()) | change
    config = {name: value for name, value in config.items() if value is not None}
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    with pytest.raises(DataError, match="train it again"):
        load_compact(tmp_path)
