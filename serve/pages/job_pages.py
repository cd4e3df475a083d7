"""The pages of a job: progress, result, comparison with others, everything in one file; cancelling and deleting."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from serve.api.jobs import by_id, cancel_found, delete_found, located, names_of
from serve.api.results import CELL_CHARACTERS, RESULTS, SUMMARY, find_result, read_json, summary
from serve.errors import UnusableError
from serve.pages.archive import write_archive
from serve.pages.charts import draw_distances, draw_losses, draw_scores
from serve.pages.job_form import users_own
from serve.pages.job_times import estimate_time, share_done
from serve.pages.rendering import TEMPLATES, render_page
from serve.state import Caller, Service, State
from serve.store.auth import Identity
from serve.store.job_logs import LAST, read_logs
from serve.store.job_store import COMPLETED, TERMINAL, Row
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.runs.overview import RunOverview, figure_rows, read_overview

router = APIRouter(include_in_schema=False)
SHOWN_LINES = 400
SAMPLE_ROWS = 10
SHOWN_CHARACTERS = 200
"""Characters of a cell that are shown."""
MOST_COMPARED = 4
REFRESHED = "x-finished"
"""Header of a part of a page that will not change any more."""
STEP_TITLES = {
    "read": "Read",
    "replace_pii": "Replace personal data",
    "train": "Train",
    "generate": "Generate",
    "evaluate": "Evaluate",
}


@router.get("/jobs/{job_id}")
def job_page(job_id: str, state: Service, identity: Caller) -> Response:
    """A job."""
    job = by_id(job_id, "viewer", state, identity)
    return render_page("job.html", identity, **_describe_job(job, state, identity))


@router.get("/ui/jobs/{job_id}")
def job_part(job_id: str, state: Service, identity: Caller) -> Response:
    """The parts of a job's page that change."""
    job = by_id(job_id, "viewer", state, identity)
    headers = {REFRESHED: "1"} if job.status in TERMINAL else {}
    page = TEMPLATES.get_template("job_live.html").render(**_describe_job(job, state, identity))
    return HTMLResponse(page, headers=headers)


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: str, state: Service, identity: Caller) -> Response:
    """Stop a job."""
    cancel_found(by_id(job_id, "editor", state, identity), state)
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)


@router.post("/jobs/{job_id}/delete")
def delete(job_id: str, state: Service, identity: Caller) -> Response:
    """Erase a job."""
    delete_found(by_id(job_id, "admin", state, identity), state)
    return RedirectResponse("/", status_code=303)


@router.get("/jobs/{job_id}/results.zip")
def download_all(job_id: str, state: Service, identity: Caller) -> Response:
    """All results of a job that the caller may read, in one zip file."""
    job = by_id(job_id, "viewer", state, identity)
    names = [name for name in names_of(job, identity) if name != SUMMARY]
    files = [(name, RESULTS[name].file, located(job, name, identity)) for name in names]
    headers = {"content-disposition": f'attachment; filename="{job.id}.zip"'}
    chunks = write_archive(files, datetime.fromisoformat(job.updated_at))
    return StreamingResponse(chunks, media_type="application/zip", headers=headers)


@router.get("/compare")
def compare_page(
    request: Request, state: Service, identity: Caller, job: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Figures and settings of two or more completed jobs side by side."""
    asked = list(dict.fromkeys(job or []))
    if not 2 <= len(asked) <= MOST_COMPARED:
        raise UnusableError(f"choose 2 to {MOST_COMPARED} jobs in the list")

    # Figures were computed on real rows.
    jobs = [by_id(job_id, "editor", state, identity) for job_id in asked]
    overviews = [_read_overview(found) for found in jobs]
    settings = [_flatten_settings(users_own(found.config)) for found in jobs]
    paths = sorted({path for one in settings for path in one})
    rows = [(path, *(one.get(path, "–") for one in settings)) for path in paths]
    return render_page(
        "compare.html",
        identity,
        jobs=jobs,
        figures=figure_rows(overviews),
        differing=[row for row in rows if len(set(row[1:])) > 1],
    )


def _describe_job(job: Row, state: State, identity: Identity) -> dict[str, Any]:
    page = read_logs(state.database, job.id, SHOWN_LINES, LAST)
    names = names_of(job, identity)
    run_dir = Location.parse(job.run_dir)
    estimate = (job.custom_fields or {}).get("estimated_seconds")
    estimate = float(estimate) if isinstance(estimate, (int, float)) else None
    return {
        "job": job,
        "titles": STEP_TITLES,
        "share": share_done(job),
        "time": estimate_time(job, estimate),
        "losses": draw_losses(line.message for line in page.lines if line.message.startswith("train:")),
        "over": job.status in TERMINAL,
        "lines": page.lines,
        "total_lines": page.total,
        "results": {name: RESULTS[name].file for name in names},
        "scores": summary(run_dir, job.kind) if SUMMARY in names else None,
        "config": yaml.safe_dump(users_own(job.config), sort_keys=False, allow_unicode=True),
        **_describe_outcome(job, run_dir, names),
    }


def _describe_outcome(job: Row, run_dir: Location, names: list[str]) -> dict[str, Any]:
    """What a completed job shows: figures and charts for those who may read its metrics, and sample rows."""
    metrics = find_result(run_dir, job.kind, "metrics") if "metrics" in names else None
    table = find_result(run_dir, job.kind, "synthetic_data") if "synthetic_data" in names else None
    return {
        "overview": _read_overview(job) if metrics else None,
        "score_bars": draw_scores(summary(run_dir, job.kind)) if metrics else [],
        "distance_bars": draw_distances(read_json(metrics)) if metrics else [],
        "sample": list(_read_sample(table)) if table else [],
    }


def _read_overview(job: Row) -> RunOverview:
    """Figures of a job; none of them where it has not been completed."""
    try:
        if job.status == COMPLETED:
            return read_overview(job.run_dir)
    except ConfigError:
        # The operator purged the run.
        pass
    return RunOverview(run=job.name, place=job.run_dir)


def _read_sample(location: Location) -> Iterator[list[str]]:
    """Header and first rows of a CSV file, with long cells cut."""
    csv.field_size_limit(CELL_CHARACTERS)
    with location.filesystem.open_input_stream(location.path, compression=None) as stream:
        rows = csv.reader(io.TextIOWrapper(io.BufferedReader(stream), encoding="utf8", newline=""))
        for row in islice(rows, SAMPLE_ROWS + 1):
            yield [cell if len(cell) <= SHOWN_CHARACTERS else f"{cell[:SHOWN_CHARACTERS]}..." for cell in row]


def _flatten_settings(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings by dotted name, as text."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten_settings(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.dumps(value, ensure_ascii=False)
    return flat
