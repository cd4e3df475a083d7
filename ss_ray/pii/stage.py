"""PII replacement on Ray Data actors: type the columns on a sample, then replace part by part.

The key of the stand-ins lives in memory for the length of the stage only, unless the user fixed a seed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config import DataParameters, PiiParameters, ResourceParameters
from ss_ray.pii.cells import is_textual
from ss_ray.pii.classify import ColumnTyping, classify_column, classify_table
from ss_ray.pii.detect import Detector
from ss_ray.pii.pseudonyms import Pseudonyms
from ss_ray.pii.replace import replace_table
from ss_ray.pii.rules import PiiPlan, make_pii_plan, updated_schema
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import Kind, TableSchema, arrow_type
from ss_ray.tables.parts import PartWriter, read_part, sample_rows

SAMPLE_ROWS = 5_000  # looked at to type the columns


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Folders of the train and the holdout rows."""

    train: Location
    holdout: Location


@dataclass(frozen=True, kw_only=True)
class PiiResult:
    """What was replaced.

    Attributes:
        plan: Columns with their entity types; None where replacement is off.
        replaced: Cells and spans replaced on both sides by entity type; "masked_texts": texts that defied analysis.
        schema: Of the rows after replacement.
    """

    plan: PiiPlan | None
    replaced: dict[str, int]
    schema: TableSchema


def replace_pii(
    rows: Sides,
    schema: TableSchema,
    asked: PiiParameters | None,
    data: DataParameters,
    resources: ResourceParameters,
    targets: Sides,
    on_progress: OnProgress,
) -> PiiResult:
    """Write both sides with stand-ins of one key to `targets`; nothing is written where `asked` is None.

    The model learns from the replaced train rows, so they, and holdout rows treated alike, are what its output has
    to be compared with.

    Raises:
        PrivacyError: A column looks like PII, cannot be typed, and `on_undetected` is "stop".
    """
    if asked is None:
        return PiiResult(plan=None, replaced={}, schema=schema)
    sample = sample_rows(rows.train.files(".parquet"), SAMPLE_ROWS)
    settings = asked.globals
    typings = {} if settings.classify.enable_classify is False else type_columns(sample, schema)
    plan = make_pii_plan(
        typings,
        schema,
        declared={name: column.entity for name, column in data.columns.items() if column.entity},
        entities=settings.classify.entities,
        lock_columns=settings.lock_columns or (),
        locale=(settings.locales or ("en_US",))[0],
        on_undetected=asked.on_undetected,
    )
    items = []
    for source, target in ((rows.train, targets.train), (rows.holdout, targets.holdout)):
        target.remove()
        items += [(index, part, target) for index, part in enumerate(source.files(".parquet"))]
    with reported_progress(on_progress, "replace_pii", None) as report:
        counts = map_items(
            _replace_worker,
            items,
            arguments=(plan, schema.to_arrow(), _key(settings.seed), report),
            num_actors=resources.num_pii_workers,
            num_cpus=0.5,  # less than a core each: upstream tasks need room too
        )
        replaced = sum((Counter(count) for count in counts), Counter())
    return PiiResult(plan=plan, replaced=dict(sorted(replaced.items())), schema=updated_schema(schema, plan))


def type_columns(sample: pa.Table, schema: TableSchema) -> dict[str, ColumnTyping]:
    """What the columns hold, judged by a sample; of categories every value is looked at, however rare."""
    detector = Detector()
    typings = classify_table(sample, detector)
    for column in schema.of_kind(Kind.CATEGORY):
        if column.values and is_textual(arrow_type(column)) and column.name not in typings:
            values = [str(value) for value in column.values]
            typing = classify_column(column.name, values, detector, sample_size=len(values))
            typings |= {column.name: typing} if typing else {}
    return typings


def _key(seed: int | None) -> bytes:
    """A key that nobody has, or the one that a seed gives everybody who knows it."""
    return secrets.token_bytes(32) if seed is None else hashlib.sha256(f"replace_pii seed {seed}".encode()).digest()


def _replace_worker(
    plan: PiiPlan, schema: pa.Schema, key: bytes, report: Callable[..., None]
) -> Callable[[tuple[int, Location, Location]], dict[str, int]]:
    detector = Detector(entities=plan.entities, threshold=plan.threshold)
    pseudonyms = Pseudonyms(key=key, locale=plan.locale)

    def replace(item: tuple[int, Location, Location]) -> dict[str, int]:
        index, part, target = item
        counts: Counter[str] = Counter()
        with PartWriter(target, f"part-{index:05d}", schema) as writer:
            for block in read_part(part):
                replaced, found = replace_table(block, plan, detector, pseudonyms)
                writer.write(replaced)
                counts += Counter(found)
                report(block.num_rows)
        return dict(counts)

    return replace
