"""Pretrained models of a test: a Llama with a tokenizer of bytes, and a GPT-NeoX, whose layers have other names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from ss_ray.config.model import Config
from ss_ray.plans.language_training import LanguagePlan, plan_language_training
from tests.generation import language_toy

CPU = torch.device("cpu")


def plan(base: Path, **changes: Any) -> LanguagePlan:
    """Fine-tuning of a model in a folder."""
    config = Config.model_validate({"training": {"pretrained_model": str(base), "lora_r": 4}})
    return replace(plan_language_training(config, num_rows=100, seed=3), **changes)


def save_llama(folder: Path) -> Path:
    """Layers q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj; 512 positions."""
    return language_toy.save_model(folder, sharpness=10)


def save_neox(folder: Path, *, chat_template: str | None = None) -> Path:
    """Layers query_key_value, dense, dense_h_to_4h and dense_4h_to_h; 256 positions."""
    tokenizer = language_toy.make_tokenizer()
    tokenizer.chat_template = chat_template
    config = GPTNeoXConfig(
        vocab_size=language_toy.VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        GPTNeoXForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
