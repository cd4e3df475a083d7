"""Questions about a table before a job, for callers who may read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from serve.api.jobs import resolve_source
from serve.errors import ForbiddenError
from serve.looks.tables import digest_of, readable_place
from serve.sdk_config import job_config
from serve.state import State
from serve.store.auth import Identity
from serve.store.places import dataset_name

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
    digest = digest_of(source, state)
    with readable_place(source, content, state) as place:
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
