"""The replacement on Ray: a sample types the columns, then actors replace slices of the rows under one key.

The key lives in the driver, in the actors and in `key_file` while the stage runs, and is gone afterwards unless the
user gave it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate

import pyarrow as pa

from ss_ray.cluster import map_items, peak_memory_bytes, reported_progress
from ss_ray.config.model import DataParameters, ResourceParameters
from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.pii.cells import distinct_texts, is_textual
from ss_ray.pii.columns.classify import ColumnTyping, classify_column, classify_table
from ss_ray.pii.columns.codes import judge_codes
from ss_ray.pii.columns.endpoint import ask_endpoint
from ss_ray.pii.columns.headers import header_words
from ss_ray.pii.entities import AGE, DATE_OF_BIRTH, FREE_TEXT
from ss_ray.pii.key_file import KeyFile, shared_key
from ss_ray.pii.policy.sandbox import Sandbox
from ss_ray.pii.policy.steps import PolicyState, apply_policy
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.report import make_pii_report, write_pii_report
from ss_ray.pii.rules import PiiPlan, make_pii_plan, policy_schema, updated_schema
from ss_ray.pii.stand_ins.ages import AgeColumn, find_ages
from ss_ray.pii.stand_ins.keyed import MIN_KEY_BYTES
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.statistics import Counts, TypeStatistics, UnreadTexts, add_counts, type_statistics, unread_texts
from ss_ray.pii.survivors import (
    OriginalIdentifiers,
    Scan,
    ScanResult,
    add_scans,
    enforced_kinds,
    merge_originals,
    read_originals,
    require_none_survived,
    scan_result_of,
    scan_rows,
    scan_table,
    without_chance,
)
from ss_ray.pii.text.detect import PATTERN_TYPES, Detector
from ss_ray.pii.text.language import language_of_column
from ss_ray.progress import OnProgress
from ss_ray.schema import Kind, TableSchema, arrow_type
from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.parts import PartWriter, Slice, part_slices, read_part, read_slice, sample_rows

# Rows that are read to type the columns.
SAMPLE_ROWS = 5_000
# Distinct texts of a column whose language is looked at.
LANGUAGE_SAMPLE = 500
# Smaller slices where there are texts: each is seconds of work.
TEXT_SLICE_ROWS = 4_096
SLICE_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class RowFolders:
    """Folders of the train and the holdout rows."""

    train: Location
    holdout: Location


@dataclass(frozen=True, kw_only=True)
class PiiResult:
    """Result of the replacement.

    Attributes:
        plan: Columns with their entity types; None where replacement is off.
        statistics: Statistics of each entity type in each column, on both sides.
        num_rows: Number of rows written, on both sides.
        dropped_rows: Number of rows that an operator or a rule dropped.
        schema: Schema of the rows after replacement.
        scan: Counts of the post-condition: what was searched, what it found, and that nothing of it survived.
        unread: Texts in languages that names are not looked for in, by column and language.
        peak_memory_bytes: Peak memory of the largest actor, in bytes.
    """

    plan: PiiPlan | None
    statistics: tuple[TypeStatistics, ...]
    num_rows: int
    dropped_rows: int
    schema: TableSchema
    scan: ScanResult = field(default_factory=ScanResult)
    unread: tuple[UnreadTexts, ...] = ()
    peak_memory_bytes: int = 0


def replace_pii(
    rows: RowFolders,
    schema: TableSchema,
    asked: PiiParameters | None,
    data: DataParameters,
    resources: ResourceParameters,
    targets: RowFolders,
    on_progress: OnProgress,
) -> PiiResult:
    """Write both sides with stand-ins of one key to `targets`, and a report of the replacement beside them.

    Nothing is written where `asked` is None.

    The model learns from the replaced train rows, so they, and holdout rows treated alike, are what its output has
    to be compared with.

    Raises:
        ConfigError: The rules name what is not there.
        PrivacyError: A column looks like PII, cannot be typed, and `on_undetected` is "stop"; or an identifier of the
            input stands in the output, which is removed.
        ResourceError: A model or an endpoint that was asked for cannot be reached.
    """
    if asked is None:
        return PiiResult(plan=None, statistics=(), num_rows=0, dropped_rows=0, schema=schema)

    key = stand_in_key(asked)
    plan = _plan_replacement(rows.train, schema, asked, data)
    if plan.steps:
        # Refuses what cannot be done before any work.
        policy_outline(schema, plan, key)

    items = _replacement_items(rows, targets, TEXT_SLICE_ROWS if plan.text_columns else SLICE_ROWS)
    with reported_progress(on_progress, "replace_pii", None) as report, shared_key(key, targets.train.parent) as shared:
        # Less than a core each: upstream tasks need room too.
        num_actors = resources.num_pii_workers
        ages = ages_that_follow(sample_rows(rows.train.files(".parquet"), SAMPLE_ROWS), plan)
        arguments = (plan, schema, ages, shared, report)
        done = list(map_items(_replace_worker, items, arguments=arguments, num_actors=num_actors, num_cpus=0.5))

    return _finish_replacement(done, schema, plan, key, targets)


def _finish_replacement(
    done: Sequence[_Done], schema: TableSchema, plan: PiiPlan, key: bytes, targets: RowFolders
) -> PiiResult:
    """Result of all actors together, with its report written beside `targets`.

    Raises:
        PrivacyError: An identifier of the input stands in the output, which is removed.
    """
    scan = add_scans([part.scan for part in done])
    if scan.survived:
        # A table with identifiers in it must not stay behind, whatever the caller does with the error.
        targets.train.remove()
        targets.holdout.remove()

    require_none_survived(scan, "the replaced table")

    counts = add_counts(part.counts for part in done)
    described = [part.facts for part in done if part.facts]
    facts = merge_tables(described) if described else {}
    after = schema_after(schema, plan, key, facts)
    statistics = type_statistics(counts, plan)
    num_rows = counts.rows - counts.dropped_rows
    scan_result = scan_result_of(scan, enforced_kinds(plan))
    folder = targets.train.parent
    unread = unread_texts(counts)
    report_of_all = make_pii_report(plan, statistics, schema, num_rows, counts.dropped_rows, scan_result, unread)
    write_pii_report(report_of_all, folder, folder.parent.name, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    return PiiResult(
        plan=plan,
        statistics=statistics,
        num_rows=num_rows,
        dropped_rows=counts.dropped_rows,
        schema=after,
        scan=scan_result,
        unread=unread,
        peak_memory_bytes=max((part.peak_memory_bytes for part in done), default=0),
    )


def _replacement_items(rows: RowFolders, targets: RowFolders, slice_rows: int) -> list[_Item]:
    """Slices of both sides with their targets; output of an earlier call is removed."""
    items: list[_Item] = []
    for source, target in ((rows.train, targets.train), (rows.holdout, targets.holdout)):
        target.remove()
        slices = part_slices(source.files(".parquet"), slice_rows)
        first_rows = accumulate((part.num_rows for part in slices), initial=0)
        items += [_Item(index, *item, target) for index, item in enumerate(zip(slices, first_rows, strict=False))]

    return items


def search_synthetic(
    originals: RowFolders, synthetic: Location, plan: PiiPlan | None, on_progress: OnProgress
) -> ScanResult:
    """Look in every string cell of the synthetic table for the identifiers of all real rows.

    Args:
        originals: Rows before personal data was replaced.
        synthetic: Folder of the synthetic table's parts.
        plan: Plan of the replacement; None where nothing was replaced, and nothing is searched.
        on_progress: Function that is told the number of rows read.

    Returns:
        Counts of the scan; without any kind where nothing was searched.

    Raises:
        PrivacyError: An identifier of a real row stands in the table.
    """
    if plan is None:
        return ScanResult()

    kinds = enforced_kinds(plan)
    parts = [part for side in (originals.train, originals.holdout) for part in side.files(".parquet")]
    with reported_progress(on_progress, "search", None) as report:
        found = merge_originals(list(map_items(_originals_worker, parts, arguments=(kinds, report))))
        files = synthetic.files(".parquet")
        scans = list(map_items(_search_worker, files, arguments=(found, plan.locked, report)))

    # Only the synthetic table can meet a number by chance: its identifiers are invented.
    scan = without_chance(add_scans(scans), found)
    require_none_survived(scan, "the synthetic table")
    return scan_result_of(scan, kinds)


def _originals_worker(kinds: tuple[str, ...], report: Callable[..., None]) -> Callable[[Location], OriginalIdentifiers]:
    def read(part: Location) -> OriginalIdentifiers:
        found = []
        for block in read_part(part):
            found.append(read_originals(block, kinds))
            report(block.num_rows)
        return merge_originals(found)

    return read


def _search_worker(
    originals: OriginalIdentifiers, skip: tuple[str, ...], report: Callable[..., None]
) -> Callable[[Location], Scan]:
    def search(part: Location) -> Scan:
        scans = []
        for block in read_part(part):
            scans.append(scan_table(block, originals, skip=skip))
            report(block.num_rows)
        return add_scans(scans)

    return search


def stand_in_key(asked: PiiParameters) -> bytes:
    """Key of the stand-ins: the user's, one derived from a seed that others may know, or a secret random one.

    Raises:
        ConfigError: The environment variable is not set or too short, or both a key and a seed are given.
    """
    seed = asked.globals.seed
    if asked.key_env is None:
        if seed is None:
            # A random key is never stored, so nobody can compute the stand-ins again.
            return secrets.token_bytes(32)
        return hashlib.sha256(f"replace_pii seed {seed}".encode()).digest()

    if seed is not None:
        raise ConfigError("replace_pii: give key_env or globals.seed, not both")

    given = os.environ.get(asked.key_env, "").encode()
    if len(given) < MIN_KEY_BYTES:
        raise ConfigError(
            f"replace_pii.key_env: the environment variable {asked.key_env} holds {len(given)} bytes; a key needs "
            f"{MIN_KEY_BYTES} or more, from a random source"
        )

    return hashlib.sha256(b"replace_pii key" + given).digest()


def _plan_replacement(rows: Location, schema: TableSchema, asked: PiiParameters, data: DataParameters) -> PiiPlan:
    settings = asked.globals.classify
    typings: Mapping[str, ColumnTyping] = {}
    sample = sample_rows(rows.files(".parquet"), SAMPLE_ROWS)
    languages = column_languages(sample)
    if settings.enable_classify is not False:
        typings = type_columns(sample, schema)
        if settings.endpoint is not None:
            typings = ask_endpoint(settings.endpoint, sample, typings)

    declared = {name: column.entity for name, column in data.columns.items() if column.entity}
    return make_pii_plan(typings, schema, asked, declared=declared, languages=languages)


def ages_that_follow(sample: pa.Table, plan: PiiPlan) -> tuple[AgeColumn, ...]:
    """Ages that stay, and agree with dates of birth that move.

    They are no part of the plan, which holds nothing that depends on the rows.
    """
    moving = [rule for rule in plan.columns if rule.operator in (Operator.DATE_SHIFT, Operator.PSEUDONYM)]
    types = {rule.name: rule.entity_type for rule in moving if rule.entity_type == DATE_OF_BIRTH}
    types |= {rule.name: rule.entity_type for rule in plan.kept if rule.entity_type == AGE}
    return find_ages(sample, types)


def schema_after(schema: TableSchema, plan: PiiPlan, key: bytes, facts: Mapping[str, ColumnFacts]) -> TableSchema:
    """The schema of the rows that were written."""
    if not plan.steps:
        return updated_schema(schema, plan, facts)
    origins = {view.name: view.origin for view in policy_outline(schema, plan, key).columns}
    return policy_schema(schema, plan, origins, facts)


def policy_outline(schema: TableSchema, plan: PiiPlan, key: bytes) -> PolicyState:
    """Columns and types that a policy produces, from a table without rows; they are the same for every part.

    Raises:
        ConfigError: A rule names a column that is not there, or a variable's expression fails.
    """
    # Without rows the sandbox evaluates only what is the same for every part.
    empty = PolicyState(schema.to_arrow().empty_table(), plan.views, (), (), Counter())
    with Sandbox(key, plan) as sandbox:
        return apply_policy(empty, plan.steps, sandbox, lambda pairs, header: [])


def type_columns(sample: pa.Table, schema: TableSchema) -> dict[str, ColumnTyping]:
    """Types of the columns by a sample; of categories every value is checked, however rare."""
    # Patterns are enough to type a column, and take a fraction of the model's time.
    detector = Detector(entities=tuple(sorted(PATTERN_TYPES)), ner_model=None)
    # A header tells what its column holds, and nothing about codes that stand in place of its values.
    spelled = [column.name for column in schema.columns if column.spelling_of is not None]
    typings = classify_table(sample.drop_columns(spelled), detector)
    for column in schema.of_kind(Kind.CATEGORY):
        if column.values and is_textual(arrow_type(column)) and column.name not in typings:
            values = [str(value) for value in column.values if value not in column.formats]
            # A sample may miss a personal value that one row alone has.
            header = column.name if column.spelling_of is None else "code"
            typing = classify_column(header, values, detector, sample_size=len(values)) if values else None
            typings |= {column.name: typing} if typing else {}

    return typings | _type_codes(sample, schema, typings, detector)


def column_languages(sample: pa.Table) -> dict[str, str]:
    """Language of the string columns whose texts are mostly not English, by name of the column."""
    columns = (name for name in sample.column_names if is_textual(sample.schema.field(name).type))
    found = {name: language_of_column(distinct_texts(sample.column(name))[:LANGUAGE_SAMPLE]) for name in columns}
    return {name: language for name, language in found.items() if language is not None}


def _type_codes(
    sample: pa.Table, schema: TableSchema, typings: Mapping[str, ColumnTyping], detector: Detector
) -> dict[str, ColumnTyping]:
    """Typings of the columns of codes among those that have no type, or only findings in a few values."""
    found: dict[str, ColumnTyping] = {}
    for column in schema.columns:
        known = typings.get(column.name)
        if column.name not in sample.column_names or not is_textual(sample.schema.field(column.name).type):
            continue
        if known is not None and known.entity_type != FREE_TEXT:
            continue

        values = distinct_texts(sample.column(column.name))
        if codes := judge_codes(values, detector.find_each(values, header_words(column.name))):
            found[column.name] = codes

    return found


@dataclass(frozen=True)
class _Item:
    index: int
    rows: Slice
    first_row: int
    target: Location


@dataclass(frozen=True)
class _Done:
    """Result of an actor: counts, and the facts of the columns that are described anew."""

    counts: Counts
    facts: dict[str, ColumnFacts]
    scan: Scan
    peak_memory_bytes: int


def _replace_worker(
    plan: PiiPlan, schema: TableSchema, ages: tuple[AgeColumn, ...], shared: KeyFile, report: Callable[..., None]
) -> Callable[[_Item], _Done]:
    key = shared.read()
    replacer = TableReplacer(plan, Pseudonyms(key=key, locale=plan.locale, injective=plan.injective), ages)
    if plan.steps:
        written = policy_outline(schema, plan, key).table.schema
        described = written.names
    else:
        written = updated_schema(schema, plan).to_arrow()
        changed = (*(rule.name for rule in plan.columns), *plan.checked_columns, *plan.number_columns)
        changed = (*changed, *(age.name for age in ages))
        if plan.drops_rows:
            described = written.names
        else:
            described = [name for name in changed if name in written.names]

    kinds = enforced_kinds(plan)

    def replace(item: _Item) -> _Done:
        counts: list[Counts] = []
        facts: list[dict[str, ColumnFacts]] = []
        scans: list[Scan] = []
        first_row = item.first_row

        with PartWriter(item.target, f"part-{item.index:05d}", written) as writer:
            for block in read_slice(item.rows):
                replaced, found = replacer.replace(block, first_row)
                scans.append(scan_rows(block, replaced, skip=plan.locked, kinds=kinds, numbers=plan.number_columns))
                first_row += block.num_rows
                writer.write(replaced)
                counts.append(found)
                facts.append(table_facts(replaced.select(described)))
                report(block.num_rows)

        return _Done(add_counts(counts), merge_tables(facts), add_scans(scans), peak_memory_bytes())

    return replace
