"""Tables of the service as the process that looks at them can read them, and the columns that a job names in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from serve.errors import TooManyError, UnusableError
from serve.state import State
from serve.store.database import FILES, new_id
from serve.store.places import below, file_suffix, stage_input
from serve.store.repositories import DATASET_URI
from ss_ray.config.files import parse_config
from ss_ray.config.named_columns import named_columns
from ss_ray.errors import ResourceError
from ss_ray.location import Location

NAMES_SECONDS = 20.0
"""Time of a look at the header of a table, which a request for a job waits for."""


def refuse_missing_columns(config: dict[str, Any], source: str, content: str, state: State) -> None:
    """Refuse a job that names a column which its table does not have.

    A table that cannot be looked at in time is left to the job, which checks the names again.

    Args:
        config: Configuration of the job's entry point.
        source: Location of the table as the caller wrote it.
        content: URI that the job reads.
        state: Parts of the service.

    Raises:
        UnusableError: A setting names a missing column; the message has a similar name.
    """
    if next(named_columns(parse_config(config)), None) is None:
        return

    try:
        with readable_place(source, content, state) as place:
            answer = state.looker.ask({"ask": "names", "config": config, "data": place}, NAMES_SECONDS)
    except (UnusableError, TooManyError, ResourceError):
        return

    if answer["refusal"]:
        raise UnusableError(answer["refusal"])


def digest_of(source: str, state: State) -> str | None:
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
def readable_place(source: str, content: str, state: State) -> Iterator[str]:
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
