"""The web page: jobs and their progress, a form for new jobs, scores, reports, budgets.

It is rendered here; a few lines of script fetch the parts that change, so it needs no build step, and works by
keyboard and mostly without script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import jinja2
import sqlalchemy as sa
import yaml
from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from pydantic import ValidationError

from serve.api.jobs import JobCreate, by_id, cancel_found, create_in, delete_found, list_in, names_of
from serve.api.paging import visible
from serve.api.results import RESULTS, summary
from serve.api.uploads import received_form, store_file
from serve.bodies import MAX_DEPTH
from serve.errors import ForbiddenError, NotFoundError, UnauthenticatedError, UnusableError
from serve.settings import Settings
from serve.state import SESSION_COOKIE, Caller, Service, State
from serve.store.auth import Identity
from serve.store.database import FILES
from serve.store.job_logs import LAST, read_logs
from serve.store.job_store import TERMINAL, Row, Sending
from ss_ray.config.files import Parameter, parameters, parse_config
from ss_ray.errors import ConfigError, SsRayError
from ss_ray.location import Location

router = APIRouter(include_in_schema=False)
HERE = Path(__file__).parent
SHOWN_LINES = 400
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
REFRESHED = "x-finished"
"""Header of a part of a page that will not change any more."""


@router.get("/")
def jobs_page(request: Request, state: Service, identity: Caller) -> Response:
    """All jobs."""
    return _render_page("jobs.html", identity, **_list_jobs(request, state, identity))


@router.get("/ui/jobs")
def jobs_part(request: Request, state: Service, identity: Caller) -> Response:
    """The table of jobs in its current state."""
    return HTMLResponse(TEMPLATES.get_template("jobs_table.html").render(**_list_jobs(request, state, identity)))


@router.get("/jobs/new")
def new_page(state: Service, identity: Caller) -> Response:
    """The form for a new job."""
    return _new_page(state, identity, {}, "")


@router.post("/jobs/new")
async def new_job(request: Request, state: Service, identity: Caller) -> Response:
    """Store the chosen file, if any, and create the job."""
    if not any(identity.may(namespace, "editor") for namespace in identity.roles):
        raise ForbiddenError("this takes the role 'editor' in some namespace")

    async with received_form(request, state.blobs, state.settings.limits.max_upload_bytes) as form:

        def create() -> Response:
            fields = dict(form.fields)
            try:
                source = fields.get("data_source", "").strip()
                if form.file is not None and form.filename:
                    target = {"namespace": fields.get("namespace", "default")}
                    source = store_file(state, identity, target, form)["data_source"]
                    # Where the rest is wrong, the file need not be sent again.
                    fields["data_source"] = source

                sending = Sending(arrived=request.state.arrived, key=None, resent=False)
                namespace = fields.get("namespace") or "default"
                job = create_in(namespace, _read_form(fields, source), state, identity, sending)
            except (SsRayError, ValidationError) as error:
                return _new_page(state, identity, fields, _in_words(error), status=422)

            return RedirectResponse(f"/jobs/{job.id}", status_code=303)

        return await run_in_threadpool(create)


@router.get("/jobs/{job_id}")
def job_page(job_id: str, state: Service, identity: Caller) -> Response:
    """A job."""
    job = by_id(job_id, "viewer", state, identity)
    return _render_page("job.html", identity, **_describe_job(job, state, identity))


@router.get("/ui/jobs/{job_id}")
def job_part(job_id: str, state: Service, identity: Caller) -> Response:
    """The parts of a job's page that change."""
    job = by_id(job_id, "viewer", state, identity)
    if job.status in TERMINAL:
        headers = {REFRESHED: "1"}
    else:
        headers = {}

    return HTMLResponse(
        TEMPLATES.get_template("job_live.html").render(**_describe_job(job, state, identity)), headers=headers
    )


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


