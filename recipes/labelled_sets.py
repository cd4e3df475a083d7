"""Public sets of labelled texts, for training and for evaluation, from local copies.

    python -m recipes.labelled_sets wnut17-test --folder copies --out wnut17-test.jsonl

writes a set in the format that `benchmarks/bench_ner.py` reads. `--folder` holds one folder a source, named as in
`SOURCES`, with the files of the source as they are published. Sets that end in "train" may be learned from; "dev" may
be looked at; the figures come from "test". What is shared alike only (CC BY-SA) is never learned from.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from recipes.documents import Document
from recipes.labelled_texts import read_conll, read_gum, read_iob2, read_pii_anon, read_silver, with_handles

SOURCES = {
    "wnut17": "WNUT 2017, Derczynski et al.; github.com/leondz/emerging_entities_17; CC BY 4.0",
    "btc": "Broad Twitter Corpus, Derczynski et al. 2016; github.com/GateNLP/broad_twitter_corpus; CC BY 4.0",
    "gum": "GUM, Zeldes et al., genres court, academic, news and interview alone; github.com/amir-zeldes/gum; CC BY",
    "goemotions": "GoEmotions, Demszky et al. 2020, with silver labels; github.com/google-research; Apache 2.0",
    "ewt": "Universal NER on UD English EWT; github.com/UniversalNER/UNER_English-EWT; CC BY-SA 4.0",
    "pii_anon": "pii-anon evaluation set, S. Holla; github.com/subhash-holla/pii-anon-eval-data; Apache 2.0",
}
"""Folder of each source, and its title, address and licence."""

_SHORT = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
_WNUT = {"person": "PERSON", "location": "LOCATION", "corporation": "ORGANIZATION", "group": "ORGANIZATION"}
_PII_ANON = {
    "PERSON_NAME": "PERSON",
    "ORGANIZATION_NAME": "ORGANIZATION",
    "LOCATION_NAME": "GPE",
    "STREET_ADDRESS": "STREET_ADDRESS",
    "POSTAL_CODE": "ZIP_CODE",
    "PHONE_NUMBER": "PHONE_NUMBER",
    "EMAIL_ADDRESS": "EMAIL_ADDRESS",
    "DATE_OF_BIRTH": "DATE_OF_BIRTH",
    "USERNAME": "USERNAME",
    "PASSWORD": "PASSWORD",
    "API_KEY": "API_KEY",
    "IP_ADDRESS": "IP_ADDRESS",
    "MAC_ADDRESS": "MAC_ADDRESS",
    "SOCIAL_SECURITY_NUMBER": "US_SSN",
    "CREDIT_CARD_NUMBER": "CREDIT_CARD",
    "IBAN": "IBAN_CODE",
    "BANK_ACCOUNT_NUMBER": "ACCOUNT_NUMBER",
    "MEDICAL_RECORD_NUMBER": "MEDICAL_RECORD",
    "EMPLOYEE_ID": "UNIQUE_ID",
    "INSURANCE_POLICY_NUMBER": "HEALTH_PLAN",
    "HEALTH_INSURANCE_ID": "HEALTH_PLAN",
    "COURT_CASE_NUMBER": "UNIQUE_ID",
    "DOCKET_NUMBER": "UNIQUE_ID",
    "NPI_NUMBER": "LICENSE",
    "DEA_NUMBER": "LICENSE",
    "BAR_NUMBER": "LICENSE",
    "DRIVER_LICENSE_NUMBER": "LICENSE",
    "NATIONAL_ID_NUMBER": "NATIONAL_ID",
    "PASSPORT_NUMBER": "PASSPORT",
    "TAX_ID": "TAX_ID",
}
_GUM_GENRES = ("court", "academic", "news", "interview")
# One file of GUM in so many is for calibration.
_HELD_OUT_FILES = 6
_PII_ANON_STEP = 4

Read = Callable[[Path], Iterable[Document]]


def _read_btc(folder: Path, *names: str) -> Iterator[Document]:
    for name in names:
        yield from map(with_handles, read_conll(folder / f"{name}.conll", _SHORT))


def _read_half_of_h(folder: Path, *, second: bool) -> list[Document]:
    """Half of section H; its authors propose the second for development."""
    documents = list(_read_btc(folder, "h"))
    middle = len(documents) // 2
    return documents[middle:] if second else documents[:middle]


def _read_wnut(folder: Path, name: str) -> Iterator[Document]:
    return map(with_handles, read_conll(folder / name, _WNUT))


def _read_gum(folder: Path, *, held_out: bool) -> Iterator[Document]:
    paths = sorted(path for genre in _GUM_GENRES for path in folder.glob(f"GUM_{genre}_*.conllu"))
    return read_gum(path for at, path in enumerate(paths) if (at % _HELD_OUT_FILES == 0) == held_out)


def _read_pii_anon(folder: Path, *names: str) -> Iterator[Document]:
    """Every fourth document: the set is made of templates, so more of them say nothing new."""
    for name in names:
        yield from islice(read_pii_anon(folder / f"{name}.jsonl.gz", _PII_ANON), None, None, _PII_ANON_STEP)


SETS: Mapping[str, tuple[str, Read]] = {
    "wnut17-train": ("wnut17", lambda folder: _read_wnut(folder, "wnut17train.conll")),
    "wnut17-dev": ("wnut17", lambda folder: _read_wnut(folder, "emerging.dev.conll")),
    "wnut17-test": ("wnut17", lambda folder: _read_wnut(folder, "emerging.test.annotated")),
    "btc-train": ("btc", lambda folder: [*_read_btc(folder, *"abefg"), *_read_half_of_h(folder, second=False)]),
    "btc-dev": ("btc", lambda folder: _read_half_of_h(folder, second=True)),
    "gum-train": ("gum", lambda folder: _read_gum(folder, held_out=False)),
    "gum-dev": ("gum", lambda folder: _read_gum(folder, held_out=True)),
    "goemotions-train": ("goemotions", lambda folder: read_silver(folder / "silver.jsonl")),
    "ewt-dev": ("ewt", lambda folder: read_iob2(folder / "en_ewt-ud-dev.iob2", _SHORT)),
    "ewt-test": ("ewt", lambda folder: read_iob2(folder / "en_ewt-ud-test.iob2", _SHORT)),
    "pii_anon-dev": ("pii_anon", lambda folder: _read_pii_anon(folder, "test_technology")),
    "pii_anon-test": ("pii_anon", lambda folder: _read_pii_anon(folder, "test_legal", "test_clinical")),
}
"""Source and reader of each set."""


def read_set(name: str, folder: Path) -> list[Document]:
    """Documents of a set, from the folder that holds the sources' folders."""
    source, read = SETS[name]
    return list(read(folder / source))


def main() -> None:
    """Parse the command line, read a set and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    with arguments.out.open("w", encoding="utf8") as file:
        for number, document in enumerate(read_set(arguments.set, arguments.folder)):
            spans = [{"start": start, "end": end, "label": label} for start, end, label in document.spans]
            file.write(json.dumps({"text": document.text, "spans": spans, "template_id": number}) + "\n")


if __name__ == "__main__":
    main()
