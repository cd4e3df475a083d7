"""Evidence for people who judge a run under GDPR, HIPAA, CCPA and SOX.

    evidence = make_evidence(facts, risks={"singling out": metric, ...}, figures={...})
    (folder / "compliance.json").write_text(evidence_json(evidence))

It says what can be shown by this run and nothing beyond: no law is satisfied by a file. Computed on real rows, so it is
internal. Sources of the headings: GDPR Art. 5(1)(c) and (e), 17; Article 29 Working Party, Opinion 05/2014 (the three
risks); HIPAA, 45 CFR 164.514(b); CCPA, Cal. Civ. Code 1798.140(m); SOX, sections 302, 404 and 802.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from ss_ray.evaluation.metrics import Metric
from ss_ray.pii.report import ColumnSearch
from ss_ray.pii.statistics import SafeHarborItem
from ss_ray.pii.survivors import ScanResult

NOTICE = "Evidence, not legal advice: whether it suffices is for people to decide who know the law and the use."
ERASURE = "`ss-ray purge {run}` deletes everything under internal/ and manifest/, and leaves a proof of it."


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One folder or file of a run directory.

    Attributes:
        path: Below the run directory.
        holds: Content of the folder, in words.
        is_private: Whether it may not leave.
    """

    path: str
    holds: str
    is_private: bool


STORAGE = (
    Stored(path="release/synthetic, release/synthetic.csv", holds="the synthetic table", is_private=False),
    Stored(
        path="release/privacy_certificate.json, release/report.html",
        holds="with differential privacy: the guarantee, and what the table shows",
        is_private=False,
    ),
    Stored(
        path="release/README.md, release/croissant.json",
        holds="descriptions of the synthetic table for people, catalogs and loaders",
        is_private=False,
    ),
    Stored(path="internal/train, internal/holdout", holds="real rows", is_private=True),
    Stored(path="internal/replaced, internal/replaced-holdout", holds="real rows with stand-ins", is_private=True),
    Stored(path="internal/learned", holds="the same without rare values: what the model learned", is_private=True),
    Stored(path="internal/model, internal/adapter", holds="weights that learned from real rows", is_private=True),
    Stored(path="internal/*.html, internal/*.json", holds="figures computed on real rows", is_private=True),
    Stored(path="manifest", holds="the request and counts of every stage", is_private=True),
)


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Facts of a run beside its scores; plain values only.

    Attributes:
        run: Run directory, as a path or URI.
        created_at: UTC, ISO 8601.
        user: Account that ran it; None where nothing was logged.
        host: Machine of the driver; None where nothing was logged.
        versions: Package -> version; empty likewise.
        inputs: SHA-256 of each source file.
        request: Fingerprint of the request.
        seed: Seed of the run.
        log: File of the audit log; None where there is none.
        log_line: Number of the line that says that the run started; None where nothing was logged.
        log_hash: Hash of that line: the anchor of `ss-ray audit-log verify`; None where nothing was logged.
        counts: Label -> rows ("training rows").
        num_columns: Number of columns of the table.
        replaced: Columns in which personal data was replaced.
        kept: Columns of a personal kind that were kept as they are.
        safe_harbor: HIPAA's 18 identifiers; empty where personal data was not looked for.
        searches: Search of each column for personal data; empty without a search.
        synthetic_scan: Counts of the search for identifiers of real rows in the synthetic table.
        guarantee: Formal guarantee in words, or that there is none.
    """

    run: str
    created_at: str
    user: str | None
    host: str | None
    versions: Mapping[str, str]
    inputs: tuple[str, ...]
    request: str
    seed: int | None
    log: str | None
    log_line: int | None
    log_hash: str | None
    counts: Mapping[str, int]
    num_columns: int
    replaced: tuple[str, ...]
    kept: tuple[str, ...]
    safe_harbor: tuple[SafeHarborItem, ...]
    searches: tuple[ColumnSearch, ...]
    synthetic_scan: ScanResult
    guarantee: str


@dataclass(frozen=True, kw_only=True)
class Gdpr:
    """Facts that an assessment under GDPR needs.

    Attributes:
        data_minimisation: Data that were used and data that were left out, a sentence each.
        risks: The three risks of Opinion 05/2014 by name, each measured against people who were not trained on.
        storage: Folders of the run directory and their content.
        erasure: End of the storage, in words.
    """

    data_minimisation: tuple[str, ...]
    risks: Mapping[str, Metric]
    storage: tuple[Stored, ...]
    erasure: str


@dataclass(frozen=True, kw_only=True)
class Hipaa:
    """Facts that 45 CFR 164.514(b) needs.

    Attributes:
        safe_harbor: The 18 identifiers of (b)(2)(i): found, treated, or absent; empty where nobody looked.
        searches: Search of each column; empty without a search.
        synthetic_scan: Cells of the synthetic table that were searched for identifiers of real rows; none was found.
        safe_harbor_open: Letters of those that were found and kept.
        expert_determination: Figures for an expert's judgement by (b)(1), by name.
    """

    safe_harbor: tuple[SafeHarborItem, ...]
    searches: tuple[ColumnSearch, ...]
    synthetic_scan: ScanResult
    safe_harbor_open: tuple[str, ...]
    expert_determination: Mapping[str, Metric]


@dataclass(frozen=True, kw_only=True)
class Sox:
    """Account, time, input and versions of the run.

    Attributes:
        user: Account that started the run.
        host: Machine of the driver.
        created_at: Time of the run in UTC, ISO 8601.
        inputs: SHA-256 of each source file.
        request: Fingerprint of the request.
        seed: Seed of the run.
        versions: Package -> version.
        audit_log: File, line and hash of the event: anchors `ss-ray audit-log verify`; empty where there is no log.
    """

    user: str | None
    host: str | None
    created_at: str
    inputs: tuple[str, ...]
    request: str
    seed: int | None
    versions: Mapping[str, str]
    audit_log: Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything in `compliance.json`.

    Attributes:
        notice: Sentence that limits what the evidence claims.
        run: Directory of the run.
        guarantee: Formal guarantee in words, or that there is none.
        gdpr: Evidence under GDPR.
        hipaa: Evidence under HIPAA.
        ccpa: Evidence under CCPA, a sentence each.
        sox: Evidence under SOX.
    """

    notice: str
    run: str
    guarantee: str
    gdpr: Gdpr
    hipaa: Hipaa
    ccpa: tuple[str, ...]
    sox: Sox