@router.get("/budgets")
def budgets_page(state: Service, identity: Caller) -> Response:
    """Spending of each data set's privacy budget; for callers who may view all namespaces."""
    identity.require("*", "viewer", "Budgets")
    return _render_page("budgets.html", identity, balances=_list_balances(state))


@router.get("/sign-in")
def sign_in_page() -> Response:
    """The form for a key."""
    return HTMLResponse(TEMPLATES.get_template("sign_in.html").render(error="", identity=None))


@router.post("/sign-in")
def sign_in(state: Service, key: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Open a session with an API key."""
    try:
        session = state.authentication.open_session(key.strip())
    except UnauthenticatedError as error:
        page = TEMPLATES.get_template("sign_in.html").render(error=str(error), identity=None)
        return HTMLResponse(page, status_code=401)

    return signed_in(session, "/", state.settings)


def signed_in(session: str, path: str, settings: Settings) -> Response:
    """Sends a browser to a path with a session; where the service has an HTTPS URL, that is never sent without TLS."""
    answer = RedirectResponse(path, status_code=303)
    secure = (settings.public_url or "").startswith("https://")
    answer.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@router.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Style and script."""
    file = HERE / "static" / name
    if name not in ("page.css", "page.js"):
        raise NotFoundError(f"{name} not found")
    return FileResponse(file, headers={"cache-control": "max-age=3600"})


def to_sign_in() -> Response:
    """Redirection of a caller who has to sign in."""
    return RedirectResponse("/sign-in", status_code=303)


def error_page(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error for people."""
    page = TEMPLATES.get_template("error.html").render(message=message, identity=None)
    return HTMLResponse(page, status_code=status, headers=headers)


def _render_page(template: str, identity: Identity, **values: Any) -> Response:
    return HTMLResponse(TEMPLATES.get_template(template).render(identity=identity, **values))


def _list_jobs(request: Request, state: State, identity: Identity) -> dict[str, Any]:
    found = list_in(None, request, state, identity)
    pages = max(1, -(-found.total // found.page.size))
    return {
        "jobs": [{"row": job, "share": _share_done(job)} for job in found.rows],
        "number": found.page.number,
        "pages": pages,
        "total": found.total,
    }


def _describe_job(job: Row, state: State, identity: Identity) -> dict[str, Any]:
    page = read_logs(state.database, job.id, SHOWN_LINES, LAST)
    names = names_of(job, identity)
    return {
        "job": job,
        "share": _share_done(job),
        "over": job.status in TERMINAL,
        "lines": page.lines,
        "total_lines": page.total,
        "results": {name: RESULTS[name].file for name in names},
        "scores": summary(Location.parse(job.run_dir), job.kind) if "summary" in names else None,
        "config": yaml.safe_dump(_users_own(job.config), sort_keys=False, allow_unicode=True),
    }


def _users_own(config: dict[str, Any]) -> dict[str, Any]:
    """A job's configuration without the operator's settings (places and addresses), which users need not know."""
    shown = {name: value for name, value in config.items() if name not in ("audit_log", "resources", "notes")}
    if isinstance(shown.get("privacy"), dict):
        shown["privacy"] = {name: value for name, value in shown["privacy"].items() if name != "ledger"}
    return shown


def _share_done(job: Row) -> float:
    """Share of a job that is done, in [0, 1]; all steps count the same."""
    done = [
        1.0 if step["status"] == "completed" else float(step.get("details", {}).get("progress", 0.0))
        for step in job.steps
    ]
    if done:
        return sum(done) / len(done)

    return 0.0


def _new_page(state: State, identity: Identity, fields: dict[str, str], error: str, status: int = 200) -> Response:
    with state.database.read() as db:
        statement = sa.select(FILES).where(visible(FILES.c.namespace, identity))
        files = db.execute(statement.order_by(FILES.c.updated_at.desc()).limit(100)).all()

    page = TEMPLATES.get_template("new.html").render(
        identity=identity,
        fields=fields,
        error=error,
        sources=[f"hf://datasets/{file.namespace}/{file.repository}/{file.path}" for file in files],
        folders=state.settings.data_sources,
        described={parameter.path: _one_line(parameter) for parameter in parameters()},
    )
    return HTMLResponse(page, status_code=status)


def _one_line(parameter: Parameter) -> str:
    if parameter.default == "null":
        return parameter.description
    return f"{parameter.description} Default: {parameter.default}."


def _read_form(fields: dict[str, str], source: str) -> JobCreate:
    """The job that a form asks for.

    Raises:
        ConfigError: Its YAML cannot be read.
        UnusableError: There is no source.
    """
    if not source:
        raise UnusableError("choose a file, or a data set that is there already")

    config = _parse_yaml(fields.get("yaml", ""))
    for path, value in _form_parameters(fields).items():
        section, _, name = path.partition(".")
        if name:
            config.setdefault(section, {}).setdefault(name, value)
        else:
            config[section] = value

    return JobCreate.model_validate(
        {"spec": {"data_source": source, "config": config}, "name": fields.get("name", "").strip() or None}
    )


def _parse_yaml(text: str) -> dict[str, Any]:
    """The form's YAML, with nothing in it that a request in JSON could not hold.

    Raises:
        ConfigError: It is none, or names what there is not.
    """
    try:
        _check_events(text)
        config = json.loads(json.dumps(yaml.safe_load(text))) or {}
    except TypeError:
        raise ConfigError("the advanced settings hold texts, numbers, lists, mappings; put dates in quotes") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"the advanced settings are not valid YAML{_error_line(error)}") from None
    except ValueError as error:
        raise (
            error if isinstance(error, SsRayError) else ConfigError("the advanced settings hold a wrong value")
        ) from None

    if not isinstance(config, dict) or not all(isinstance(v, dict) for k, v in config.items() if k in SECTIONS):
        raise ConfigError("the advanced settings must be a mapping of sections, e.g. 'training:'")

    # Who writes by hand is told of names that are none.
    parse_config(config)
    return config


def _check_events(text: str) -> None:
    """Refuse YAML whose reading takes more than its length.

    Raises:
        ConfigError: Parts of it stand for others, which can fill the memory, or lie deep in each other.
        YAMLError: It is none.
    """
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            raise ConfigError("the advanced settings may not use anchors (&, *), nor be nested deeply")


def _error_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f", line {mark.line + 1}"
    return ""


SECTIONS = ("data", "training", "generation", "evaluation", "privacy")


def _form_parameters(fields: dict[str, str]) -> dict[str, Any]:
    """Parameters from the form's own fields."""
    given: dict[str, Any] = {
        "enable_synthesis": "synthesis" in fields,
        "enable_replace_pii": "replace_pii" in fields,
    }
    names = {
        "rows": "generation.num_records",
        "group": "data.group_training_examples_by",
        "order": "data.order_training_examples_by",
        "target": "evaluation.target",
    }
    given |= {path: fields[name].strip() for name, path in names.items() if fields.get(name, "").strip()}
    if "private" in fields:
        given |= {"privacy.dp_enabled": True}
        given |= {"privacy.epsilon": fields["epsilon"].strip()} if fields.get("epsilon", "").strip() else {}

    return given


def _in_words(error: SsRayError | ValidationError) -> str:
    if isinstance(error, SsRayError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())


def _list_balances(state: State) -> list[Any]:
    """Balances of the ledger; empty where there is none yet."""
    from ss_ray.privacy.ledger.database import DEFAULT_URL, ledger_file, ledger_url

    # Imports dp-accounting: seconds.
    from ss_ray.privacy.ledger.ledger import Ledger

    url = state.settings.ledger or DEFAULT_URL
    file = ledger_file(ledger_url(url))
    if file is not None and not file.exists():
        return []

    return list(Ledger(url).balances())
