"""The network of the compact model: a small Llama decoder (Touvron et al. 2023, arXiv:2302.13971) in plain torch.

Its parameters have the names and shapes of `LlamaForCausalLM` of transformers, and `config.json` its fields, so folders
of earlier versions are read too. The workers of the compact model do without transformers, whose import takes seconds
in every process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ss_ray.errors import DataError

EPSILON = 1e-6
"""Added to the mean square before the root of a norm is taken."""
ROTARY_BASE = 10_000.0
STANDARD_DEVIATION = 0.02
"""Standard deviation of the weights of a new network."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Size of a network, with the names of transformers.

    Attributes:
        vocab_size: Number of token ids.
        hidden_size: Width of the vectors between the blocks.
        intermediate_size: Width of the layer inside of a block's feed-forward part.
        num_hidden_layers: Number of blocks.
        num_attention_heads: Number of query heads; keys and values have one, which all share.
        max_position_embeddings: Number of positions.
        pad_token_id: Id whose embedding starts at 0 and is never trained.
        skips_unused: Whether slots that are not in use are left out of what the network sees.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    pad_token_id: int
    skips_unused: bool = False

    @property
    def head_size(self) -> int:
        """Width of a head."""
        return self.hidden_size // self.num_attention_heads

    def save(self, file: Path) -> None:
        """Write the configuration as transformers reads it."""
        fixed = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "num_key_value_heads": 1,
            "rms_norm_eps": EPSILON,
            "rope_theta": ROTARY_BASE,
            "tie_word_embeddings": False,
        }
        file.write_text(json.dumps(fixed | self.__dict__, indent=2))


def load_network_config(file: Path) -> NetworkConfig:
    """The configuration in `config.json` of a model's folder.

    Raises:
        DataError: The folder holds another kind of model, which `Network` cannot compute.
    """
    found: dict[str, Any] = json.loads(file.read_text())
    fields = {name: found[name] for name in NetworkConfig.__dataclass_fields__ if name in found}
    missing = NetworkConfig.__dataclass_fields__.keys() - {"skips_unused"} - fields.keys()
    rotary = found.get("rope_parameters") or found
    fixed = (
        (found.get("model_type"), "llama"),
        (found.get("num_key_value_heads"), 1),
        (found.get("rms_norm_eps", EPSILON), EPSILON),
        (rotary.get("rope_theta", ROTARY_BASE), ROTARY_BASE),
        (rotary.get("rope_type", "default"), "default"),
    )
    if missing or any(value != expected for value, expected in fixed):
        raise DataError("config.json is not that of a compact model of this version or an earlier one; train it again")

    return NetworkConfig(**fields)


class Network(nn.Module):
    """Token ids to what the network says of the next token, before the output layer."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=EPSILON)
        self.rotary: Tensor
        self.register_buffer("rotary", make_rotary(config), persistent=False)

    @property
    def blocks(self) -> list[Block]:
        """The layers, from the first to the last."""
        return [layer for layer in self.layers if isinstance(layer, Block)]

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        """(rows, length, hidden_size) from (rows, length) ids, each position from those up to it.

        Args:
            tokens: (rows, length) int64.
            positions: (rows, length) int64; None counts from 0 on.
        """
        if positions is None:
            rotary = self.rotary[: tokens.shape[1], None].transpose(0, 1)
        else:
            rotary = self.rotary[positions].unsqueeze(1)

        hidden: Tensor = self.embed_tokens(tokens)
        for layer in self.layers:
            hidden = layer(hidden, rotary)
        normed: Tensor = self.norm(hidden)

        return normed


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to what went in."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config.hidden_size, eps=EPSILON)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, eps=EPSILON)
        self.mlp = FeedForward(config)

    def forward(self, hidden: Tensor, rotary: Tensor) -> Tensor:
        """(rows, length, hidden_size) from the same."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), rotary)
        updated: Tensor = hidden + self.mlp(self.post_attention_layernorm(hidden))
        return updated


class Attention(nn.Module):
    """Causal attention of several queries over one key and one value a position (Shazeer 2019, arXiv:1911.02150)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, self.head_size = config.hidden_size, config.head_size
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, self.head_size, bias=False)
        self.v_proj = nn.Linear(width, self.head_size, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, hidden: Tensor, rotary: Tensor) -> Tensor:
        """(rows, length, hidden_size) from the same; `rotary` is (rows or 1, 1, length, 2 * head_size)."""
        # (rows, heads, length, head_size)
        queries = self.q_proj(hidden).unflatten(-1, (-1, self.head_size)).transpose(1, 2)
        keys = self.k_proj(hidden).unsqueeze(1)
        values = self.v_proj(hidden).unsqueeze(1)
        heads = queries.shape[1]
        keys = rotate(keys, rotary).expand(-1, heads, -1, -1)
        seen = F.scaled_dot_product_attention(
            rotate(queries, rotary), keys, values.expand(-1, heads, -1, -1), is_causal=True
        )
        mixed: Tensor = self.o_proj(seen.transpose(1, 2).flatten(2))
        return mixed


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """(rows, length, hidden_size) from the same."""
        made: Tensor = self.down_proj(F.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return made


def make_rotary(config: NetworkConfig) -> Tensor:
    """(positions, 2 * head_size) cosines, then sines, of the angles of each position.

    Source: Su et al. 2021, arXiv:2104.09864.
    """
    steps = torch.arange(0, config.head_size, 2, dtype=torch.float32) / config.head_size
    angles = torch.arange(config.max_position_embeddings, dtype=torch.float32)[:, None] / ROTARY_BASE**steps
    return torch.cat([angles.cos(), angles.cos(), angles.sin(), angles.sin()], dim=-1)


def rotate(vectors: Tensor, rotary: Tensor) -> Tensor:
    """Vectors (..., head_size) turned by the angles of their positions, `rotary` (..., 2 * head_size)."""
    cosines, sines = rotary.chunk(2, dim=-1)
    first, second = vectors.chunk(2, dim=-1)
    return vectors * cosines + torch.cat([-second, first], dim=-1) * sines


def initialise(network: nn.Module) -> None:
    """Draw the weights of linear layers and embeddings; other parameters keep their first values."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=STANDARD_DEVIATION)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            with torch.no_grad():
                module.weight[module.padding_idx] = 0.0