def make_evidence(facts: RunFacts, *, risks: Mapping[str, Metric], figures: Mapping[str, Metric]) -> Evidence:
    """Collect the evidence of one run.

    Args:
        facts: Facts of the run beside its scores.
        risks: Singling out, linkability and inference by name; empty where nothing was evaluated.
        figures: Other figures on re-identification, by name; likewise.
    """
    return Evidence(
        notice=NOTICE,
        run=facts.run,
        guarantee=facts.guarantee,
        gdpr=Gdpr(
            data_minimisation=_data_minimisation(facts),
            risks=dict(risks),
            storage=STORAGE,
            erasure=ERASURE.format(run=facts.run),
        ),
        hipaa=Hipaa(
            safe_harbor=facts.safe_harbor,
            searches=facts.searches,
            synthetic_scan=facts.synthetic_scan,
            safe_harbor_open=tuple(item.letter for item in facts.safe_harbor if item.treatment.startswith("kept")),
            expert_determination=dict(figures),
        ),
        ccpa=_explain_ccpa(facts),
        sox=_list_sox_evidence(facts),
    )


def evidence_json(evidence: Evidence) -> str:
    """The evidence as JSON."""
    return TypeAdapter(Evidence).dump_json(evidence, indent=2).decode()


def _data_minimisation(facts: RunFacts) -> tuple[str, ...]:
    counts = ", ".join(f"{count:,} {label}" for label, count in facts.counts.items())
    replaced = f"Personal data was replaced before training in {len(facts.replaced)} of {facts.num_columns} columns"
    return (
        f"Rows used: {counts}. Holdout rows were never learned from.",
        f"{replaced}: {', '.join(facts.replaced)}." if facts.replaced else f"{replaced}.",
        *([f"Kept although of a personal kind: {', '.join(facts.kept)}."] if facts.kept else []),
        "Identifiers are never learned: new ones are made up.",
    )


def _explain_ccpa(facts: RunFacts) -> tuple[str, ...]:
    return (
        "Deidentified means that data cannot reasonably be used to infer information about, or be linked to, a "
        "consumer: the three risks under GDPR measure that.",
        f"Formal guarantee: {facts.guarantee}",
        "A public commitment not to reidentify, and contracts with recipients, are for the business to make.",
    )


def _list_sox_evidence(facts: RunFacts) -> Sox:
    log = {"file": facts.log, "line": facts.log_line, "hash": facts.log_hash}
    return Sox(
        user=facts.user,
        host=facts.host,
        created_at=facts.created_at,
        inputs=facts.inputs,
        request=facts.request,
        seed=facts.seed,
        versions=dict(facts.versions),
        audit_log={name: value for name, value in log.items() if value is not None},
    )
