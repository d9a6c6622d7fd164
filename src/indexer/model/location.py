"""The join key of all three systems; it is normalised here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

SCHEME = "s3://"
ACCESS_POINT_NAME = r"^arn:|(-s3alias|--ol-s3|--op-s3|--xa-s3|\.mrap)$"
"""What names an access point, where a bucket's name may stand: its ARN, or an alias. No bucket of AWS is named so.

Source: "General purpose bucket naming rules" and "Access point aliases" in the user guide of S3.
"""
NO_FOLDER = frozenset({"", ".", ".."})
"""Path components that name no folder."""


def names_access_point(bucket: str) -> bool:
    """Is it an access point? Records are located by the bucket behind it, and nobody can tell which that is."""
    return re.search(ACCESS_POINT_NAME, bucket) is not None


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """One data asset's folder: `s3://{bucket}/{prefix}`, without a trailing slash."""

    bucket: str
    prefix: str
    """One path component, never empty, never with a slash."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def key(self, name: str) -> str:
        """The S3 key of a file of this asset, `name` being relative to its folder."""
        return f"{self.prefix}/{name}"


def parse_location(value: object) -> Location | None:
    """Read a location as any of the systems writes it; None where it is not usable.

    One trailing slash is dropped. Not usable: no string, no `s3://`, no bucket, no prefix,
    or more than one path component, or `.` or `..`, which servers and proxies resolve to another place.
    """
    if not isinstance(value, str) or not value.startswith(SCHEME):
        return None
    # One slash at most: two name another key in S3, an empty folder inside the asset.
    bucket, _, prefix = value.removeprefix(SCHEME).removesuffix("/").partition("/")
    if not bucket or prefix in NO_FOLDER or "/" in prefix:
        return None
    return Location(bucket, prefix)


def mount_location(bucket: str | None, prefix: str | None) -> Location | None:
    """The location that an external data asset mounts; None where it is not one asset's folder."""
    return parse_location(f"{SCHEME}{bucket}/{prefix}") if bucket and prefix else None


def matches_any(location: str | None, globs: Iterable[str]) -> bool:
    """Does a glob match the location's prefix, or all of it? What has no usable location only matches `*`.

    A trailing slash of a glob is dropped, as one of a location is. What is typed as it stands always matches: a folder's
    name may hold what means something in a glob.
    """
    parsed = parse_location(location)
    texts = (parsed.prefix if parsed else "", location or "")
    # With the case told apart, on every machine: S3's keys are, and `fnmatch` alone follows the machine's file system.
    wanted = [glob.removesuffix("/") or glob for glob in globs]
    return any(text == glob or fnmatchcase(text, glob) for glob in wanted for text in texts)
