"""Archives of before-images, each named by its sha256: a folder, or an S3 prefix."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from indexer.errors import IndexerError
from indexer.model.place import S3Place, parse_place
from indexer.model.ports import Archive, ObjectReader, ObjectWriter
from indexer.model.values import sha256


class FolderArchive:
    """Files that are on disk before the write that they stand behind. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        name = sha256(body)
        path = self._folder / name
        temporary = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            if not path.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
        except OSError as exc:
            hint = "Make room there, or name another folder with --results."
            raise IndexerError(
                "The run's archive cannot be written", f"{path}: {exc.strerror}", hint
            ) from exc
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        try:
            body = (self._folder / name).read_bytes()
        except OSError:
            return None
        return body if sha256(body) == name else None


class S3Archive:
    """Objects under a prefix of a bucket that is neither managed nor holds results."""

    def __init__(self, folder: S3Place, reader: ObjectReader, writer: ObjectWriter) -> None:
        self._folder, self._reader, self._writer = folder, reader, writer

    def keep(self, body: bytes) -> str:
        """Put one in; one that is there already has these bytes, since its name is their digest."""
        name = sha256(body)
        place = self._folder / name
        self._writer.put(place.bucket, place.key, body, None)
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        place = self._folder / name
        held = self._reader.get(place.bucket, place.key)
        return held.body if held is not None and sha256(held.body) == name else None


def open_archive(place: str, objects: Callable[[], tuple[ObjectReader, ObjectWriter]]) -> Archive:
    """The archive at a folder's path or an `s3://` prefix. `objects` connects to S3, where that is needed."""
    folder = parse_place(place)
    return S3Archive(folder, *objects()) if isinstance(folder, S3Place) else FolderArchive(folder)
