"""The pages for a new job: choose a table, look at it, set what the job does, preview the replacement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from pydantic import ValidationError

from serve.api.jobs import JobCreate, by_id, create_in
from serve.api.paging import visible
from serve.api.uploads import Form, received_form, store_file
from serve.errors import ForbiddenError, UnusableError
from serve.pages.job_form import LABELS, NEVER_CHANGED, explain_error, fields_of, list_numbered, parse_yaml, read_form
from serve.pages.rendering import TEMPLATES, describe_seconds, render_page
from serve.pages.table_looks import look_at_table
from serve.state import Caller, Service, State
from serve.store.auth import Identity
from serve.store.database import FILES
from serve.store.job_store import Sending
from ss_ray.config.files import Parameter, parameters
from ss_ray.errors import ConfigError, SsRayError
from ss_ray.pii.entities import ENTITY_TYPES, NEMO_NAMES
from ss_ray.schema import Kind

router = APIRouter(include_in_schema=False)
SHOWN_COLUMNS = 200
"""Columns of a table whose kinds and types can be changed in the form."""
SHOWN_RULES = 60
SHOWN_SOURCES = 100
Json = TypeVar("Json", list[Any], dict[str, Any])


@router.get("/jobs/new")
def new_page(
    state: Service,
    identity: Caller,
    source: Annotated[str, Query(max_length=4096)] = "",
    namespace: Annotated[str, Query(max_length=200)] = "default",
    again: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The form: without a source only its table, with one everything else; `again` repeats a job's settings."""
    # Its models load while the table is chosen.
    state.looker.warm()
    fields = {"data_source": source, "namespace": namespace, "synthesis": "on", "replace_pii": "on"}
    if again:
        job = by_id(again, "editor", state, identity)
        fields = {
            **fields_of(job.config, job.kind),
            "data_source": source or job.spec["data_source"],
            "namespace": job.namespace,
        }

    return _render_form(state, identity, fields)


@router.post("/jobs/new")
async def new_job(request: Request, state: Service, identity: Caller) -> Response:
    """Store the chosen file, if any; then show the table, or create the job."""
    if not any(identity.may(namespace, "editor") for namespace in identity.roles):
        raise ForbiddenError("this takes the role 'editor' in some namespace")

    async with received_form(request, state.blobs, state.settings.limits.max_upload_bytes) as form:
        return await run_in_threadpool(_use_form, form, request, state, identity)


@router.post("/ui/preview")
async def preview_part(request: Request, state: Service, identity: Caller) -> Response:
    """The replacement of the first rows as the form asks for it: types, reasons, masked samples."""

    def render(fields: Mapping[str, str]) -> Response:
        if "replace_pii" not in fields:
            raise UnusableError("tick 'Replace personal data' to see what it does")

        asked = read_form(fields, fields.get("data_source", "")).spec.config
        answer = look_at_table("preview", fields["data_source"], asked, state, identity)
        return HTMLResponse(TEMPLATES.get_template("preview.html").render(answer["preview"]))

    return await _answer_part(request, state, render)


@router.post("/ui/estimate")
async def estimate_part(request: Request, state: Service, identity: Caller) -> Response:
    """The estimated time of the job that the form asks for."""

    def render(fields: Mapping[str, str]) -> Response:
        asked = read_form(fields, fields.get("data_source", "")).spec.config
        seconds = look_at_table("estimate", fields["data_source"], asked, state, identity)["seconds"]
        return PlainTextResponse(_describe_estimate(seconds))

    return await _answer_part(request, state, render)


async def _answer_part(request: Request, state: State, render: Callable[[Mapping[str, str]], Response]) -> Response:
    """A part of the page made of the form, or why there is none."""
    async with received_form(request, state.blobs, state.settings.limits.max_body_bytes) as form:
        try:
            return await run_in_threadpool(render, form.fields)
        except (SsRayError, ValidationError) as error:
            return PlainTextResponse(explain_error(error, form.fields), status_code=422)


def _use_form(form: Form, request: Request, state: State, identity: Identity) -> Response:
    fields = dict(form.fields)
    namespace = fields.get("namespace") or "default"
    try:
        source = fields.get("data_source", "").strip()
        if form.file is not None and form.filename:
            source = store_file(state, identity, {"namespace": namespace}, form)["data_source"]
            # Where the rest is wrong, the file need not be sent again.
            fields["data_source"] = source

        asked = read_form(fields, source)
        if fields.get("then") == "look":
            return _show_look(state, identity, fields)

        estimated = {"estimated_seconds": _estimate_seconds(asked, state, identity)}
        sending = Sending(arrived=request.state.arrived, key=None, resent=False)
        job = create_in(namespace, asked.model_copy(update={"custom_fields": estimated}), state, identity, sending)
    except (SsRayError, ValidationError) as error:
        return _render_form(state, identity, fields, explain_error(error, fields))

    return RedirectResponse(f"/jobs/{job.id}", status_code=303)


