"""Lines of text as examples: a prompt, some records, an end. Cutting needs token counts alone, losses the tokens.

    lines = tokenize_lines(tokenizer, texts)         # on Ray, part by part
    cuts = cut_rows(sizes, ...)                      # which lines make which example: a function of counts and seed
    examples = TextExamples(tokens=..., starts=..., cuts=cuts, prompt=..., end=...)

Rows by themselves are shuffled once and packed, as many to an example as fit. A group is one example; where it does not
fit it is cut into windows, each of which but the first looks at some records before its own, whose loss is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from ss_ray.codec.ascending import Ints
from ss_ray.errors import PrivacyError
from ss_ray.training.examples import bounded_parts
from ss_ray.training.loop import Worker
from ss_ray.training.private.loop import own_rows
from ss_ray.training.unit_files import UnitFiles, load_units

MAX_TEXT_POSITIONS = 8192
"""Tokens, padding included, that go through the model together at most: each has a logit for every piece of text."""
PROBE_TOKENS = 32
PROBE_TOLERANCE = 1e-4
HALF_PROBE_TOLERANCE = 2e-2
"""Share of a loss that rounding may change, in float32 and in half precision."""
NO_LINE = -1
NO_EXAMPLE = -1


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Which lines make which example; lengths are in tokens, without the prompt.

    Attributes:
        order: (lines in use,) numbers of lines, those of an example side by side.
        spans: (examples, 2) int64 places in `order`: the first, and the one after the last.
        heads: (examples,) int64 number of the line that heads each; NO_LINE where none does.
        units: (examples,) int64 which unit each is of, from 0 on.
        ends: (examples,) whether the text ends with the last line.
        lengths: (examples,) int64 head, lines and end.
        uncounted: (examples,) int64 first tokens of those whose loss is not counted.
        max_shared: Rows, or groups of rows, that may share an example.
        records: In all examples, those left out that are only looked at.
        too_long: Records left out because no window holds them.
    """

    order: Ints
    spans: Ints
    heads: Ints
    units: Ints
    ends: npt.NDArray[np.bool_]
    lengths: Ints
    uncounted: Ints
    max_shared: int
    records: int
    too_long: int

    @property
    def longest(self) -> int:
        """Tokens of the longest example."""
        return int(self.lengths.max(initial=0))


@dataclass(frozen=True, kw_only=True)
class TextExamples:
    """Texts of a language model; the loss of each is that of its own records and its end.

    Attributes:
        tokens: (tokens,) int32 of all lines.
        starts: (lines + 1,) where each line starts in them.
        cuts: Line numbers of each example.
        prompt: (prompt tokens,) int32; never counted.
        end: Id of the end token.
    """

    tokens: Tensor
    starts: Ints
    cuts: Cuts
    prompt: Tensor
    end: int

    @property
    def units(self) -> Tensor:
        """The pack of rows, or the group, that each is of."""
        return torch.from_numpy(self.cuts.units)

    @cached_property
    def lengths(self) -> Tensor:
        """(examples,) int64 tokens, the prompt included."""
        return torch.from_numpy(self.cuts.lengths) + len(self.prompt)

    @cached_property
    def positions(self) -> float:
        """Mean tokens that are counted."""
        counted = self.cuts.lengths - self.cuts.uncounted
        if len(counted):
            return float(counted.mean())
        return 0.0

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """Parts of similar lengths."""
        return bounded_parts(numbers, self.lengths[numbers], num_parts, MAX_TEXT_POSITIONS)

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """(len(numbers),) nats over the counted tokens of each; 0 for NO_EXAMPLE."""
        texts = [self._example_tokens(number) for number in numbers.tolist()]
        # Of NO_EXAMPLE, there is nothing to count.
        uncounted = np.append(self.cuts.uncounted, 0)[numbers.numpy()]
        return text_losses(model, texts, torch.from_numpy(uncounted) + len(self.prompt))

    def _example_tokens(self, number: int) -> Tensor:
        """(tokens,) int64 of one example; of NO_EXAMPLE, the prompt."""
        if number == NO_EXAMPLE:
            return self.prompt.long()

        lines: list[int] = self.cuts.order[slice(*self.cuts.spans[number])].tolist()
        head = int(self.cuts.heads[number])
        lines = lines if head == NO_LINE else [head, *lines]
        bounds = [self.starts[line : line + 2].tolist() for line in lines]
        end = self.prompt.new_tensor([self.end] if self.cuts.ends[number] else [])

        return torch.cat([self.prompt, *(self.tokens[start:stop] for start, stop in bounds), end]).long()


