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
from ss_ray.pii.classify import classify_table
from ss_ray.pii.detect import Detector
from ss_ray.pii.pseudonyms import Pseudonyms
from ss_ray.pii.replace import replace_table
from ss_ray.pii.rules import PiiPlan, make_pii_plan, updated_schema
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import PartWriter, read_part, sample_rows

SAMPLE_ROWS = 5_000  # looked at to type the columns


@dataclass(frozen=True, kw_only=True)
class PiiResult:
    """What was replaced.

    Attributes:
        plan: Columns with their entity types; None where replacement is off.
        replaced: Cells and spans replaced by entity type; "masked_texts": texts that could not be analysed.
        schema: Of the rows after replacement.
    """

    plan: PiiPlan | None
    replaced: dict[str, int]
    schema: TableSchema


def replace_pii(
    rows: Location,
    schema: TableSchema,
    asked: PiiParameters | None,
    data: DataParameters,
    resources: ResourceParameters,
    target: Location,
    on_progress: OnProgress,
) -> PiiResult:
    """Write the rows with stand-ins to `target`; nothing is written where `asked` is None.

    Raises:
        PrivacyError: A column looks like PII, cannot be typed, and `on_undetected` is "stop".
    """
    if asked is None:
        return PiiResult(plan=None, replaced={}, schema=schema)
    parts = rows.files(".parquet")
    sample = sample_rows(parts, SAMPLE_ROWS)
    settings = asked.globals
    typings = {} if settings.classify.enable_classify is False else classify_table(sample, Detector())
    plan = make_pii_plan(
        typings,
        schema,
        declared={name: column.entity for name, column in data.columns.items() if column.entity},
        entities=settings.classify.entities,
        lock_columns=settings.lock_columns or (),
        locale=(settings.locales or ("en_US",))[0],
        on_undetected=asked.on_undetected,
    )
    target.remove()
    with reported_progress(on_progress, "replace_pii", None) as report:
        counts = map_items(
            _replace_worker,
            list(enumerate(parts)),
            arguments=(plan, schema.to_arrow(), _key(settings.seed), target.make_folder(), report),
            num_actors=resources.num_pii_workers,
            num_cpus=0.5,  # less than a core each: upstream tasks need room too
        )
        replaced = sum((Counter(count) for count in counts), Counter())
    return PiiResult(plan=plan, replaced=dict(sorted(replaced.items())), schema=updated_schema(schema, plan))


def _key(seed: int | None) -> bytes:
    """A key that nobody has, or the one that a seed gives everybody who knows it."""
    return secrets.token_bytes(32) if seed is None else hashlib.sha256(f"replace_pii seed {seed}".encode()).digest()


def _replace_worker(
    plan: PiiPlan, schema: pa.Schema, key: bytes, target: Location, report: Callable[..., None]
) -> Callable[[tuple[int, Location]], dict[str, int]]:
    detector = Detector(entities=plan.entities, threshold=plan.threshold)
    pseudonyms = Pseudonyms(key=key, locale=plan.locale)

    def replace(item: tuple[int, Location]) -> dict[str, int]:
        index, part = item
        counts: Counter[str] = Counter()
        with PartWriter(target, f"part-{index:05d}", schema) as writer:
            for block in read_part(part):
                replaced, found = replace_table(block, plan, detector, pseudonyms)
                writer.write(replaced)
                counts += Counter(found)
                report(block.num_rows)
        return dict(counts)

    return replace