def _show_look(state: State, identity: Identity, fields: Mapping[str, str]) -> Response:
    """The table that was chosen, at an address of its own where nothing else was typed: it can be opened again."""
    if not set(fields) <= {"then", "data_source", "namespace", "synthesis", "replace_pii"}:
        return _render_form(state, identity, fields)

    query = urlencode({"source": fields["data_source"], "namespace": fields.get("namespace") or "default"})
    return RedirectResponse(f"/jobs/new?{query}", status_code=303)


def _estimate_seconds(asked: JobCreate, state: State, identity: Identity) -> float | None:
    """Estimated seconds of a job; None where the table cannot be looked at, which its job may still read."""
    try:
        answer = look_at_table("estimate", asked.spec.data_source, asked.spec.config, state, identity)
    except SsRayError:
        return None

    seconds: float | None = answer["seconds"]
    return seconds


def _render_form(state: State, identity: Identity, fields: Mapping[str, str], error: str = "") -> Response:
    """The form with what was typed, and what the table shows; without a table that can be read, only its choice."""
    look = None
    if fields.get("data_source"):
        try:
            look = look_at_table("survey", fields["data_source"], _read_how(fields), state, identity)
        except SsRayError as refusal:
            error = error or explain_error(refusal, fields)

    page = {
        "fields": fields,
        "error": error,
        "sources": _list_sources(state, identity),
        "folders": state.settings.data_sources,
        "described": {parameter.path: _one_line(parameter) for parameter in parameters()},
        "labels": LABELS,
    }
    status = 422 if error else 200
    if look is None:
        return render_page("new.html", identity, status, **page)
    return render_page("new_look.html", identity, status, **page, **_describe_look(look, fields, state))


def _read_how(fields: Mapping[str, str]) -> dict[str, Any]:
    """Settings of the form by which the table is read; none where its YAML cannot be read, which is told elsewhere."""
    try:
        return {"data": parse_yaml(fields.get("yaml", "")).get("data", {})}
    except ConfigError:
        return {}


def _describe_look(look: Mapping[str, Any], fields: Mapping[str, str], state: State) -> dict[str, Any]:
    survey = look["survey"]
    columns = survey["columns"][:SHOWN_COLUMNS]
    repeated = survey["repeated"]
    return {
        "look": look,
        "survey": survey,
        "columns": _list_columns(columns, fields),
        "found": json.dumps([[column["name"], column["kind"], column["entity_type"]] for column in columns]),
        "names": [column["name"] for column in survey["columns"]],
        "group": fields.get("group", (repeated or {}).get("column", "")),
        "order": fields.get("order", survey["order"] or ""),
        "rules": _list_rules(survey["constraints"], fields),
        "kinds": [kind.value for kind in Kind],
        "entities": sorted(ENTITY_TYPES),
        "never_changed": NEVER_CHANGED,
        "estimate": _describe_estimate(survey["seconds"]),
        "max_epsilon": state.settings.limits.max_epsilon,
    }


def _list_columns(columns: list[dict[str, Any]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns as found, with the values that the two fields of each have."""
    asked = _read_hidden(fields, "asked_columns", {})
    listed = []
    for number, column in enumerate(columns):
        before = asked.get(column["name"])
        before = before if isinstance(before, dict) else {}
        kind = fields.get(f"kind-{number}", before.get("kind", column["kind"]))
        entity = fields.get(f"entity-{number}", before.get("entity", column["entity_type"]))
        # Clients may write a type by NeMo's name.
        listed.append({**column, "kind_value": kind, "entity_value": NEMO_NAMES.get(entity, entity)})
    return listed


def _list_rules(suggestions: list[dict[str, Any]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rules that can be ticked: the suggested ones, and those that are asked for already."""
    asked = list(_read_hidden(fields, "asked_constraints", []))
    asked += [_read_hidden(fields, name, {}) for name in list_numbered(fields, "constraint")]
    ticked = {json.dumps(rule, sort_keys=True): "asked for before" for rule in asked}
    found = {_rule_value(suggestion["constraint"]): suggestion["reason"] for suggestion in suggestions[:SHOWN_RULES]}
    return [
        {"value": value, "reason": reason, "ticked": value in ticked} for value, reason in {**ticked, **found}.items()
    ]


def _read_hidden(fields: Mapping[str, str], name: str, otherwise: Json) -> Json:
    """JSON of a field that the page itself writes; another value of the same type where it is none, or not there."""
    try:
        value = json.loads(fields.get(name, ""))
    except ValueError:
        return otherwise
    return value if isinstance(value, type(otherwise)) else otherwise


def _rule_value(constraint: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in constraint.items() if value is not None}, sort_keys=True)


def _list_sources(state: State, identity: Identity) -> list[str]:
    """Addresses of the files that were uploaded last, and that the caller may see."""
    with state.database.read() as db:
        statement = sa.select(FILES).where(visible(FILES.c.namespace, identity))
        files = db.execute(statement.order_by(FILES.c.updated_at.desc()).limit(SHOWN_SOURCES)).all()
    return [f"hf://datasets/{file.namespace}/{file.repository}/{file.path}" for file in files]


def _describe_estimate(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    return f"about {describe_seconds(seconds)} on two cores"


def _one_line(parameter: Parameter) -> str:
    if parameter.default == "null":
        return parameter.description
    return f"{parameter.description} Default: {parameter.default}."
