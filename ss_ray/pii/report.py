"""Report of the replacement, for people (one HTML page) and for machines (JSON). It holds no original value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from pydantic import TypeAdapter

from ss_ray.config.pii import Operator
from ss_ray.location import Location
from ss_ray.pii.identifiers import ENTITY_TYPES
from ss_ray.pii.rules import CodeColumn, ColumnRule, PiiPlan
from ss_ray.pii.statistics import SEARCHED, UNREADABLE, SafeHarborItem, TypeStatistics, UnreadTexts, safe_harbor
from ss_ray.pii.survivors import ScanResult
from ss_ray.pii.uniqueness import KeptTogether
from ss_ray.pii.unsearched import describe_search, list_unsearched
from ss_ray.schema import TableSchema

REPORT_FILES = ("pii_report.html", "pii_report.json")
TEMPLATES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "evaluation" / "report" / "templates")


@dataclass(frozen=True, kw_only=True)
class ColumnSearch:
    """Search of one column.

    Attributes:
        column: Name of the column.
        search: Search method and searched types, in words.
    """

    column: str
    search: str


@dataclass(frozen=True, kw_only=True)
class ReportFindings:
    """Findings in the rows of a table.

    Attributes:
        statistics: Statistics of the replacement, by column and entity type.
        scan: Counts of the second scanner.
        unread: Texts in languages that names are not looked for in.
        kept_together: Rows that the kept columns single out; None where nothing personal is kept.
        follows: Column of dates of birth by column of ages that moved with it.
    """

    statistics: tuple[TypeStatistics, ...]
    scan: ScanResult
    unread: tuple[UnreadTexts, ...] = ()
    kept_together: KeptTogether | None = None
    follows: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PiiReport:
    """Results of the search and of the replacement.

    Attributes:
        num_rows: Number of rows written.
        dropped_rows: Number of rows left out.
        statistics: By column and entity type.
        kept: Columns of a personal kind that stay as they are.
        searched: Names of the text columns that were searched.
        searches: Search of each column, in table order.
        scan: Counts of the second scanner, in the input and in the output.
        safe_harbor: HIPAA's 18 identifiers.
        notes: Notes for the reader, a sentence each.
        code_columns: Columns of codes, which were searched by patterns only, with the reason.
        unread: Texts in languages that names are not looked for in.
        kept_together: Rows that the kept columns single out; None where nothing personal is kept.
        follows: Column of dates of birth by column of ages, among those of `kept`, that moved with it.
        unsearched: Sentences about what was not looked for.
    """

    num_rows: int
    dropped_rows: int
    statistics: tuple[TypeStatistics, ...]
    kept: tuple[ColumnRule, ...]
    searched: tuple[str, ...]
    searches: tuple[ColumnSearch, ...]
    scan: ScanResult
    safe_harbor: tuple[SafeHarborItem, ...]
    notes: tuple[str, ...]
    code_columns: tuple[CodeColumn, ...] = ()
    unread: tuple[UnreadTexts, ...] = ()
    kept_together: KeptTogether | None = None
    follows: dict[str, str] = field(default_factory=dict)
    unsearched: tuple[str, ...] = ()

    @property
    def replaced_columns(self) -> int:
        """Columns replaced cell by cell."""
        return len({row.column for row in self.statistics if row.found_by != SEARCHED})

    @property
    def masked_texts(self) -> int:
        """Texts that could not be analysed and were hidden."""
        return sum(row.replaced for row in self.statistics if row.entity_type == UNREADABLE)


def make_pii_report(
    plan: PiiPlan, findings: ReportFindings, schema: TableSchema, num_rows: int, dropped_rows: int
) -> PiiReport:
    """The report of a table.

    Args:
        plan: Plan of the replacement.
        findings: Findings in the rows of the table.
        schema: Schema of the table before the replacement.
        num_rows: Number of rows written.
        dropped_rows: Number of rows left out.
    """
    statistics = findings.statistics
    scan = findings.scan
    touched = {row.column for row in statistics}
    kept = (*plan.kept, *(rule for rule in plan.columns if plan.steps and rule.name not in touched))
    treated = [(row.column, row.entity_type, row.operator) for row in statistics if row.entity_type != UNREADABLE]
    treated += [(rule.name, rule.entity_type, Operator.KEEP) for rule in kept]
    treated += [(c.column, ENTITY_TYPES[c.kind], Operator.KEEP) for c in scan.columns if c.column in plan.locked]

    return PiiReport(
        num_rows=num_rows,
        dropped_rows=dropped_rows,
        statistics=statistics,
        kept=kept,
        searched=plan.text_columns,
        searches=tuple(ColumnSearch(column=c.name, search=describe_search(c, plan)) for c in schema.columns),
        scan=scan,
        safe_harbor=safe_harbor(treated, scan),
        notes=tuple(_write_notes(plan, statistics, findings.unread)),
        code_columns=plan.code_columns,
        unread=findings.unread,
        kept_together=findings.kept_together,
        follows=findings.follows,
        unsearched=list_unsearched(plan),
    )


def write_pii_report(report: PiiReport, folder: Location, title: str, created_at: str) -> None:
    """Write folder/pii_report.html and folder/pii_report.json."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    page = environment.get_template("pii_report.html").render(report=report, title=title, created_at=created_at)
    html, json = REPORT_FILES
    (folder / html).write_text(page)
    (folder / json).write_text(TypeAdapter(PiiReport).dump_json(report, indent=2).decode())


def _write_notes(plan: PiiPlan, statistics: tuple[TypeStatistics, ...], unread: tuple[UnreadTexts, ...]) -> list[str]:
    notes = [
        "Columns were typed by a sample of rows and by all values of categories; texts were read whole. Nothing finds "
        "everything: look at a sample of the result before it leaves.",
        "One value has one stand-in, so values that are frequent stay frequent, and may be recognised by that.",
    ]
    if unread:
        languages = Counter[str]()
        for texts in unread:
            languages[texts.language] += texts.texts
        counts = ", ".join(f"{language}: {count}" for language, count in sorted(languages.items()))
        notes.append(
            f"Texts in languages that names are not looked for in ({counts}). They were searched by patterns, and for "
            "names behind titles such as Herr or Mme; replace_pii.globals.ner.model names a model that reads them."
        )

    unknown = [rule.name for rule in plan.columns if rule.entity_type == "UNKNOWN"]
    if unknown:
        notes.append(f"Hidden, because they look personal and could not be typed: {', '.join(unknown)}.")

    if any(row.entity_type == UNREADABLE for row in statistics):
        notes.append("Some texts could not be analysed, and were masked whole.")

    if plan.steps:
        notes.append("A policy of your own said what is done; what it leaves in place stays.")

    if plan.person.identity:
        notes.append(f"A person is what has one value of {plan.person.identity!r}.")

    return notes
