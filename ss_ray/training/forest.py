"""What people who look alike chose: leaves of a random forest, mixed into what the network says of each slot.

    model.forest = grow_forest(model, codec, tokens, sides)     # after training, `training.growth`
    logits = model.forest.mix(index, logits, tokens)            # in the decoder

A small table, or one of many columns, has too few rows for a network to learn that one column follows from two
others. Trees find that at once, but they copy what they saw. So a slot's distribution is that of the network,
corrected by the rows in the leaves that the row so far falls into: the network is the prior, the leaf is the evidence,
and how many rows the prior weighs is chosen on held-out rows. No leaf has fewer than 20 rows.

Where the tokens of a slot have an order, the evidence is added on a binary tree over that order (a Pólya tree, Lavine
1992): a leaf of 20 rows says much of the upper and the lower half of a number's range, and little of single values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from ss_ray.codec.columns import PAD
from ss_ray.codec.levels import Levels

FILE = "forest.safetensors"
SMALLEST = 1e-12
"""Probability that stands for 0, so that its logarithm is finite."""


@dataclass(frozen=True, kw_only=True)
class SlotTrees:
    """All trees of one slot, their nodes one after another.

    Attributes:
        roots: (trees,) int64 node at which each tree begins.
        feature: (nodes,) int64 slot that a node asks.
        threshold: (nodes,) float32 largest place that goes to the left.
        left: (nodes,) int64 next node up to the threshold; a leaf stays where it is.
        right: (nodes,) int64 next node above it.
        leaf: (nodes,) int64 row of `counts`; 0 for a node that is no leaf.
        depth: () int64 questions from a root to the farthest leaf.
        counts: (leaves, tokens of the slot) float32 training rows of each token, divided by the number of trees.
        order: (tokens of the slot,) int64 the tokens by rising value; empty where they have no order.
        strength: () float32 rows that the network's distribution weighs.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    leaf: Tensor
    depth: Tensor
    counts: Tensor
    order: Tensor
    strength: Tensor

    def count_rows(self, places: Tensor) -> Tensor:
        """(rows, tokens of the slot) training rows in the leaves of each row, a mean over the trees.

        Args:
            places: (rows, slots) float32 place of each token that stands before this slot.
        """
        node = self.roots.expand(len(places), -1)
        for _ in range(int(self.depth)):
            goes_left = places.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])

        return F.embedding_bag(self.leaf[node], self.counts, mode="sum")

    def mix(self, counts: Tensor, prior: Tensor) -> Tensor:
        """(rows, tokens) probabilities after the evidence.

        Args:
            counts: (rows, tokens) training rows of each token.
            prior: (rows, tokens) probabilities before it.
        """
        if not len(self.order):
            return (counts + self.strength * prior) / (counts.sum(dim=1, keepdim=True) + self.strength)

        mixed = torch.empty_like(prior)
        mixed[:, self.order] = _mix_in_order(counts[:, self.order], prior[:, self.order], self.strength)
        return mixed


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Trees of the slots that have some.

    Attributes:
        places: (vocabulary,) float32 where a token stands among those of its slot, by value where they have an order.
        slots: Trees by the slot's index.
    """

    places: Tensor
    slots: Mapping[int, SlotTrees]

    def mix(self, index: int, logits: Tensor, tokens: Tensor) -> Tensor:
        """Logits of slot `index` with the evidence of its trees; unchanged where it has none.

        Args:
            index: Index of the slot.
            logits: (rows, tokens of the slot) float32.
            tokens: (rows, slots) int64; what stands before the slot is looked at.
        """
        trees = self.slots.get(index)
        if trees is None:
            return logits

        counts = trees.count_rows(self.places[tokens[:, :index]])
        return trees.mix(counts, torch.softmax(logits, dim=-1)).clamp_min(SMALLEST).log()

    def move(self, device: torch.device) -> Forest:
        """The same forest on another device."""
        slots = {
            index: SlotTrees(**{field.name: getattr(trees, field.name).to(device) for field in fields(trees)})
            for index, trees in self.slots.items()
        }
        return Forest(places=self.places.to(device), slots=slots)

    def save(self, folder: Path) -> None:
        """Write the forest into a model's folder."""
        tensors = {"places": self.places}
        for index, trees in self.slots.items():
            tensors |= {f"{index}.{field.name}": getattr(trees, field.name).contiguous() for field in fields(trees)}

        save_file(tensors, folder / FILE)


def load_forest(folder: Path) -> Forest | None:
    """The forest in a model's folder; None where there is none."""
    if not (folder / FILE).exists():
        return None

    tensors = load_file(folder / FILE)
    places = tensors.pop("places")
    by_slot: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, field = name.partition(".")
        by_slot.setdefault(int(index), {})[field] = tensor

    return Forest(places=places, slots={index: SlotTrees(**found) for index, found in sorted(by_slot.items())})


def _mix_in_order(counts: Tensor, prior: Tensor, strength: Tensor) -> Tensor:
    """(rows, tokens) probabilities after the evidence, in the order of the tokens.

    At each node of a binary tree over the tokens, the share of the left half is that of the prior, corrected by the
    counts of both halves.
    """
    num_tokens = prior.shape[1]
    spare = (1 << (num_tokens - 1).bit_length()) - num_tokens
    levels = [(F.pad(counts, (0, spare)), F.pad(prior, (0, spare)) + SMALLEST)]
    while levels[-1][0].shape[1] > 1:
        levels.append((_sum_pairs(levels[-1][0]), _sum_pairs(levels[-1][1])))

    # From the root down.
    mixed = torch.ones_like(levels[-1][0])
    for (counts, prior), (both_counts, both_prior) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        shares = prior.view(len(prior), -1, 2) / both_prior[:, :, None]
        corrected = (counts.view_as(shares) + strength * shares) / (both_counts[:, :, None] + strength)
        mixed = (mixed[:, :, None] * corrected).flatten(1)

    return mixed[:, :num_tokens]


def _sum_pairs(values: Tensor) -> Tensor:
    """(rows, width / 2) sums of neighbours."""
    return values.reshape(len(values), -1, 2).sum(dim=2)


def place_tokens(vocabulary_size: int, levels: Iterable[Levels]) -> Tensor:
    """(vocabulary,) float32 places of all tokens: their ids, but for those that have an order among themselves.

    Args:
        vocabulary_size: Number of token ids.
        levels: Tokens of the codec that have an order.

    Example:
        >>> import numpy as np
        >>> place_tokens(6, [Levels(first_token=3, places=np.array([0.5, 0.9, 0.1]))]).tolist()[3:]
        [4.0, 5.0, 3.0]
    """
    places = torch.arange(vocabulary_size, dtype=torch.float32)
    for found in levels:
        first = found.first_token
        order = torch.from_numpy(found.places)
        places[first : first + len(order)] = first + order.argsort(stable=True).argsort().float()

    # Nothing is written there: below all.
    places[PAD] = -1.0
    return places
