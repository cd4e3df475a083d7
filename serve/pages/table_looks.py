"""Questions about a table before a job, for callers who may read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa

from serve.api.jobs import resolve_source
from serve.errors import ForbiddenError
from serve.sdk_config import job_config
from serve.state import State
from serve.store.auth import Identity
from serve.store.database import FILES, new_id
from serve.store.places import below, dataset_name, file_suffix, stage_input
from serve.store.repositories import DATASET_URI
from ss_ray.location import Location

Question = Literal["survey", "preview", "estimate"]


def look_at_table(
    ask: Question, source: str, config: Mapping[str, Any], state: State, identity: Identity
) -> dict[str, Any]:
    """The answer to a question about a table; see `serve.looks.process`.

    Args:
        ask: Kind of the question.
        source: Location of the table as the caller wrote it.
        config: Configuration as a request for a job has it.
        state: Parts of the service.
        identity: Caller, who has to be allowed to run jobs on the table.

    Raises:
        SsRayError: The table cannot be read, not by the caller, or the configuration is wrong.
    """
    # A place of the operator's belongs to no namespace.
    if not any(identity.may(namespace, "editor") for namespace in identity.roles):
        raise ForbiddenError("this takes the role 'editor' in some namespace")

    content = resolve_source(source, state, identity)
    asked = job_config(config, state.settings, source).config
    digest = _digest_of(source, state)
    with _readable_place(source, content, state) as place:
        return state.looker.ask(
            {
                "ask": ask,
                "config": asked,
                "data": place,
                "content": digest,
                "ledger": state.settings.ledger,
                "dataset": dataset_name(source, state.settings.datasets),
                "digests": [digest] if digest else [],
            }
        )


def _digest_of(source: str, state: State) -> str | None:
    """SHA-256 of an uploaded file; None for a place of the operator's, whose content may change."""
    match = DATASET_URI.fullmatch(source)
    if match is None:
        return None

    namespace, repository, _, path = match.groups()
    is_file = (FILES.c.namespace == namespace) & (FILES.c.repository == repository) & (FILES.c.path == path)
    with state.database.read() as db:
        digest: str | None = db.scalar(sa.select(FILES.c.sha256).where(is_file))
    return digest


@contextmanager
def _readable_place(source: str, content: str, state: State) -> Iterator[str]:
    """Path or URI by which a table can be read: content is stored by its hash, and its format follows from a name."""
    if not content.startswith(below(state.settings.storage.partition("?")[0], "objects/")):
        yield content
        return

    folder = f"looks/{new_id('look')}"
    place = below(state.settings.storage, f"{folder}/table{file_suffix(source)}")
    stage_input(Location.parse(content), Location.parse(place))
    try:
        yield place
    finally:
        Location.parse(below(state.settings.storage, folder)).remove()
