"""That a server refuses a condition which does not hold, shown on the first object that a run writes to in each bucket.

All that is promised of S3 rests on conditions, and many servers ignore some of them. Amazon's does not, and is not asked.
"""

from __future__ import annotations

from threading import Lock

from indexer.errors import SystemFaultError
from indexer.model.ports import ObjectWriter, PreconditionFailed

HINT = (
    "Nothing more is written. Try `indexer doctor --write-probe`; where others never write, "
    "`s3.trust_conditions = true` goes without."
)


class ConditionsIgnoredError(SystemFaultError):
    """The server wrote although a condition did not hold: nothing may rest on its conditions."""


class Proof:
    """Asks each bucket's server once. Safe for threads."""

    def __init__(self, writer: ObjectWriter, *, needed: bool) -> None:
        self._writer, self._needed = writer, needed
        self._lock = Lock()
        self._given: set[str] = set()

    def given(self, bucket: str) -> bool:
        """Is the bucket's server known to refuse what it must?"""
        return not self._needed or bucket in self._given

    def ask(self, bucket: str, key: str, body: bytes) -> None:
        """Put the very bytes that an object holds, on the condition that there is none. Raises ConditionsIgnoredError."""
        with self._lock:
            if self.given(bucket):
                return
            answer = self._writer.put(bucket, key, body, None)
            if not isinstance(answer, PreconditionFailed):
                detail = (
                    f"s3://{bucket}/{key} was written although it was there, and should have been refused"
                )
                raise ConditionsIgnoredError("This S3 server ignores conditions", detail, HINT)
            self._given.add(bucket)