class UnitExamples(Protocol):
    """Examples of texts, from which privacy units are made."""

    @property
    def lengths(self) -> Tensor:
        """(examples,) int64 tokens of each."""

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """(len(numbers),) nats of each; 0 for NO_EXAMPLE."""


@dataclass(frozen=True, kw_only=True)
class TextUnits:
    """One worker's privacy units, each of one or more examples: `training.private_loop.PrivateUnits`.

    Attributes:
        examples: Examples of all workers; no example has lines of two units.
        own: (units, examples of a unit) int64 numbers of this worker's; NO_EXAMPLE where a unit has fewer.
        most_units: Privacy units of the table, counted apart from `own`; some may have no line that fits.
        most_tokens: Tokens, padding included, that go through the model together at most.
    """

    examples: UnitExamples
    own: Tensor
    most_units: int
    most_tokens: int = MAX_TEXT_POSITIONS

    @property
    def num_units(self) -> int:
        """Of this worker."""
        return len(self.own)

    @property
    def is_learned(self) -> bool:
        """Always, so that a table without units makes noise as any other."""
        return True

    def parts(self, numbers: Tensor, most: int) -> Sequence[Tensor]:
        """Units of similar lengths, as many together as `most_tokens` allows."""
        own = self.own[numbers]
        # Examples of a unit are padded to the longest one.
        lengths = torch.where(own == NO_EXAMPLE, 0, self.examples.lengths[own]).amax(dim=1) * own.shape[1]
        return bounded_parts(numbers, lengths, -(-len(numbers) // most), self.most_tokens)

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """The mean over the examples of each unit."""
        own = self.own[numbers]
        losses = self.examples.losses(model, own.flatten()).view(own.shape)
        return losses.sum(dim=1) / (own != NO_EXAMPLE).sum(dim=1).to(losses.device)


def own_text_units(
    examples: TextExamples, unit_ids: npt.NDArray[Any] | None, max_rows: int, worker: Worker, *, most_units: int
) -> TextUnits:
    """The units of one worker: disjoint over the workers, all of them together.

    Args:
        examples: Examples of all workers.
        unit_ids: (lines,) which unit each line belongs to, where each example is one line; None: an example is a unit.
        max_rows: Lines of a unit that take part; the first ones in table order.
        worker: Rank of this worker, and the number of workers.
        most_units: Privacy units of the table.

    Raises:
        PrivacyError: Several units share an example, or nobody could tell whose it is.
    """
    cuts = examples.cuts
    if unit_ids is None:
        whole = len(np.unique(cuts.units)) == len(cuts.units)
    else:
        whole = len(cuts.order) == len(cuts.spans)

    if cuts.max_shared > 1 or not whole:
        raise PrivacyError("an example must be of one privacy unit, and of no other; cut the table anew")

    if unit_ids is None:
        ids = cuts.units
    else:
        ids = unit_ids[cuts.order]

    return TextUnits(examples=examples, own=own_rows(ids, max_rows, worker), most_units=most_units)


def own_line_units(examples: TextExamples, units: UnitFiles, *, max_rows: int, worker: Worker) -> TextUnits:
    """The units of one worker as they were saved; see `own_text_units`."""
    return own_text_units(examples, load_units(units), max_rows, worker, most_units=units.count)


def check_independence(model: Any, *, length: int) -> None:
    """Refuse a model for which a text's loss depends on the texts beside it, as with positions scaled by the longest.

    Tries it on made-up tokens, so it tells nothing of any row.

    Args:
        model: Language model without dropout, as for `text_losses`.
        length: Tokens of the longest text that others may stand beside.

    Raises:
        PrivacyError: It does.
    """
    generator = torch.Generator().manual_seed(0)
    draw = partial(torch.randint, model.config.get_text_config().vocab_size, generator=generator)
    short = draw((min(PROBE_TOKENS, length),))
    long = draw((length,))

    with torch.no_grad():
        alone = text_losses(model, [short], torch.tensor([1]))
        beside = text_losses(model, [short, long], torch.tensor([1, 1]))[:1]

    if model.dtype == torch.float32:
        tolerance = PROBE_TOLERANCE
    else:
        tolerance = HALF_PROBE_TOLERANCE

    if not torch.allclose(alone, beside, rtol=tolerance):
        raise PrivacyError(
            "this model reads a text otherwise beside a longer one, so that nobody's influence can be bounded; choose "
            "another training.pretrained_model, or train it without differential privacy"
        )


def text_losses(model: Any, texts: Sequence[Tensor], first: Tensor) -> Tensor:
    """(texts,) nats of each from its token number `first` on, float32; a text's loss is its own alone.

    Args:
        model: Causal language model of transformers, or a PEFT model of one.
        texts: (tokens,) int64 each.
        first: (texts,) at least 1.
    """
    if not texts:
        return torch.zeros(0, device=model.device)

    lengths = torch.tensor([len(text) for text in texts])
    places = torch.arange(int(lengths.max()))
    used = places < lengths[:, None]
    counted = (used & (places >= first[:, None]))[:, 1:].to(model.device)
    tokens = pad_sequence(list(texts), batch_first=True).to(model.device)
    mask = used.long().to(model.device)
    logits = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits[:, :-1]
    nats = F.cross_entropy(logits[counted].float(), tokens[:, 1:][counted], reduction="none")

    return nats.new_zeros(len(texts)).index_add(0, counted.nonzero()[:, 0], nats)


def tokenize_lines(tokenizer: Any, lines: Sequence[str]) -> tuple[npt.NDArray[np.int32], Ints]:
    """(tokens,) all lines one after the other, and (lines,) tokens of each; each as it is spelled after a line end.

    Some tokenizers put a space before whatever comes first; inside a text, there is none.
    """
    if not lines:
        return np.zeros(0, np.int32), np.zeros(0, np.int64)

    break_ = tokenizer("\n", add_special_tokens=False)["input_ids"]
    after = tokenizer([f"\n{line}" for line in lines], add_special_tokens=False)["input_ids"]
    found = [
        ids[len(break_) :]
        if ids[: len(break_)] == break_
        # A piece goes across the line end.
        else tokenizer(line, add_special_tokens=False)["input_ids"]
        for ids, line in zip(after, lines, strict=True)
    ]
    sizes = np.array([len(ids) for ids in found], np.int64)
    tokens = np.fromiter(chain.from_iterable(found), np.int32, int(sizes.sum()))

    return tokens, sizes


def cut_rows(sizes: Ints, *, room: int, max_records: int, seed: int | None) -> Cuts:
    """Rows by themselves, shuffled, packed.

    Args:
        sizes: (lines,) tokens of each row.
        room: Tokens of an example at most, its end included, its prompt not.
        max_records: Rows of an example at most.
        seed: Seed of the order; None: the order of the table, which with differential privacy no other row may change.
    """
    # A record that is longer than the window would be cut in the middle, and teach broken lines.
    fitting = np.flatnonzero(sizes < room)
    if seed is None:
        order = fitting
    else:
        order = np.random.default_rng(seed).permutation(fitting)

    starts = np.array(list(_pack_starts(sizes[order].tolist(), room - 1, max_records)), np.int64)
    spans = np.stack([starts, np.append(starts, len(order))[1:]], axis=1)
    layout = _Layout(
        order=order,
        spans=spans,
        heads=np.full(len(spans), NO_LINE),
        looked_at=np.zeros(len(spans), np.int64),
        units=np.arange(len(spans)),
        ends=np.ones(len(spans), bool),
    )
    return _make_cuts(sizes, layout, max_shared=max_records, too_long=len(sizes) - len(fitting))


def _pack_starts(sizes: Sequence[int], room: int, max_records: int) -> Iterator[int]:
    """The first row of each example."""
    used = 0
    count = max_records
    for row, size in enumerate(sizes):
        if count == max_records or used + size > room:
            yield row
            used = 0
            count = 0
        used = used + size
        count = count + 1


def cut_groups(sizes: Ints, groups: Ints, *, has_head: bool, room: int, max_records: int | None = None) -> Cuts:
    """Groups, in windows where they do not fit.

    Args:
        sizes: (lines,) tokens of each line.
        groups: (groups,) lines of each, group after group.
        has_head: Whether the first line of a group is what its rows share, which every window starts with.
        room: Tokens of an example at most, its end included, its prompt not.
        max_records: Number of records of a group that are learned, the first ones, in one window; None: all records, in
            all windows.
    """
    # unit, first and last place, lines looked at, whether it ends.
    found: list[tuple[int, int, int, int, int]] = []
    order: list[Ints] = []
    place = too_long = 0

    for unit, (start, stop) in enumerate(pairwise(np.append(0, np.cumsum(groups)).tolist())):
        lines = np.arange(start + has_head, stop)
        # The end token and the head of the group take their place in every window.
        free = room - 1 - (int(sizes[start]) if has_head else 0)
        kept = lines[sizes[lines] <= free]
        too_long += len(lines) - len(kept)
        windows = list(_split_windows(sizes[kept[:max_records]].tolist(), free))
        for first, last, looked_at in windows if max_records is None else windows[:1]:
            found.append((unit, place + first, place + last, looked_at, last == len(kept)))

        order.append(kept)
        place += len(kept)

    units, *places, looked, ends = np.array(found, np.int64).reshape(-1, 5).T
    layout = _Layout(
        order=np.concatenate([np.zeros(0, np.int64), *order]),
        spans=np.stack(places, axis=1),
        heads=(np.cumsum(groups) - groups)[units] if has_head else np.full(len(units), NO_LINE),
        looked_at=looked,
        units=units,
        ends=ends.astype(bool),
    )
    return _make_cuts(sizes, layout, max_shared=1, too_long=too_long)


def _split_windows(sizes: Sequence[int], room: int) -> Iterator[tuple[int, int, int]]:
    """First record, the one after the last, and how many are only looked at, of windows that hold all records."""
    stop = 0
    while stop < len(sizes):
        first = stop
        seen = 0
        # Half of a window at most repeats earlier records, so that each window learns new ones.
        most = min(room // 2, room - sizes[stop])

        while first and seen + sizes[first - 1] <= most:
            first -= 1
            seen += sizes[first]

        looked_at = stop - first
        while stop < len(sizes) and seen + sizes[stop] <= room:
            seen += sizes[stop]
            stop += 1

        yield first, stop, looked_at


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """The lines of each example, before they are counted.

    Attributes:
        order: (lines,) numbers of the lines, in the order of the examples.
        spans: (examples, 2) first place of each example in the order, and the place after its last.
        heads: (examples,) number of the head's line; NO_LINE for none.
        looked_at: (examples,) lines at the start of each example that do not count in the loss.
        units: (examples,) number of the unit that each example is of, ascending.
        ends: (examples,) whether the end of the unit is in the example.
    """

    order: Ints
    spans: Ints
    heads: Ints
    looked_at: Ints
    units: Ints
    ends: npt.NDArray[np.bool_]


def _make_cuts(sizes: Ints, layout: _Layout, *, max_shared: int, too_long: int) -> Cuts:
    first, stop = layout.spans.T
    starts = np.append(0, np.cumsum(sizes[layout.order]))
    head_sizes = np.where(layout.heads == NO_LINE, 0, np.append(sizes, 0)[layout.heads])
    # The first example of a unit counts its head, and looks at no line without counting it.
    is_first = np.diff(layout.units, prepend=-1) != 0

    return Cuts(
        order=layout.order,
        spans=layout.spans,
        heads=layout.heads,
        units=np.cumsum(is_first) - 1,
        ends=layout.ends,
        lengths=head_sizes + starts[stop] - starts[first] + layout.ends,
        uncounted=np.where(is_first, 0, head_sizes + starts[first + layout.looked_at] - starts[first]),
        max_shared=max_shared,
        records=int((stop - first - layout.looked_at).sum()),
        too_long=too_long,
    )
