"""Conditional writes to S3. A 412 or 409 is an answer, not an error."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from indexer.errors import SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.systems.s3 import MISSING_KEY, etag_in
from indexer.systems.s3_connection import S3
from indexer.systems.s3_errors import code_of, in_brief, s3_faults
from indexer.systems.s3_lean import LeftToBoto3Error
from indexer.systems.s3_pages import NO_ANSWER

UNSUPPORTED = frozenset({"NotImplemented", "501"})
LOST_RACE = MISSING_KEY | {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
"""A condition does not hold; where the object is gone, that on its ETag does not, either."""
T = TypeVar("T")


def quoted(etag: str) -> str:
    """As S3 wants an ETag in a condition."""
    return f'"{etag}"'


def condition_on(etag: str | None) -> dict[str, str]:
    """What a write says that is to replace the object with this ETag; None: no object at all."""
    return {"IfNoneMatch": "*"} if etag is None else {"IfMatch": quoted(etag)}


def lean_condition(etag: str | None) -> tuple[str, str]:
    """The same as a header."""
    return ("if-none-match", "*") if etag is None else ("if-match", quoted(etag))


class S3Writer:
    """Conditional writes only. `fast`: puts go through the lean client first."""

    def __init__(self, s3: S3, *, fast: bool = True) -> None:
        self._s3, self._pace = s3, s3.pace
        self._lean = s3.lean if fast else None

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write where the object still has this ETag (None: where there is none); returns the new ETag."""
        sent = False
        try:
            if self._lean is not None:
                with self._pace.request():
                    return self._lean.put(bucket, key, body, lean_condition(etag))
        except LeftToBoto3Error as exc:
            sent = exc.sent
        what = f"put s3://{bucket}/{key}"
        condition: dict[str, Any] = condition_on(etag)
        try:
            answer = self._conditional(
                lambda: self._s3.client.put_object(
                    Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition
                ),
                bucket,
                what,
            )
        except SystemFaultError as exc:
            exc.refused &= not sent  # the first try may have been carried out
            raise
        if isinstance(answer, PreconditionFailed):
            return PreconditionFailed(unsure=answer.unsure or sent)
        return etag_in(answer, what)

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that still has this ETag. Raises SystemFaultError where S3 takes no such condition."""
        what = f"delete s3://{bucket}/{key}"
        return self._conditional(lambda: self._delete(bucket, key, etag, what), bucket, what)

    def _delete(self, bucket: str, key: str, etag: str, what: str) -> None:
        try:
            answer = self._s3.client.delete_object(Bucket=bucket, Key=key, IfMatch=quoted(etag))
        except ClientError as exc:
            if code_of(exc) not in UNSUPPORTED:
                raise
            # A look and a plain delete would lose what somebody writes in between.
            hint = "Delete it by hand, or see docs/safety.md."
            raise SystemFaultError("S3 cannot delete under a condition", in_brief(what), hint) from exc
        # A portal's page comes with 200, and would pass for a deletion (decision 32).
        if answer["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NO_CONTENT:
            raise SystemFaultError("S3 did not say that it deleted", in_brief(what), NO_ANSWER)

    def _conditional(self, write: Callable[[], T], bucket: str, what: str) -> T | PreconditionFailed:
        """Send one conditional write; a condition that does not hold (or no such key) is an answer."""
        with s3_faults(bucket, what):
            try:
                with self._pace.request():
                    return write()
            except ClientError as exc:
                # Sent more than once, the refusal may be the echo of our own first try (decision 33).
                if code_of(exc) in LOST_RACE:
                    return PreconditionFailed(unsure=_retries(exc) > 0)
                raise


def _retries(exc: ClientError) -> int:
    """How often the client had sent the request before this answer."""
    return exc.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
