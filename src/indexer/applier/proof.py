"""That a server refuses a condition which does not hold, shown where a run first rests on it, in each bucket.

All that is promised of S3 rests on conditions, and many servers ignore some of them. Amazon's does not, and is not asked.

| condition | rests on it          | is shown                                                                       |
|-----------|----------------------|--------------------------------------------------------------------------------|
| create    | a file that is new   | behind its write: its own bytes are put where there must be none               |
| replace   | a file over another  | before its write: the bytes that are there are put where no such ETag can be   |
| delete    | a file's deletion    | before it: what no ETag can name is to be deleted                              |

So a server that ignores one has done no more than what was to be done, or what was done already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Literal

from indexer.errors import SystemFaultError
from indexer.model.ports import NO_ETAG, ObjectWriter, PreconditionFailed

Condition = Literal["create", "replace", "delete"]
HINT = (
    "Nothing more is written. Try `indexer doctor --write-probe`; where others never write, "
    "`s3.trust_conditions = true` goes without."
)


class ConditionsIgnoredError(SystemFaultError):
    """The server wrote although a condition did not hold: nothing may rest on its conditions."""


class Proof:
    """Asks each bucket's server once for each condition. Safe for threads."""

    def __init__(self, writer: ObjectWriter, *, needed: bool) -> None:
        self._writer, self._needed = writer, needed
        self._lock = RLock()
        self._given: set[tuple[str, Condition]] = set()
        self._ignored = ""

    def given(self, bucket: str, condition: Condition) -> bool:
        """Is the bucket's server known to refuse what it must?"""
        return not self._needed or (bucket, condition) in self._given

    @contextmanager
    def alone(self, bucket: str, condition: Condition) -> Iterator[None]:
        """Until it is, one write at a time; none after one that was not refused. Raises ConditionsIgnoredError."""
        if self.given(bucket, condition):
            yield
            return
        with self._lock:
            self._raise_ignored()
            yield

    def ask(self, bucket: str, condition: Condition, key: str, body: bytes) -> None:
        """Write on a condition that does not hold; `body` is what the key holds. Raises ConditionsIgnoredError."""
        # Before the lock, too: whoever shows another condition may hold it for as long as S3 takes to answer.
        if self.given(bucket, condition):
            return
        with self._lock:
            if self.given(bucket, condition):
                return
            # Under the lock: until the server has shown it, no other write may rest on this condition.
            match condition:
                case "create":
                    answer: object = self._writer.put(bucket, key, body, None)
                case "replace":
                    answer = self._writer.put(bucket, key, body, NO_ETAG)
                case "delete":
                    answer = self._writer.delete(bucket, key, NO_ETAG)
            if not isinstance(answer, PreconditionFailed):
                self._ignored = f"s3://{bucket}/{key}: a {condition} went through that it should have refused"
            self._raise_ignored()
            self._given.add((bucket, condition))

    def _raise_ignored(self) -> None:
        if self._ignored:
            raise ConditionsIgnoredError("This S3 server ignores conditions", self._ignored, HINT)
