"""Copies of whole tables, made on Ray: a large table with a key by several processes, any other by this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ss_ray.addresses import is_address
from ss_ray.cluster import available_cpus, map_items, reported_progress
from ss_ray.errors import ResourceError
from ss_ray.location import Location
from ss_ray.progress import OnProgress
from ss_ray.tables.connectors.connector import Connector, DivisibleTable, open_connector
from ss_ray.tables.connectors.copies import CopiedRows, copy_range, copy_table, finish_copy

MAX_READERS = 8
"""Processes that read a table at the same time, each with a connection; databases allow few."""
ATTEMPTS = 3


def copy_addressed(uri: str | Path, folder: Location, on_progress: OnProgress) -> str | Path:
    """The path to read a whole table from: its own, or that of a copy that is made in a folder.

    Args:
        uri: Path, URI or address of the table.
        folder: Folder of the copy.
        on_progress: Function that is told the rows copied.
    """
    if not is_address(uri):
        return uri

    copy_whole(open_connector(str(uri)), folder, on_progress)
    return folder.path


def copy_whole(connector: Connector, folder: Location, on_progress: OnProgress) -> int:
    """Copy all rows of a table to Parquet parts in a folder; the number of rows.

    The rows, their order and their parts do not depend on the number of processes.

    Args:
        connector: Connector of the table.
        folder: Folder of the copy; an older copy in it goes.
        on_progress: Function that is told the rows copied.

    Raises:
        ConfigError: There is no driver.
        ResourceError: The database does not answer, refuses the caller, or breaks a connection again and again.
        DataError: There is no such table, it has no rows, or it holds values that no table can have.
    """
    if not isinstance(connector, DivisibleTable):
        return copy_table(connector, folder, on_progress=on_progress)

    # Its libraries take time, and only databases need them.
    from ss_ray.tables.connectors.sql_ranges import divided

    with divided(connector) as ranges:
        if len(ranges) == 1:
            return copy_table(ranges[0], folder, on_progress=on_progress)
        return copy_ranges(ranges, folder, on_progress)


def copy_ranges(ranges: Sequence[Connector], folder: Location, on_progress: OnProgress) -> int:
    """Copy the ranges of a table at the same time; the number of rows.

    Args:
        ranges: Ranges in the order of their rows, two at least.
        folder: Folder of the copy; an older copy in it goes.
        on_progress: Function that is told the rows copied.
    """
    folder.remove()
    folder.make_folder()
    num_readers = min(MAX_READERS, available_cpus())
    with reported_progress(on_progress, "copy", None) as report:
        # Secrets are in the items, which Ray shows nowhere; arguments stand in its own records.
        items = list(enumerate(ranges))
        # Less than a core each: upstream tasks need room too.
        done = map_items(_range_worker, items, arguments=(folder, report), num_actors=num_readers, num_cpus=0.5)
        copied = sorted(done, key=lambda rows: rows.number)

    return finish_copy(folder, copied, ranges[0].name)


def _range_worker(folder: Location, report: Callable[[int], None]) -> Callable[[tuple[int, Connector]], CopiedRows]:
    def copy(item: tuple[int, Connector]) -> CopiedRows:
        number, connector = item
        copied = copy_patiently(connector, folder, number)
        report(copied.num_rows)
        return copied

    return copy


def copy_patiently(connector: Connector, folder: Location, number: int) -> CopiedRows:
    """Copy a range, and begin anew where the database breaks the connection.

    Args:
        connector: Connector of the range.
        folder: Folder of the copy.
        number: Number of the range in the table, from 0.

    Raises:
        ResourceError: The database broke the connection ATTEMPTS times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return copy_range(connector, folder, number)
        except ResourceError:
            # The next attempt removes the parts of this one.
            continue

    return copy_range(connector, folder, number)
