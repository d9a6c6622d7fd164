"""Does a bucket obey the conditions that every write rests on? Tried on a key of its own, which is removed again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ClientError

from indexer.errors import SystemFaultError
from indexer.model.check import Check, CheckName
from indexer.model.values import etag_of
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3
from indexer.systems.s3_errors import code_of, s3_faults
from indexer.systems.s3_writer import LOST_RACE, UNSUPPORTED, condition_on

NAME: CheckName = "s3-conditional-writes"
PREFIX = ".indexer-doctor-"
"""No folder, so no asset; the key ends in `.json`, which is readable for the planner: `If-Match` asks for that."""
FIRST, SECOND = b'"indexer doctor: to be removed"', b'"indexer doctor: to be removed, too"'
HINT_IGNORED = (
    "Do not apply to this bucket: a write could replace what others wrote. Use a server that obeys it."
)
HINT_REFUSED = (
    "Nothing is lost by it, but `apply` cannot do its work here. Try again; else use a server that obeys it."
)
HINT_BY_HAND = "Apply as usual: core files that should go are left here, to be deleted by hand."
Came = Literal["obeyed", "ignored", "refused", "unknown", "failed"]
"""What came of a condition: ignored (a write was done that must not be), refused though it holds, not known to the server
(501), or the request failed otherwise."""
SAID: dict[Came, str] = {
    "ignored": "ignored",
    "refused": "refused although the condition holds",
    "unknown": "not known to this server (501)",
    "failed": "failed",
}
"""From the worst on."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One conditional request."""

    name: str
    body: bytes | None
    """What is put; None: a delete."""
    demanded: bytes | None
    """The content whose ETag is demanded; None: that nothing is there."""
    there: bytes | None
    """What is there before; the condition holds where it is what is demanded."""


STEPS = (
    _Step("put If-None-Match on a new key", FIRST, None, None),
    _Step("put If-None-Match over an object", SECOND, None, FIRST),
    _Step("put If-Match with its ETag", SECOND, FIRST, FIRST),
    _Step("put If-Match with an old ETag", FIRST, FIRST, SECOND),
    _Step("delete If-Match with an old ETag", None, FIRST, SECOND),
    _Step("delete If-Match with its ETag", None, SECOND, SECOND),
    _Step("put If-Match where nothing is", FIRST, SECOND, None),
    _Step(
        "put If-None-Match after a delete", FIRST, None, None
    ),  # over a delete marker where versions are kept
)
"""In an order in which each leaves what the next one needs, on a server that obeys: what is under way when a probe is
interrupted gets there too, and must find a condition that does not hold."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One step, and what came of it."""

    name: str
    came: Came
    why: str = ""


@dataclass(slots=True)
class _Probe:
    """One key, what it holds, and whether anything may be there."""

    s3: S3
    bucket: str
    key: str
    there: bool = False
    holds: bytes | None = None
    etags: dict[bytes, str] = field(default_factory=dict)

    def tried(self, step: _Step) -> Tried:
        """Send one conditional request, and look at what the key holds afterwards: an answer alone proves nothing."""
        self._make(step.there)
        try:
            known = self._sent(step)
        except SystemFaultError as exc:
            return Tried(step.name, "failed", exc.what)
        if not known:
            return Tried(step.name, "unknown")
        self._look()
        if step.demanded == step.there:
            return Tried(step.name, "obeyed" if self.holds == step.body else "refused")
        return Tried(step.name, "obeyed" if self.holds == step.there else "ignored")

    def clear(self) -> SystemFaultError | None:
        """Remove the key and what it holds by now; returns why it could not."""
        if self.there:
            try:
                self._plain(None)
            except SystemFaultError as exc:
                return SystemFaultError("The probe is left behind", exc.detail, f"Delete it. {exc.hint}")
        return None

    def _sent(self, step: _Step) -> bool:
        """Send it; False where the server does not know the condition."""
        etag = None if step.demanded is None else self.etags.get(step.demanded, etag_of(step.demanded))
        try:
            self._plain(step.body, **condition_on(etag))
        except SystemFaultError as exc:
            code = code_of(exc.__cause__) if isinstance(exc.__cause__, ClientError) else ""
            if code in UNSUPPORTED:
                return False
            if code not in LOST_RACE:
                raise
        return True

    def _make(self, body: bytes | None) -> None:
        """The key holds this; by a plain write where a step did not leave it so."""
        if self.holds != body:
            self._plain(body)
            self._look()

    def _plain(self, body: bytes | None, **condition: Any) -> None:
        """One request, under the condition or under none."""
        client: Any = self.s3.client  # its types have no room for a condition that is chosen here
        place = {"Bucket": self.bucket, "Key": self.key}
        with s3_faults(self.bucket, f"{'remove' if body is None else 'put'} s3://{self.bucket}/{self.key}"):
            if body is None:
                client.delete_object(**place, **condition)
                return
            self.there = True
            client.put_object(**place, Body=body, **condition)

    def _look(self) -> None:
        found = S3Reader(self.s3).get(self.bucket, self.key)
        self.holds, self.there = (found.body, True) if found else (None, False)
        if found:
            self.etags[found.body] = found.etag


def write_probe(s3: S3, bucket: str) -> Check:
    """All that `apply` rests on: put, put over and delete, under conditions that hold and under some that do not.

    Each step is tried, even if others failed. The key is removed however this ends. A versioned bucket keeps its
    versions, which we never may delete. Raises SystemFaultError as `probed` does.
    """
    return _judged(bucket, tuple(probed(s3, bucket)))


def probed(s3: S3, bucket: str) -> Iterator[Tried]:
    """Each step. Raises SystemFaultError where the key cannot be written at all, looked at, or removed at the end."""
    probe = _Probe(s3, bucket, f"{PREFIX}{uuid.uuid4().hex}.json")
    try:
        for step in STEPS:
            yield probe.tried(step)
    finally:
        left_behind = probe.clear()
        if left_behind:
            raise left_behind


def _judged(bucket: str, tried: Sequence[Tried]) -> Check:
    """A condition that is ignored is the worst. One on a delete that the server does not know at all can be lived with:
    the applier then leaves the file.
    """
    wrong = {came: [one for one in tried if one.came == came] for came in SAID}
    if not any(wrong.values()):
        detail = "put and delete obey If-None-Match and If-Match"
        return Check(name=NAME, about=bucket, status="ok", detail=detail)
    detail = "; ".join(f"{SAID[came]}: {_listed(ones)}" for came, ones in wrong.items() if ones)
    if wrong["ignored"]:
        return Check(name=NAME, about=bucket, status="error", detail=detail, hint=HINT_IGNORED)
    if all(
        one.came == "unknown" and one.name.startswith("delete") for ones in wrong.values() for one in ones
    ):
        return Check(name=NAME, about=bucket, status="warning", detail=detail, hint=HINT_BY_HAND)
    return Check(name=NAME, about=bucket, status="error", detail=detail, hint=HINT_REFUSED)


def _listed(tried: Sequence[Tried]) -> str:
    """The steps, and each reason once."""
    reasons = "; ".join(dict.fromkeys(one.why for one in tried if one.why))
    names = ", ".join(one.name for one in tried)
    return f"{names} ({reasons})" if reasons else names
