"""Files of ours in S3: plans, journals, results, before-images. Replaced whole, and only as they were seen just before.

Whoever writes them must say which buckets are kept in step: none of ours ever gets there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from indexer.errors import AccessDeniedError, IndexerError, MissingBucketError, UsageError
from indexer.model.place import KeptInStep, S3Place, check_apart
from indexer.model.ports import NO_ETAG, ObjectReader, ObjectWriter, PreconditionFailed
from indexer.model.snapshot import ObjectBody

TRIES = 3


class ContendedError(IndexerError):
    """Somebody else writes to the same file, and is always there first."""


@dataclass(frozen=True, slots=True)
class _Another:
    """Not written: this is there instead."""

    held: ObjectBody | None


class S3Files:
    """Reads and writes files at S3 places. Its methods raise IndexerError in words."""

    def __init__(self, reader: ObjectReader, writer: ObjectWriter, kept_in_step: KeptInStep) -> None:
        """`kept_in_step`: the buckets that nothing of ours is written to."""
        self._reader, self._writer, self._kept_in_step = reader, writer, kept_in_step

    def read(self, place: S3Place) -> ObjectBody | None:
        """A file, or None where there is none."""
        with _of_its_place(place):
            return self._reader.get(place.bucket, place.key)

    def held(self, place: S3Place) -> tuple[frozenset[str], tuple[str, ...]]:
        """The names of files and of folders directly in a folder."""
        folder = f"{place.key.rstrip('/')}/" if place.key else ""
        with _of_its_place(place):
            listed = self._reader.listing(place.bucket, folder)
        names = frozenset(one.key.removeprefix(folder) for one in listed.objects)
        return names, tuple(sorted(listed.folders))

    def is_seen(self, place: S3Place) -> bool:
        """Is there a file that we may know of? Where we may not look, there is none for us.

        A listing first: whoever keeps a plan in S3 may list there, and need not read what a run left beside it.
        """
        with suppress(AccessDeniedError), _of_its_place(place):
            listed = self._reader.listing(place.bucket, place.key)
            return any(one.key == place.key for one in listed.objects)
        with suppress(AccessDeniedError):
            return self.read(place) is not None
        return False

    def check_writable(self, place: S3Place) -> None:
        """Raise where `replace` could not write."""
        if not place.name:
            hint = "Write s3://BUCKET/KEY, with the name of a file at the end."
            raise UsageError("The file cannot be written", f"{place}: it names no object", hint)
        check_apart(place, self._kept_in_step)
        self.read(place)
        # On a condition that no object meets: S3 looks at the permission first, and nothing is written (decision 23).
        self._writer.put(place.bucket, place.key, b"", NO_ETAG)

    def put(self, place: S3Place, body: bytes, etag: str | None) -> str:
        """Write where the file still has this ETag (None: where there is none); returns the new one."""
        written = self._put(place, body, etag)
        if isinstance(written, _Another):
            raise _contended(place)
        return written

    def replace(self, place: S3Place, body: bytes, *, look_first: bool = True) -> None:
        """Write, whatever is there now; what holds the same bytes is left. `look_first`: False where nothing is expected."""
        check_apart(place, self._kept_in_step)  # nothing is asked of S3 then
        held = self.read(place) if look_first else None
        for _ in range(TRIES):
            written = self._put(place, body, None if held is None else held.etag)
            if not isinstance(written, _Another):
                return
            held = written.held
        raise _contended(place)

    def _put(self, place: S3Place, body: bytes, etag: str | None) -> str | _Another:
        """The new ETag; another's where somebody was there first."""
        check_apart(place, self._kept_in_step)
        with _of_its_place(place):
            answer = self._writer.put(place.bucket, place.key, body, etag)
        if not isinstance(answer, PreconditionFailed):
            return answer
        held = self.read(place)  # it may be written, the answer lost, and sent once more
        return held.etag if held is not None and held.body == body else _Another(held)


@contextmanager
def _of_its_place(place: S3Place) -> Iterator[None]:
    """A bucket that is not there is a matter of the place, not of the configuration."""
    try:
        yield
    except MissingBucketError as exc:
        hint = "Create it, or name another place; see that account and endpoint are the right ones."
        raise MissingBucketError(exc.summary, f"{place.bucket}, for {place}", hint) from exc


def _contended(place: S3Place) -> ContendedError:
    hint = "Let the other run end, or name another place for this one."
    return ContendedError("Somebody else writes to the same file", str(place), hint)


@contextmanager
def s3_files(kept_in_step: KeptInStep) -> Iterator[S3Files]:
    """Files in S3, but for buckets that are kept in step, through a connection of their own, under boto3's conventions."""
    from indexer.systems.s3 import S3Reader
    from indexer.systems.s3_connection import open_s3
    from indexer.systems.s3_writer import S3Writer

    s3 = open_s3(parallel=1)
    try:
        yield S3Files(S3Reader(s3, fast=False), S3Writer(s3), kept_in_step)
    finally:
        s3.close()
