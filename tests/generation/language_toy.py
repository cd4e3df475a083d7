"""A causal language model that fits in a test: two random layers, a byte-level tokenizer of a few hundred pieces."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.schema import ColumnSchema, Kind, TableSchema

TEXTS = ['{"age":39,"sex":"Male","note":"a short note"}\n', '{"age":null,"sex":"Female","note":"another"}\n'] * 20
VOCABULARY = 320
WINDOW = 512
PROMPT = (0, 5, 9)  # the first is BOS

CODEC = JsonCodec(
    schema=TableSchema(
        columns=(
            ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", nullable=True, minimum=-5, maximum=117),
            ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("Female", "Male", "ü")),
            ColumnSchema(name="score", kind=Kind.FLOAT, arrow_type="double", decimals=2, minimum=0.5, maximum=12.25),
            ColumnSchema(
                name="day", kind=Kind.DATE, arrow_type="date32[day]", minimum="1999-12-30", maximum="2004-03-01"
            ),
        )
    ),
    sequences=None,
    max_records=3,
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """256 bytes, BOS, EOS, and pieces of TEXTS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def save_model(folder: Path, *, sharpness: float = 1.0, is_tied: bool = False) -> Path:
    """A random model in `folder`; above 1, sharpness makes its choices less even; tied: it writes as it reads."""
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=is_tied,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(sharpness)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
