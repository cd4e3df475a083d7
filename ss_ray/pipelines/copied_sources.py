"""Sources that are no files, copied into the private part of a run's directory while its stages read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ss_ray.addresses import is_address
from ss_ray.errors import ConfigError
from ss_ray.pipelines.stages import Job
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.stage import copy_whole
from ss_ray.tables.files import source_state


def state_of_source(data: str | Path, query: str | None) -> list[Any]:
    """State of a source by which a change of it is noticed.

    For files: names, sizes and times. For other tables: the address, the query and the version where the source keeps
    one; a database keeps none, and is not read again for a finished run.

    Raises:
        ConfigError: A query is given for files.
    """
    if is_address(data):
        connector = open_connector(str(data), query)
        return [connector.name, query, connector.version()]
    if query is not None:
        raise ConfigError("data.query is for databases: give an address such as postgresql://host/sales as the data")

    return list(source_state(data))


def bring_source(job: Job, data: str | Path) -> str | Path:
    """The path to read a source from: its own, or that of a copy that is made now.

    Args:
        job: The job that reads the source.
        data: Path, URI or address of the source.
    """
    if not is_address(data):
        return data

    folder = job.run_dir.internal / "source"
    is_read = job.run_dir.read_manifest("read") is not None and folder.exists()
    if not is_read and job.run_dir.read_manifest("split") is None:
        # A copy without the stage that read it may be half of the table, or an older one.
        job.run_dir.manifest("read").remove()
        copy_whole(open_connector(str(data), job.config.data.query), folder, job.on_progress)

    return str(folder)


def drop_copy(job: Job) -> None:
    """Remove the copy of a source whose rows are split; the typed rows stay."""
    (job.run_dir.internal / "source").remove()
