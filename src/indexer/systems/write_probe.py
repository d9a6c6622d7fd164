"""Does a bucket obey the conditions that every write rests on? Tried on a key of its own, which is removed again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from indexer.errors import SystemFaultError
from indexer.model.check import Check, CheckName, failed
from indexer.systems.s3 import LOST_RACE, S3, UNSUPPORTED
from indexer.systems.s3_errors import code_of, faults

NAME: CheckName = "s3-conditional-writes"
PREFIX = ".indexer-doctor-"
"""No folder, so no asset; the key ends in `.json`, which is readable for the planner: `If-Match` asks for that."""
FIRST, SECOND = b'"indexer doctor: to be removed"', b'"indexer doctor: to be removed, too"'
HINT_IGNORED = (
    "Do not apply to this bucket: a write could replace what others wrote. Use a server that obeys it."
)
HINT_REFUSED = (
    "Try again: after a lost answer it looks the same. Else this server takes no conditional writes."
)
HINT_BY_HAND = "Apply as usual: core files that should go are left here, to be deleted by hand."
T = TypeVar("T")


class _UnsupportedError(Exception):
    """The server knows the condition and will not have it (501)."""


@dataclass(slots=True)
class _Probe:
    """One key, and whether anything may be there."""

    s3: S3
    bucket: str
    key: str
    there: bool = False

    def put(self, body: bytes, etag: str | None) -> str | None:
        """Write where the key has this ETag (None: nothing); the new ETag, None where the condition did not hold."""
        self.there = True
        client, bucket, key = self.s3.client, self.bucket, self.key
        if etag is None:
            return self._sent(
                "put", lambda: client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")["ETag"]
            )
        return self._sent(
            "put", lambda: client.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=etag)["ETag"]
        )

    def delete(self, etag: str) -> bool:
        """Delete where the key has this ETag; False where the condition did not hold."""
        client = self.s3.client
        answer = self._sent(
            "delete", lambda: client.delete_object(Bucket=self.bucket, Key=self.key, IfMatch=etag)
        )
        self.there = self.there and answer is None
        return answer is not None

    def clear(self) -> SystemFaultError | None:
        """Remove the key, whatever it holds; returns why it could not."""
        if self.there:
            try:
                self._sent("remove", lambda: self.s3.client.delete_object(Bucket=self.bucket, Key=self.key))
            except SystemFaultError as exc:
                return SystemFaultError("The probe is left behind", exc.detail, f"Delete it. {exc.hint}")
        return None

    def _sent(self, verb: str, send: Callable[[], T]) -> T | None:
        with faults(self.bucket, f"{verb} s3://{self.bucket}/{self.key}"):
            try:
                return send()
            except ClientError as exc:
                if code_of(exc) in LOST_RACE:
                    return None
                if code_of(exc) in UNSUPPORTED:
                    raise _UnsupportedError(verb) from exc
                raise


def write_probe(s3: S3, bucket: str) -> Check:
    """Put, put again, replace and delete, under conditions that hold and under some that do not.

    The key is removed however this ends. A versioned bucket keeps its versions, which we never may delete.
    """
    probe = _Probe(s3, bucket, f"{PREFIX}{uuid.uuid4().hex}.json")
    try:
        check = _tried(probe)
    except SystemFaultError as exc:
        check = failed(NAME, bucket, exc)
    finally:
        left_behind = probe.clear()
    return failed(NAME, bucket, left_behind) if left_behind else check


def _tried(probe: _Probe) -> Check:
    try:
        wrong, hint = _first_wrong(probe)
    except _UnsupportedError as exc:
        return _unsupported(probe.bucket, str(exc))
    if wrong:
        return Check(name=NAME, about=probe.bucket, status="error", detail=wrong, hint=hint)
    detail = "put and delete obey If-None-Match and If-Match"
    return Check(name=NAME, about=probe.bucket, status="ok", detail=detail)


def _first_wrong(probe: _Probe) -> tuple[str, str]:
    """The first step that does not come out as it must, and what to do; empty where all do."""
    first = probe.put(FIRST, None)
    if first is None:
        return "put with If-None-Match is refused on a new key", HINT_REFUSED
    if probe.put(SECOND, None) is not None:
        return "put ignores If-None-Match: it replaced what was there", HINT_IGNORED
    second = probe.put(SECOND, first)
    if second is None:
        return "put with If-Match is refused for the ETag that is there", HINT_REFUSED
    if probe.put(FIRST, first) is not None:
        return "put ignores If-Match: it replaced what had changed", HINT_IGNORED
    if probe.delete(first):
        return "delete ignores If-Match: it deleted what had changed", HINT_IGNORED
    if not probe.delete(second):
        return "delete with If-Match is refused for the ETag that is there", HINT_REFUSED
    return "", ""


def _unsupported(bucket: str, verb: str) -> Check:
    """The applier leaves files where it cannot delete under a condition; it cannot do without conditional writes."""
    if verb == "delete":
        detail = "put obeys conditions; delete knows none here"
        return Check(name=NAME, about=bucket, status="warning", detail=detail, hint=HINT_BY_HAND)
    return Check(
        name=NAME, about=bucket, status="error", detail="put knows no conditions here", hint=HINT_IGNORED
    )
