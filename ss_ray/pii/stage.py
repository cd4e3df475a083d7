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
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.cluster import call_remotely, map_items, peak_memory_bytes, reported_progress
from ss_ray.config.model import DataParameters, ResourceParameters
from ss_ray.config.pii import PiiParameters
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.pii.identities.columns import find_identities
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.pii.key_file import KeyFile, shared_key
from ss_ray.pii.planning import SAMPLE_ROWS, ages_that_follow, plan_replacement
from ss_ray.pii.policy.sandbox import Sandbox
from ss_ray.pii.policy.steps import PolicyState, apply_policy
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.report import ReportFindings, make_pii_report, write_pii_report
from ss_ray.pii.rules import PiiPlan, policy_schema, updated_schema
from ss_ray.pii.stand_ins.ages import AgeColumn
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
from ss_ray.pii.uniqueness import KeptTogether, count_together, hash_kept, kept_together
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.parts import PartWriter, Slice, part_slices, read_part, read_slice, sample_rows

# Smaller slices where there are texts: each is seconds of work.
TEXT_SLICE_ROWS = 4_096
SLICE_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class RowFolders:
    """Folders of the train and the holdout rows, and of the train rows as a model reads them.

    Attributes:
        train: Folder of the train rows.
        holdout: Folder of the holdout rows.
        templates: Folder of the train rows with placeholders in their texts; None where nobody asks for it.
    """

    train: Location
    holdout: Location
    templates: Location | None = None


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
        kept_together: Rows that the kept columns single out; None where nothing personal is kept.
        follows: Column of dates of birth by column of ages that moved with it.
        identities: Columns and texts whose persons are made after generation; None where none are.
        peak_memory_bytes: Peak memory of the largest actor, in bytes.
    """

    plan: PiiPlan | None
    statistics: tuple[TypeStatistics, ...]
    num_rows: int
    dropped_rows: int
    schema: TableSchema
    scan: ScanResult = field(default_factory=ScanResult)
    unread: tuple[UnreadTexts, ...] = ()
    kept_together: KeptTogether | None = None
    follows: dict[str, str] = field(default_factory=dict)
    identities: IdentityPlan | None = None
    peak_memory_bytes: int = 0

    @property
    def has_templates(self) -> bool:
        """Whether there are texts with placeholders."""
        return self.identities is not None and bool(self.identities.texts)


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
    sample = sample_rows(rows.train.files(".parquet"), SAMPLE_ROWS)
    plan = call_remotely(plan_replacement, sample, schema, asked, data)
    if plan.steps:
        # Refuses what cannot be done before any work.
        policy_outline(schema, plan, key)

    identities = find_identities(plan, sample)
    if identities is None or not identities.texts:
        targets = replace(targets, templates=None)
    items = _replacement_items(rows, targets, TEXT_SLICE_ROWS if plan.text_columns else SLICE_ROWS)
    with reported_progress(on_progress, "replace_pii", None) as report, shared_key(key, targets.train.parent) as shared:
        # Less than a core each: upstream tasks need room too.
        num_actors = resources.num_pii_workers
        ages = ages_that_follow(sample, plan)
        arguments = (plan, schema, ages, identities, shared, report)
        done = list(map_items(_replace_worker, items, arguments=arguments, num_actors=num_actors, num_cpus=0.5))

    result = _finish_replacement(done, schema, plan, key, targets, {age.name: age.birth for age in ages})
    return replace(result, identities=identities and identities.for_schema(result.schema))


def _finish_replacement(
    done: Sequence[_Done],
    schema: TableSchema,
    plan: PiiPlan,
    key: bytes,
    targets: RowFolders,
    follows: dict[str, str],
) -> PiiResult:
    """Result of all actors together, with its report written beside `targets`.

    Args:
        done: Results of the actors.
        schema: Schema of the rows before the replacement.
        plan: Plan of the replacement.
        key: Key of the stand-ins.
        targets: Folders of the written rows.
        follows: Column of dates of birth by column of ages that moved with it.

    Raises:
        PrivacyError: An identifier of the input stands in the output, which is removed.
    """
    scan = add_scans([part.scan for part in done])
    if scan.survived:
        # A table with identifiers in it must not stay behind, whatever the caller does with the error.
        for folder in (targets.train, targets.holdout, targets.templates):
            if folder is not None:
                folder.remove()

    require_none_survived(scan, "the replaced table")

    counts = add_counts(part.counts for part in done)
    described = [part.facts for part in done if part.facts]
    facts = merge_tables(described) if described else {}
    after = schema_after(schema, plan, key, facts)
    statistics = type_statistics(counts, plan)
    num_rows = counts.rows - counts.dropped_rows
    scan_result = scan_result_of(scan, enforced_kinds(plan))
    folder = targets.train.parent
    findings = ReportFindings(
        statistics=statistics,
        scan=scan_result,
        unread=unread_texts(counts),
        kept_together=count_together([part.kept_hashes for part in done], plan),
        follows=follows,
    )
    report_of_all = make_pii_report(plan, findings, schema, num_rows, counts.dropped_rows)
    write_pii_report(report_of_all, folder, folder.parent.name, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    return PiiResult(
        plan=plan,
        statistics=statistics,
        num_rows=num_rows,
        dropped_rows=counts.dropped_rows,
        schema=after,
        scan=scan_result,
        unread=findings.unread,
        kept_together=findings.kept_together,
        follows=follows,
        peak_memory_bytes=max((part.peak_memory_bytes for part in done), default=0),
    )


def _replacement_items(rows: RowFolders, targets: RowFolders, slice_rows: int) -> list[_Item]:
    """Slices of both sides with their targets; output of an earlier call is removed."""
    items: list[_Item] = []
    sides = ((rows.train, targets.train, targets.templates), (rows.holdout, targets.holdout, None))
    for source, target, templates in sides:
        target.remove()
        if templates is not None:
            templates.remove()
        slices = part_slices(source.files(".parquet"), slice_rows)
        first_rows = accumulate((part.num_rows for part in slices), initial=0)
        for index, (part, first_row) in enumerate(zip(slices, first_rows, strict=False)):
            items.append(_Item(index, part, first_row, target, templates))

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


@dataclass(frozen=True)
class _Item:
    index: int
    rows: Slice
    first_row: int
    target: Location
    templates: Location | None = None


@dataclass(frozen=True)
class _Done:
    """Result of an actor: counts, facts of the columns that are described anew, and hashes of what rows keep."""

    counts: Counts
    facts: dict[str, ColumnFacts]
    scan: Scan
    kept_hashes: npt.NDArray[np.uint64]
    peak_memory_bytes: int


def _replace_worker(
    plan: PiiPlan,
    schema: TableSchema,
    ages: tuple[AgeColumn, ...],
    identities: IdentityPlan | None,
    shared: KeyFile,
    report: Callable[..., None],
) -> Callable[[_Item], _Done]:
    key = shared.read()
    known = identities.by_name if identities is not None else {}
    replacer = TableReplacer(plan, Pseudonyms(key=key, locale=plan.locale, injective=plan.injective), ages, known)
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
            described = [name for name in dict.fromkeys(changed) if name in written.names]

    kinds = enforced_kinds(plan)
    kept = [rule.name for rule in kept_together(plan)]

    def replace_rows(item: _Item) -> _Done:
        counts: list[Counts] = []
        facts: list[dict[str, ColumnFacts]] = []
        scans: list[Scan] = []
        hashes: list[npt.NDArray[np.uint64]] = []
        first_row = item.first_row

        name = f"part-{item.index:05d}"
        with PartWriter(item.target, name, written) as writer, _template_writer(item, name, written) as templates:
            for block in read_slice(item.rows):
                made = replacer.replace_with_templates(block, first_row)
                replaced, found = made.table, made.counts
                scans.append(scan_rows(block, replaced, skip=plan.locked, kinds=kinds, numbers=plan.number_columns))
                first_row += block.num_rows
                writer.write(replaced)
                if templates is not None:
                    templates.write(made.templates)
                counts.append(found)
                facts.append(table_facts(replaced.select(described)))
                hashes.append(hash_kept(replaced, kept))
                report(block.num_rows)

        kept_hashes = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
        return _Done(add_counts(counts), merge_tables(facts), add_scans(scans), kept_hashes, peak_memory_bytes())

    return replace_rows


def _template_writer(item: _Item, name: str, schema: pa.Schema) -> AbstractContextManager[PartWriter | None]:
    """A writer of the rows with placeholders; None where nobody asks for them."""
    if item.templates is None:
        return nullcontext()
    return PartWriter(item.templates, name, schema)
