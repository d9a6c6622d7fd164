"""Archives of before-images, each named by its sha256: a folder, or an S3 prefix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from indexer.disk import DiskFolder, UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.place import KeptInStep, S3Place, parse_place
from indexer.model.ports import Archive, ObjectReader, ObjectWriter
from indexer.model.values import sha256
from indexer.systems.s3_files import ContendedError, S3Files

HINT = "Make room there, or name another place with --results or --archive."


class FolderArchive:
    """Files that are on disk before the write that they stand behind. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = DiskFolder(folder)

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        name = sha256(body)
        try:
            # One that is there may be damaged, half written, or not on disk yet: whoever wrote it may be at it still.
            if not self._folder.add(name, body):
                self._folder.write(name, body)
        except OSError as exc:
            detail = f"{self._folder}: {name}: {exc.strerror}"
            kind = RefusedError if isinstance(exc, UnsafeFileError) else IndexerError
            raise kind("The run's archive cannot be written", detail, HINT) from exc
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        try:
            body = self._folder.read(name)
        except OSError:
            return None
        return body if body is not None and sha256(body) == name else None


class S3Archive:
    """Objects under a prefix of a bucket that is neither managed nor holds results."""

    def __init__(self, folder: S3Place, files: S3Files) -> None:
        self._folder, self._files = folder, files

    def keep(self, body: bytes) -> str:
        """Put one in, over one that was damaged; returns its name."""
        name = sha256(body)
        place = self._folder / name
        try:
            self._files.replace(place, body, look_first=False)
        except ContendedError as exc:
            detail = f"{place}: others write there"
            raise IndexerError("The run's archive cannot be written", detail, HINT) from exc
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        held = self._files.read(self._folder / name)
        return held.body if held is not None and sha256(held.body) == name else None


def open_archive(
    place: str, objects: Callable[[], tuple[ObjectReader, ObjectWriter]], kept_in_step: KeptInStep
) -> Archive:
    """The archive at a folder's path or an `s3://` prefix. `objects` connects to S3, where that is needed.

    `kept_in_step`: the buckets that no image is put into; who only reads gives `Everywhere`.
    """
    folder = parse_place(place)
    if isinstance(folder, S3Place):
        return S3Archive(folder, S3Files(*objects(), kept_in_step))
    return FolderArchive(folder)
