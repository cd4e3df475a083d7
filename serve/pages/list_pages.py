"""The web page: the list of jobs, data sets, budgets, and who is signed in; other modules have the pages of a job.

It is rendered here; a few lines of script fetch the parts that change, so it needs no build step, and works by
keyboard and mostly without script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.datastructures import QueryParams

from serve.api.jobs import list_in
from serve.api.paging import visible
from serve.errors import NotFoundError, UnauthenticatedError
from serve.pages.job_times import share_done
from serve.pages.rendering import HERE, TEMPLATES, render_page
from serve.settings import Settings
from serve.state import SESSION_COOKIE, Caller, Service, State
from serve.store.auth import Identity
from serve.store.database import FILES
from serve.store.job_store import STATUSES
from serve.store.places import dataset_name
from ss_ray.errors import PrivacyError
from ss_ray.privacy.ledger.database import DEFAULT_URL, ledger_file, ledger_url
from ss_ray.privacy.ledger.datasets import DataIdentity

router = APIRouter(include_in_schema=False)
SHOWN_FILES = 100
SORTS = {"-created_at": "newest first", "created_at": "oldest first", "name": "name", "status": "status"}
"""Orders of the list of jobs, with their words."""


@router.get("/")
def jobs_page(request: Request, state: Service, identity: Caller) -> Response:
    """All jobs."""
    return render_page("jobs.html", identity, **_describe_list(request, state, identity))


@router.get("/ui/jobs")
def jobs_part(request: Request, state: Service, identity: Caller) -> Response:
    """The table of jobs in its current state."""
    return HTMLResponse(TEMPLATES.get_template("jobs_table.html").render(**_describe_list(request, state, identity)))


@router.get("/data-sets")
def data_sets_page(state: Service, identity: Caller) -> Response:
    """Uploaded files, with the budget that is left of their data sets."""
    return render_page("data_sets.html", identity, files=_list_files(state, identity))


@router.get("/budgets")
def budgets_page(state: Service, identity: Caller) -> Response:
    """Spending of each data set's privacy budget; for callers who may view all namespaces."""
    identity.require("*", "viewer", "Budgets")
    return render_page("budgets.html", identity, balances=_list_balances(state))


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


def _describe_list(request: Request, state: State, identity: Identity) -> dict[str, Any]:
    # A form sends its empty fields, too.
    query = QueryParams([(name, value) for name, value in request.query_params.multi_items() if value])
    found = list_in(None, query, state, identity)
    kept = [(name, value) for name, value in query.multi_items() if name != "page"]
    return {
        "jobs": [{"row": job, "share": share_done(job)} for job in found.rows],
        "number": found.page.number,
        "pages": max(1, -(-found.total // found.page.size)),
        "total": found.total,
        "query": urlencode(kept),
        "asked": dict(kept),
        "statuses": STATUSES,
        "sorts": SORTS,
    }


def _list_files(state: State, identity: Identity) -> list[dict[str, Any]]:
    """Uploaded files that the caller may see, the latest first."""
    with state.database.read() as db:
        statement = sa.select(FILES).where(visible(FILES.c.namespace, identity))
        files = db.execute(statement.order_by(FILES.c.updated_at.desc()).limit(SHOWN_FILES)).all()

    listed = []
    for file in files:
        source = f"hf://datasets/{file.namespace}/{file.repository}/{file.path}"
        dataset = dataset_name(source, state.settings.datasets)
        may_run = identity.may(file.namespace, "editor")
        balances = _find_balances(state, dataset, source, file.sha256) if may_run else ()
        listed.append({"row": file, "source": source, "dataset": dataset, "may_run": may_run, "balances": balances})

    return listed


def _list_balances(state: State) -> list[Any]:
    """Balances of the ledger; empty where there is none yet."""
    ledger = _open_ledger(state)
    if ledger is None:
        return []
    return list(ledger.balances())


def _find_balances(state: State, dataset: str | None, source: str, digest: str) -> Sequence[Any]:
    """Balances of the data set that an uploaded file belongs to."""
    ledger = _open_ledger(state)
    if ledger is None:
        return ()

    try:
        return ledger.balances_of(DataIdentity(name=dataset, place=source, digests=(digest,)))
    except PrivacyError:
        # The refusal of a job explains which data sets contradict each other.
        return ()


def _open_ledger(state: State) -> Any:
    """The ledger; None where there is none yet."""
    url = state.settings.ledger or DEFAULT_URL
    file = ledger_file(ledger_url(url))
    if file is not None and not file.exists():
        return None

    # Imports dp-accounting: seconds.
    from ss_ray.privacy.ledger.ledger import Ledger

    return Ledger(url)
