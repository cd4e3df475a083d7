"""Files and folders on any filesystem that pyarrow knows: local paths, and URIs such as s3://bucket/key."""

from __future__ import annotations

import errno
import os
import posixpath
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

from ss_ray.addresses import is_address, shown_name
from ss_ray.errors import ConfigError, ResourceError

MAX_PATH_CHARACTERS = 4096
OBJECT_STORES = frozenset({"s3", "gcs", "abfs"})
"""Filesystems (`type_name`) that show a file only when it is complete, and cannot rename one."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """A file or folder on any pyarrow filesystem.

    Attributes:
        filesystem: Filesystem of pyarrow that holds it.
        path: Without scheme; "/" separates, also on Windows.

    Example:
        >>> visits = Location.parse("/data/hospital") / "visits.csv"
        >>> str(visits), visits.name, str(visits.parent)
        ('/data/hospital/visits.csv', 'visits.csv', '/data/hospital')
        >>> visits.is_inside(Location.parse("/data"))
        True
    """

    filesystem: pafs.FileSystem
    path: str

    @classmethod
    def parse(cls, uri: str | Path) -> Location:
        """A local path, or a URI such as s3://bucket/key.

        Raises:
            ConfigError: The scheme is unknown, the URI malformed, or it is no path: the message never repeats that,
                for it may be a table.
        """
        text = _path_text(uri)
        if "://" not in text:
            return cls(filesystem=pafs.LocalFileSystem(), path=Path(text).expanduser().absolute().as_posix())

        try:
            filesystem, path = pafs.FileSystem.from_uri(text)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ConfigError(f"cannot use the location {_without_credentials(text)!r}: {_first_line(error)}") from None

        return cls(filesystem=filesystem, path=path.rstrip("/"))

    def __truediv__(self, name: str) -> Location:
        return Location(filesystem=self.filesystem, path=posixpath.join(self.path, name))

    def __str__(self) -> str:
        if isinstance(self.filesystem, pafs.LocalFileSystem):
            return self.path
        return f"{self.filesystem.type_name}://{self.path}"

    @property
    def name(self) -> str:
        """Last part of the path."""
        return posixpath.basename(self.path)

    def exists(self) -> bool:
        """Whether a file or folder is there."""
        return bool(self._file_info().type != pafs.FileType.NotFound)

    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return bool(self._file_info().type == pafs.FileType.Directory)

    def is_inside(self, folder: Location) -> bool:
        """Whether it is that folder, or lies somewhere below it."""
        return f"{self.path}/".startswith(f"{folder.path}/")

    def files(self, suffix: str = "", *, hidden: bool = False) -> tuple[Location, ...]:
        """Files of this folder and below with the suffix, hidden ones only on request, in order of their path."""
        selector = pafs.FileSelector(self.path, recursive=True, allow_not_found=True)
        infos = sorted(self.filesystem.get_file_info(selector), key=lambda info: info.path)
        return tuple(
            Location(filesystem=self.filesystem, path=info.path)
            for info in infos
            if info.is_file and info.path.endswith(suffix) and (hidden or not _is_hidden(info.path[len(self.path) :]))
        )

    def read_bytes(self) -> bytes:
        """The whole file."""
        with self.filesystem.open_input_stream(self.path) as stream:
            return bytes(stream.read())

    def read_text(self) -> str:
        """The whole file as UTF-8."""
        return self.read_bytes().decode()

    def write_text(self, text: str) -> None:
        """Create or replace the file with text in UTF-8; see `write_bytes`."""
        self.write_bytes(text.encode())

    def write_bytes(self, content: bytes) -> None:
        """Create or replace the file in one step: a reader sees the old content or the new one, never half of it."""
        # An object store shows a file only when it is complete, and renames it by copying.
        shown_complete = self.filesystem.type_name in OBJECT_STORES
        if shown_complete:
            partial = self
        else:
            partial = self.parent / f".{self.name}.partial"

        self.parent.make_folder()
        with self.filesystem.open_output_stream(partial.path) as stream:
            stream.write(content)

        if not shown_complete:
            self.filesystem.move(partial.path, self.path)

    @property
    def parent(self) -> Location:
        """The folder that holds it."""
        return Location(filesystem=self.filesystem, path=posixpath.dirname(self.path))

    def make_folder(self) -> Location:
        """Create the folder and those above it; nothing where it exists."""
        try:
            self.filesystem.create_dir(self.path, recursive=True)
        except OSError as error:
            raise ResourceError(f"cannot make the folder {self}: {os.strerror(error.errno or errno.EIO)}") from None
        return self

    def remove(self) -> None:
        """Delete the file or the folder with its contents; nothing where there is none."""
        if self.is_folder():
            self.filesystem.delete_dir(self.path)
        elif self.exists():
            self.filesystem.delete_file(self.path)

    def move_to(self, target: Location) -> None:
        """Rename a file, or a folder, within its filesystem; a folder of an object store file by file."""
        target.parent.make_folder()
        # Object stores have no folders: each file is moved by itself.
        if self.filesystem.type_name in OBJECT_STORES and self.is_folder():
            for file in self.files():
                file.move_to(Location(filesystem=self.filesystem, path=target.path + file.path[len(self.path) :]))
        else:
            self.filesystem.move(self.path, target.path)

    def _file_info(self) -> pafs.FileInfo:
        try:
            return self.filesystem.get_file_info(self.path)
        except OSError as error:
            raise ResourceError(f"cannot reach {self}: {type(error).__name__}; check address and credentials") from None


def _path_text(uri: object) -> str:
    """A path or URI as text.

    Raises:
        ConfigError: It is another object, or a text that is no path but may be what a file holds.
    """
    if not isinstance(uri, (str, os.PathLike)):
        raise ConfigError(f"expected the path or URI of a file or folder, not an object of type {type(uri).__name__}")

    text = os.fspath(uri)
    if not isinstance(text, str) or len(text) > MAX_PATH_CHARACTERS or any(character < " " for character in text):
        raise ConfigError("expected the path or URI of a file or folder, not the content of one")

    return text


def real_place(uri: str | Path) -> str:
    """Where a file or folder really is: an absolute path with its links followed, or a URI without credentials."""
    if is_address(uri):
        return shown_name(uri)

    location = Location.parse(uri)
    # Two links to one file are one place.
    is_local = isinstance(location.filesystem, pafs.LocalFileSystem)
    if is_local:
        return os.path.realpath(location.path)
    return str(location)


def base_name(uri: str | Path) -> str:
    """Last part of a path or URI, or of the address of a table."""
    if is_address(uri):
        return shown_name(uri).rpartition("/")[2]
    return Location.parse(uri).name


def _is_hidden(path: str) -> bool:
    """Whether a file, or a folder on the way to it, is marked as not being data: _SUCCESS, .ipynb_checkpoints."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _without_credentials(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    address, slash, path = rest.partition("/")
    return f"{scheme}{separator}{address.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _first_line(error: Exception) -> str:
    """What Arrow says, without the URI that it repeats."""
    return str(error).partition(": ")[0].partition("\n")[0]
