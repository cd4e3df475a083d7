"""Texts of a small language, so that texts of the same and of another kind can be played."""

from __future__ import annotations

import numpy as np
import pandas as pd

TOPICS = {
    "delivery": "parcel courier delay address driver box arrived late door street".split(),
    "billing": "invoice refund card charge amount payment bank month total price".split(),
    "support": "login password screen error crash update button account reset phone".split(),
}
FILLERS = "the a was my and it again today please very".split()


def draw_remarks(rows: int, seed: int) -> list[str]:
    """Remarks of one to four sentences about one of three topics."""
    rng = np.random.default_rng(seed)
    return [_remark(rng) for _ in range(rows)]


def _remark(rng: np.random.Generator) -> str:
    topic = TOPICS[str(rng.choice(list(TOPICS)))]
    sentences = []
    for _ in range(int(rng.integers(1, 5))):
        words = [str(rng.choice(topic if rng.random() < 0.5 else FILLERS)) for _ in range(int(rng.integers(5, 14)))]
        sentences.append(" ".join(words).capitalize() + ".")
    return " ".join(sentences)


def remark_frame(rows: int, seed: int) -> pd.DataFrame:
    """A table of one text column."""
    return pd.DataFrame({"remark": draw_remarks(rows, seed)})
