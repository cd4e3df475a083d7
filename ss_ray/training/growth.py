"""Grows the forest of a trained compact model, and weighs it against the network on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from torch import Tensor

from ss_ray.codec.columns import PAD, Slot
from ss_ray.codec.levels import Levels, token_levels
from ss_ray.codec.slots import SlotCodec
from ss_ray.training.forest import SMALLEST, Forest, SlotTrees, place_tokens
from ss_ray.training.loop import VALIDATION_BATCH, ExampleSplit
from ss_ray.training.models import CompactModel, slot_states

NUM_TREES = 8
LEAF_UNITS = 20
"""Fewest units in a leaf: smaller ones fit little better, and bring generated rows nearer to training rows."""
ASKED_SHARE = 0.5
"""Share of the earlier slots of which a node asks the best one; they are drawn anew for each node."""
MOST_ASKED = 32
MAX_DEPTH = 12
MAX_ROWS = 50_000
MAX_PLACES = 2_000_000
"""Rows times slots that trees are grown on, so that wide tables take no more time and memory."""
MAX_COUNTS = 4_000_000
"""Counts in all leaves together: 16 MB."""
STRENGTHS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, math.inf)
"""Rows that the network may weigh; a slot that the trees do not help has none."""
DOUBT = 0.5
"""Standard errors of its gain that a strength has to win by: few held-out rows would choose by chance."""


def grow_forest(
    model: CompactModel, codec: SlotCodec, tokens: Tensor, units: Tensor, sides: ExampleSplit, seed: int
) -> Forest | None:
    """The forest of a table's columns, but for its texts; None where it does not help.

    Args:
        model: Compact model that is trained.
        codec: Codec of the table's rows.
        tokens: (rows, slots) tokens of all rows.
        units: (rows,) the unit of each row, numbers from 0 on.
        sides: Numbers of the rows to grow trees on, and of those to weigh them on.
        seed: Seed of the trees' draws.
    """
    slots = codec.slots[: codec.num_structured_slots]
    train = sides.train[: min(MAX_ROWS, MAX_PLACES // max(1, len(slots)))]
    if not len(slots) or not len(train) or not len(sides.validation):
        return None

    levels = token_levels(codec.columns)
    places = place_tokens(codec.vocabulary_size, levels)
    # Texts come last, and nothing before them looks at them.
    tokens = tokens[:, : len(slots)]
    rows_per_unit = math.ceil(len(units) / (int(units.max()) + 1))
    growth = _Growth(
        tokens=tokens[train].cpu().long(),
        places=places,
        leaf_rows=LEAF_UNITS * rows_per_unit,
        max_leaves=max(2, MAX_COUNTS // (NUM_TREES * sum(slot.stop - slot.start for slot in slots))),
        is_ordered=_find_ordered(codec.vocabulary_size, levels),
        seed=seed,
    )
    grown = {index: trees for index, slot in enumerate(slots) if (trees := growth.grow(index, slot)) is not None}
    kept = _weigh_trees(model, slots, Forest(places=places, slots=grown), tokens[sides.validation].cpu().long())

    return Forest(places=places, slots=kept) if kept else None


@dataclass(frozen=True, kw_only=True)
class _Growth:
    """What the trees of all slots are grown on.

    Attributes:
        tokens: (rows, slots) int64 training rows.
        places: (vocabulary,) float32 places of the tokens.
        leaf_rows: Fewest rows in a leaf.
        max_leaves: Most leaves of a tree.
        is_ordered: (vocabulary,) whether a token has an order.
        seed: Seed of the trees' draws.
    """

    tokens: Tensor
    places: Tensor
    leaf_rows: int
    max_leaves: int
    is_ordered: Tensor
    seed: int

    def grow(self, index: int, slot: Slot) -> SlotTrees | None:
        """The trees of one slot; None where there is nothing to ask, or too little to learn."""
        answers = self.tokens[:, index]
        used = answers != PAD
        answers = answers[used]
        if not index or len(answers) < 2 * self.leaf_rows or bool((answers == answers[0]).all()):
            return None

        places = self.places[self.tokens[used, :index]].numpy()
        is_ordered = bool(self.is_ordered[slot.start : slot.stop].float().mean() > 0.5)
        targets = self.places[answers].numpy() if is_ordered else answers.numpy()
        trees = [self._fit_tree(places, targets, (self.seed, index, number), is_ordered) for number in range(NUM_TREES)]
        order = self.places[slot.start : slot.stop].argsort() if is_ordered else torch.empty(0, dtype=torch.long)

        return _join_trees(trees, places, (answers - slot.start).numpy(), slot.stop - slot.start, order)

    def _fit_tree(
        self, places: NDArray[np.float32], targets: NDArray[np.generic], seed: Sequence[int], is_ordered: bool
    ) -> DecisionTreeClassifier | DecisionTreeRegressor:
        asked = min(MOST_ASKED, math.ceil(places.shape[1] * ASKED_SHARE))
        make = DecisionTreeRegressor if is_ordered else DecisionTreeClassifier
        tree = make(
            min_samples_leaf=self.leaf_rows,
            max_leaf_nodes=self.max_leaves,
            max_depth=MAX_DEPTH,
            max_features=asked,
            random_state=int(np.random.SeedSequence(seed).generate_state(1)[0]),
        )
        return tree.fit(places, targets)


def _join_trees(
    trees: Sequence[DecisionTreeClassifier | DecisionTreeRegressor],
    places: NDArray[np.float32],
    answers: NDArray[np.int64],
    num_tokens: int,
    order: Tensor,
) -> SlotTrees:
    """All trees of a slot as one, with the answers of the training rows in their leaves.

    Args:
        trees: Trees that are fitted to rows.
        places: (rows, earlier slots) what they ask.
        answers: (rows,) tokens of the slot, numbers from 0 on.
        num_tokens: Tokens of the slot.
        order: Tokens by rising value; empty where they have no order.
    """
    sizes = [tree.tree_.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    nodes = np.arange(sum(sizes))
    left, right = (
        np.concatenate([getattr(tree.tree_, name) + root for tree, root in zip(trees, roots, strict=True)])
        for name in ("children_left", "children_right")
    )
    feature = np.concatenate([tree.tree_.feature for tree in trees])
    is_leaf = feature < 0

    leaf = np.where(is_leaf, is_leaf.cumsum() - 1, 0)
    counts = np.zeros((is_leaf.sum(), num_tokens), np.float32)
    for tree, root in zip(trees, roots, strict=True):
        np.add.at(counts, (leaf[root + tree.apply(places)], answers), 1 / len(trees))

    return SlotTrees(
        roots=torch.from_numpy(roots),
        feature=torch.from_numpy(np.where(is_leaf, 0, feature)),
        threshold=torch.from_numpy(np.concatenate([tree.tree_.threshold for tree in trees]).astype(np.float32)),
        left=torch.from_numpy(np.where(is_leaf, nodes, left)),
        right=torch.from_numpy(np.where(is_leaf, nodes, right)),
        leaf=torch.from_numpy(leaf),
        depth=torch.tensor(max(tree.tree_.max_depth for tree in trees)),
        counts=torch.from_numpy(counts),
        order=order,
        strength=torch.tensor(math.inf),
    )


def _weigh_trees(model: CompactModel, slots: Sequence[Slot], forest: Forest, tokens: Tensor) -> Mapping[int, SlotTrees]:
    """The trees of the slots that they help on held-out rows, with the strength of the network beside them.

    Args:
        model: Compact model that is trained.
        slots: Slots of a row, in order.
        forest: Trees that are grown but not weighed.
        tokens: (rows, slots) int64 held-out rows.
    """
    kept = {}
    with torch.inference_mode():
        parts = torch.split(tokens, VALIDATION_BATCH)
        states = torch.cat([slot_states(model, part.to(model.device)).cpu() for part in parts])
        for index, trees in forest.slots.items():
            losses = _losses_by_strength(model, slots[index], forest, index, states, tokens)
            gains = losses - losses[-1]
            doubtful = gains.mean(dim=1) + DOUBT * gains.std(dim=1, correction=0) / math.sqrt(len(tokens))
            best = STRENGTHS[int(doubtful.argmin())]
            if best < math.inf:
                kept[index] = replace(trees, strength=torch.tensor(best))

    return kept


def _losses_by_strength(
    model: CompactModel, slot: Slot, forest: Forest, index: int, states: Tensor, tokens: Tensor
) -> Tensor:
    """(strengths, rows) loss of one slot in nats, for each of STRENGTHS; 0 in rows that do not use it."""
    used = tokens[:, index] != PAD
    rows = tokens[used]
    answers = (rows[:, index] - slot.start)[:, None]
    trees = forest.slots[index]
    prior = torch.softmax(model.lm_head.logits(states[used, index].to(model.device), slot.start, slot.stop), -1).cpu()
    counts = trees.count_rows(forest.places[rows[:, :index]])

    losses = torch.zeros(len(STRENGTHS), len(tokens))
    for number, strength in enumerate(STRENGTHS):
        mixed = prior if math.isinf(strength) else replace(trees, strength=torch.tensor(strength)).mix(counts, prior)
        losses[number, used] = -mixed.gather(1, answers).squeeze(1).clamp_min(SMALLEST).log()

    return losses


def _find_ordered(vocabulary_size: int, levels: Iterable[Levels]) -> Tensor:
    """(vocabulary,) whether a token has an order."""
    is_ordered = torch.zeros(vocabulary_size, dtype=torch.bool)
    for found in levels:
        is_ordered[found.first_token : found.first_token + len(found.places)] = True

    return is_ordered
