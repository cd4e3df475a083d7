"""Groups that are longer than a completion: what there is of them, and what the next completion is shown.

A completion that was cut leaves whole records. The next one is shown the head of the group and the last of its records,
as many as fill half of the room, as the window of a long group is in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.records import Fault, Numbers
from ss_ray.codec.json.validation import Validation
from ss_ray.generation.engine import Completion

Tokenize = Callable[[Sequence[str]], tuple[npt.NDArray[np.int32], Numbers]]
"""All tokens of some lines, and the number of tokens of each, as `training.text_examples.tokenize_lines` has them."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What there is of a text.

    Attributes:
        given: JSON object of the values that its rows have; "" where nothing is given.
        lines: Whole ones, each with its line end; of a group the head first.
        has_tail: Whether a cut left a part of a line.
        is_ended: Whether the model ended it.
        is_lost: Whether it was cut, and cannot go on.
        num_new: Records that the last completion added.
        num_shown: Records that the last completion was shown.
        num_tokens: Generated for it.
        rejected: Number of records that were left out, by column and reason.
    """

    given: str
    lines: tuple[str, ...] = ()
    has_tail: bool = False
    is_ended: bool = False
    is_lost: bool = False
    num_new: int = 0
    num_shown: int = 0
    num_tokens: int = 0
    rejected: Mapping[Fault, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the next completion of a group is shown.

    Attributes:
        tokens: Token ids of the head and the last records, to follow the prompt.
        num_records: Number of the records that are shown.
        max_tokens: Most tokens that the completion may have.
    """

    tokens: tuple[int, ...]
    num_records: int
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class Drafting:
    """How texts of one codec grow.

    Attributes:
        codec: With as many rows in a group as it may have.
        validation: Treatment of records that are not as they should be.
        is_exact: Whether every group has exactly so many rows: what is missing is made, and what is no record left out.
        max_tokens: Most tokens of a head with the records that are shown and made, and the end.
        tokenize: Lines to tokens.
    """

    codec: JsonCodec
    validation: Validation
    is_exact: bool
    max_tokens: int
    tokenize: Tokenize

    @property
    def _num_heads(self) -> int:
        return int(bool(self.codec.shared_columns))

    def num_rows(self, draft: Draft) -> int:
        """Whole records of a text."""
        return max(0, len(draft.lines) - self._num_heads)

    def extended(self, draft: Draft, completion: Completion) -> Draft:
        """The text with a completion."""
        has_end = completion.finished and completion.text and not completion.text.endswith("\n")
        *whole, tail = (completion.text + "\n" * bool(has_end)).split("\n")
        longer = replace(
            draft,
            lines=(*draft.lines, *(f"{line}\n" for line in whole)),
            has_tail=bool(tail),
            is_ended=completion.finished,
            num_tokens=draft.num_tokens + completion.num_tokens,
        )
        before = self.num_rows(draft)
        if self.is_exact:
            longer = self._without_faults(longer, before)

        return self._judge_draft(replace(longer, num_new=self.num_rows(longer) - before))

    def _without_faults(self, draft: Draft, first: int) -> Draft:
        """The text without what is no record from a row on: others will take its place."""
        place = self._num_heads + first
        parsed = self.codec.parse_lines(draft.lines[place:], self.validation)
        kept = (*draft.lines[:place], *(draft.lines[place + i] for i in parsed.sources.tolist()))
        return replace(draft, lines=kept, rejected=Counter(draft.rejected) + Counter(parsed.rejected))

    def _judge_draft(self, draft: Draft) -> Draft:
        """The text with as many rows as a group may have; whether it is lost."""
        # No grammar counts the records of a text that goes on, so even one that the model has ended may hold too many.
        if self.codec.sequences is not None:
            draft = replace(draft, lines=draft.lines[: self._num_heads + self.codec.max_lines])

        return replace(draft, is_lost=not self.is_complete(draft) and not (draft.num_new or draft.num_shown))

    def is_complete(self, draft: Draft) -> bool:
        """Whether nothing is to follow; a text without groups never goes on."""
        if self.codec.sequences is None or (draft.is_ended and not self.is_exact):
            return True
        return self.num_rows(draft) >= self.codec.max_lines

    def shown(self, draft: Draft) -> Shown:
        """What the next completion of a group is shown: only its head where the last one, shown more, made nothing."""
        head = draft.lines[: self._num_heads]
        records = draft.lines[self._num_heads :]
        if draft.num_new:
            recent = records[-self.max_tokens :]
        else:
            recent = ()

        tokens, sizes = self.tokenize([*head, *recent])
        head_size = int(sizes[: len(head)].sum())
        sizes = sizes[len(head) :]
        room = self.max_tokens - head_size
        num = int((np.cumsum(sizes[::-1]) <= (room - 1) // 2).sum())
        sizes = sizes[len(sizes) - num :]
        kept = (*tokens[:head_size].tolist(), *tokens[len(tokens) - int(sizes.sum()) :].tolist())
        # About so many tokens.
        missing = (self.codec.max_lines - len(records)) * int(sizes.max(initial=0)) + 1
        left = room - int(sizes.sum())

        return Shown(tokens=kept, num_records=num, max_tokens=min(left, missing) if num else left)

    def text(self, draft: Draft) -> str | None:
        """Of the rows; None where a cut left nothing."""
        is_empty = draft.is_lost or (not draft.is_ended and not draft.lines)
        if is_empty:
            return None
        return "".join(draft.lines)

    def num_lost(self, draft: Draft) -> int:
        """Records that a cut has cost."""
        if draft.is_lost:
            return max(1, self.num_rows(draft) + draft.has_tail)
        is_cut = self.codec.sequences is None and not draft.is_ended
        return int(is_cut and (draft.has_tail or not draft.lines))

    def num_read(self, draft: Draft) -> int:
        """Records that the codec counts in the text: one at least."""
        if self.text(draft) is None:
            return 0
        return max(1, self.num_rows(draft))
