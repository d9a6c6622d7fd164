"""Where a file of ours is: a path of this machine, or an object in S3."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from indexer.errors import UsageError
from indexer.model.location import SCHEME, names_access_point


@dataclass(frozen=True, slots=True)
class S3Place:
    """An object in S3, or a folder of them; it has the words of a path that we need."""

    bucket: str
    key: str
    """Empty, or with a slash at its end, where it can only be a folder."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> S3Place:
        folder = self.key.rstrip("/")
        return S3Place(self.bucket, f"{folder}/{name}" if folder else name)

    @property
    def name(self) -> str:
        """The last part of the key; empty for what can only be a folder."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> S3Place:
        """The folder that it is in."""
        return S3Place(self.bucket, self.key.rpartition("/")[0])


Place = Path | S3Place


def parse_place(text: str | Place) -> Place:
    """The place that was typed: `s3://BUCKET/KEY`, or a path. Raises UsageError where no bucket is named."""
    if not isinstance(text, str):
        return text
    if not text.startswith(SCHEME):
        return Path(text)
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise UsageError("The place names no bucket", text, "Write s3://BUCKET/KEY.")
    return S3Place(bucket, key)


class Everywhere:
    """Every bucket: for callers that only read."""

    def __contains__(self, bucket: object) -> bool:
        return True


KeptInStep: TypeAlias = AbstractSet[str] | Everywhere
"""The buckets that no file of ours is written to: whoever writes one must say which they are.

A set, and not any container: `in` a single name would look for parts of it.
"""


def check_apart(place: Place, kept_in_step: KeptInStep, option: str = "") -> None:
    """Raise UsageError for a place in a bucket whose contents we keep in step: ours are no part of any asset.

    Behind an access point any bucket may be, such a one too.
    """
    if not isinstance(place, S3Place):
        return
    hint = f"Name a bucket of its own{f' with {option}' if option else ''}."
    if names_access_point(place.bucket):
        raise UsageError("An access point is not a bucket", str(place), hint)
    if place.bucket in kept_in_step:
        raise UsageError("The place lies in a bucket that is kept in step", str(place), hint)
