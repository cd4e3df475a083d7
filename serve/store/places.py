"""Locations below the storage as URIs, and the sources of data that a request may name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyarrow import fs as pafs

from serve.errors import UnusableError
from ss_ray.location import Location
from ss_ray.tables.files import SUFFIXES

REMEDY = "upload the file (POST /v1/datasets/upload) and name it as hf://datasets/<namespace>/<repository>/<file>"


FILESET_URI = re.compile(r"([^/#:]+)/([^/#:]+)#(.+)", re.DOTALL)


def below(uri: str, path: str) -> str:
    """The URI or path of something below a folder; options of the URI ("?endpoint_override=...") stay."""
    if "://" in uri:
        place, mark, options = uri.partition("?")
    else:
        place = uri
        mark = ""
        options = ""

    return f"{place.rstrip('/')}/{path}{mark}{options}"


def uri_of(location: Location, storage: str) -> str:
    """The URI of a location inside the storage."""
    root = Location.parse(storage)
    return below(storage, location.path[len(root.path) :].lstrip("/"))


def configured_source(data_source: str, allowed: Sequence[str]) -> str:
    """The URI of a folder or file that the operator lets jobs read.

    Args:
        data_source: A path, or a URI of a bucket, as the request has it.
        allowed: Folders and bucket URIs of the settings.

    Raises:
        UnusableError: It lies in none of them, or is written in a way that could lead elsewhere.
    """
    refused = UnusableError(f"data_source is no place that jobs may read from; {REMEDY}")
    if "://" in data_source:
        parts = data_source.partition("://")[2].split("/")
    else:
        parts = data_source.split("/")

    if any(part in ("..", ".") for part in parts) or any(c in data_source for c in "?#@\\%\n\r"):
        raise refused

    for folder in allowed:
        if "://" in folder:
            root, mark, options = folder.partition("?")
            if f"{data_source}/".startswith(f"{root.rstrip('/')}/"):
                return data_source + mark + options
        elif data_source.startswith("/") and _is_inside(data_source, folder):
            return os.path.realpath(data_source)

    raise refused


def dataset_name(data_source: str, datasets: Mapping[str, Sequence[str]]) -> str | None:
    """The operator's name of the data set that a source belongs to; None where the operator named none.

    Args:
        data_source: The source as the request has it.
        datasets: Name -> places that belong to it; the innermost place decides.
    """
    source = _normalise_place(data_source)
    holding = [
        (len(folder), name)
        for name, places in datasets.items()
        for folder in map(_normalise_place, places)
        if f"{source}/".startswith(folder if folder.endswith("/") else f"{folder}/")
    ]
    if holding:
        return max(holding)[1]

    return None


def _normalise_place(place: str) -> str:
    """A place as one text: uploads without their revision and in one spelling, folders without links."""
    fileset = FILESET_URI.fullmatch(place)
    if place.startswith("hf://datasets/") or fileset:
        if fileset:
            path = "/".join(fileset.groups())
        else:
            path = place.removeprefix("hf://datasets/")

        namespace, slash, rest = path.partition("/")
        repository, _, inner = rest.partition("/")
        return f"hf://datasets/{namespace}{slash}{repository.partition('@')[0]}/{inner}".rstrip("/") or place

    if "://" in place:
        return place.partition("?")[0].rstrip("/")

    return os.path.realpath(Path(place).expanduser())


def stage_input(source: Location, target: Location) -> None:
    """Give a job a file of its own: a hard link to the content, or a copy if links are not supported.

    Raises:
        FileNotFoundError: The source is gone.
    """
    # The same content uploaded again is another file, and would look like a changed input to a job that resumes.
    if target.exists():
        return

    target.parent.make_folder()
    if isinstance(source.filesystem, pafs.LocalFileSystem):
        # A second name costs no space, and keeps the content when the upload is deleted.
        os.link(source.path, target.path)
    else:
        source.filesystem.copy_file(source.path, target.path)


def folder_bytes(folder: Location) -> int:
    """Bytes of all files of a folder and below; 0 where there is none."""
    selector = pafs.FileSelector(folder.path, recursive=True, allow_not_found=True)
    return sum(info.size for info in folder.filesystem.get_file_info(selector) if info.is_file)


def file_suffix(data_source: str) -> str:
    """Ending of a source's name, if it is a readable format; else nothing."""
    return max((suffix for suffix in SUFFIXES if data_source.lower().endswith(suffix)), key=len, default="")


def _is_inside(path: str, folder: str) -> bool:
    """Whether a path, with its links followed, lies in a folder."""
    real = os.path.realpath(path)
    root = os.path.realpath(Path(folder).expanduser())
    return os.path.commonpath([real, root]) == root
