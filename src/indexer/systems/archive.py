"""Archives of before-images, each named by its sha256: a folder, or an S3 prefix."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path

from indexer.disk import DiskFolder, UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.place import S3Place, check_apart, parse_place
from indexer.model.ports import Archive, ObjectReader, ObjectWriter, PreconditionFailed
from indexer.model.values import sha256

HINT = "Make room there, or name another place with --results or --archive."
TRIES = 3


class FolderArchive:
    """Files that are on disk before the write that they stand behind. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = DiskFolder(folder)

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        name = sha256(body)
        try:
            if self.read(name) is None:  # none yet, or one that was damaged
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

    def __init__(
        self, folder: S3Place, reader: ObjectReader, writer: ObjectWriter, kept_in_step: Container[str]
    ) -> None:
        """`kept_in_step`: the buckets that no image is put into."""
        self._folder, self._reader, self._writer = folder, reader, writer
        self._kept_in_step = kept_in_step

    def keep(self, body: bytes) -> str:
        """Put one in, over one that was damaged; returns its name."""
        check_apart(self._folder, self._kept_in_step, "--archive")
        name, etag = sha256(body), None
        place = self._folder / name
        for _ in range(TRIES):
            answer = self._writer.put(place.bucket, place.key, body, etag)
            if not isinstance(answer, PreconditionFailed):
                return name
            held = self._reader.get(place.bucket, place.key)
            if held is not None and held.body == body:
                return name
            etag = None if held is None else held.etag
        raise IndexerError("The run's archive cannot be written", f"{place}: others write there", HINT)

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        place = self._folder / name
        held = self._reader.get(place.bucket, place.key)
        return held.body if held is not None and sha256(held.body) == name else None


def open_archive(
    place: str, objects: Callable[[], tuple[ObjectReader, ObjectWriter]], kept_in_step: Container[str]
) -> Archive:
    """The archive at a folder's path or an `s3://` prefix. `objects` connects to S3, where that is needed.

    `kept_in_step`: the buckets that no image is put into; who only reads gives `Everywhere`.
    """
    folder = parse_place(place)
    return (
        S3Archive(folder, *objects(), kept_in_step) if isinstance(folder, S3Place) else FolderArchive(folder)
    )
