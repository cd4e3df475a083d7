"""Before the noise, nobody's tokens depend on anybody else: one more person leaves all other people's as they are.

Typed rows, stand-ins and tokens of a table are compared with those of the table with one person more, in front, in the
middle and at the end, under the same keys. The codec is that of the first table, as if its noise had been the same.
"""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyarrow import csv

from ss_ray.codec.slots import SlotCodec
from ss_ray.config.files import parse_config
from ss_ray.config.model import Config, ResourceParameters
from ss_ray.location import Location
from ss_ray.pii.stage import RowFolders, replace_pii
from ss_ray.privacy.histograms import count_table
from ss_ray.privacy.measured_codec import measured_codec
from ss_ray.privacy.private_schema import measure_schema
from ss_ray.privacy.schema_plan import SchemaBudget
from ss_ray.progress import ignore
from ss_ray.tables.stage import read_table, split_table
from ss_ray.training.arrays import load_arrays
from ss_ray.training.encoding import encode_rows
from ss_ray.training.unit_files import load_units, save_units

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

NUM_PEOPLE, VISITS, SPLIT_SEED = 60, 3, 20_261
RESOURCES = ResourceParameters(num_pii_workers=1)
Units = Counter[tuple[tuple[int, ...], ...]]
"""How often a unit of these token rows occurs."""


def visits_of(person: int, *, is_new: bool = False) -> list[dict[str, Any]]:
    """The visits of a person; those of the new one hold values that nobody else has."""
    name = f"{('Anna', 'Bert', 'Cleo', 'Dora')[person % 4]} {('Kern', 'Lang', 'Moll')[person % 3]}"
    return [
        {
            "person": f"P{person:04d}",
            "name": "Zoe Newcomer" if is_new else name,
            "email": f"p{person}@example.org",
            "city": "Nowhere" if is_new else ("Bonn", "Kiel", "Ulm")[(person + visit) % 3],
            "amount": 10**6 if is_new else 10 * person + visit,
            "day": "1950-01-01" if is_new else f"2024-0{1 + person % 9}-{10 + visit}",
            "note": f"{name} called from {person}@mail.example.org about visit {visit}",
        }
        for visit in range(VISITS)
    ]


def write_table(file: Path, place: int | None) -> Path:
    """The visits of all people, and of one more before the person at `place`."""
    people = [visits_of(person) for person in range(NUM_PEOPLE)]
    if place is not None:
        people.insert(place, visits_of(9999, is_new=True))
    csv.write_csv(pa.Table.from_pylist([visit for visits in people for visit in visits]), file)
    return file


def config_of(*, group: str | None, private: bool = True, **replaced: Any) -> Config:
    return parse_config(
        {
            "data": {"group_training_examples_by": group, "holdout": 0.2 if group else 0},
            "privacy": {"dp_enabled": private},
            "replace_pii": {
                "key_env": "SS_RAY_TEST_KEY",
                "globals": {"ner": {"model": None}, "lock_columns": ["person"]},
                **replaced,
            },
        }
    )


class Run:
    """All stages before the noise, on one table."""

    def __init__(self, config: Config, table: Path, folder: Path) -> None:
        data, self.config = config.data, config
        internal = Location.parse(folder)
        read = read_table(table, data, SPLIT_SEED, ignore, private=True)
        split_table(table, read, data, SPLIT_SEED, internal, ignore)
        self.originals, self.rows, self.folder = internal / "train", internal / "replaced", internal
        sides = RowFolders(train=self.originals, holdout=internal / "holdout")
        targets = RowFolders(train=self.rows, holdout=internal / "replaced-holdout")
        self.schema = replace_pii(sides, read.schema, config.replace_pii, data, RESOURCES, targets, ignore).schema

    def codec(self) -> SlotCodec:
        """The codec that a schema measured with hardly any noise makes."""
        table = ds.dataset(self.rows.path).to_table()
        measured = measure_schema(
            self.schema,
            {},
            lambda queries: count_table(table, queries),
            budget=SchemaBudget(rho=1e4, delta=1e-3),
            charge=lambda charge: None,
        )
        return measured_codec(measured, max_text_tokens=32)

    def units(self, codec: SlotCodec) -> Units:
        """The token rows of each privacy unit of the training rows."""
        encode_rows(self.rows, codec, self.folder / "tokens")
        tokens = load_arrays(self.folder / "tokens")
        group = self.config.data.group_training_examples_by
        files = save_units(self.rows, self.originals, group, per_example=False, folder=self.folder / "units")
        ids = load_units(files)
        numbers = np.arange(len(tokens)) if ids is None else np.unique(ids, return_inverse=True)[1]
        return Counter(
            tuple(tuple(row) for row in tokens[numbers == number].tolist()) for number in range(numbers.max() + 1)
        )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SS_RAY_TEST_KEY", secrets.token_hex(32))


def units_of_neighbours(config: Config, folder: Path, places: tuple[int, ...]) -> list[Units]:
    """Units of the table, then of the table with one person more at each place."""
    found: list[Units] = []
    codec: SlotCodec | None = None
    for number, place in enumerate((None, *places)):
        table = write_table(folder / f"{number}.csv", place)
        run = Run(config, table, folder / str(number))
        codec = codec or run.codec()
        found.append(run.units(codec))
    return found


def test_tokens_of_all_other_people_stay_as_they_are(tmp_path: Path) -> None:
    """The new person may be held out, and is at most one unit more."""
    without, *with_one = units_of_neighbours(config_of(group="person"), tmp_path, (0, NUM_PEOPLE // 2, NUM_PEOPLE))
    assert 30 < without.total() < NUM_PEOPLE  # some are held out
    for units in with_one:
        assert not without - units
        assert (units - without).total() <= 1
    assert with_one[0] == with_one[1] == with_one[2]


def test_tokens_of_all_other_rows_stay_as_they_are(tmp_path: Path) -> None:
    """Each row is a unit: three are added, in front of all others."""
    without, units = units_of_neighbours(config_of(group=None), tmp_path, (0,))
    assert not without - units
    assert (units - without).total() == VISITS


def test_a_policy_that_counts_rows_would_be_seen(tmp_path: Path) -> None:
    """It is refused with differential privacy; without the refusal half of the other rows would be others."""
    counting = {"steps": [{"rows": {"drop": [{"condition": "index % 2 == 0"}]}}]}
    without, units = units_of_neighbours(config_of(group=None, private=False, **counting), tmp_path, (0,))
    assert (without - units).total() > without.total() / 2
