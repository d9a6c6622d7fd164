"""S3 for a tenth of boto3's CPU, where its answer is beyond doubt; all else is left to boto3.

boto3 is asked again after every fault (it retries, and says it in our words), and where an answer is not all that it
should be. Source: tests/contract.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from indexer.model.ports import PreconditionFailed
from indexer.model.snapshot import ObjectBody
from indexer.systems.http_date import http_date
from indexer.systems.s3_errors import SLOW_DOWN
from indexer.systems.s3_requests import FAILED, Answer, Asked, Requests

if TYPE_CHECKING:
    from botocore.session import Session

    from indexer.systems.s3_endpoint import Endpoint

LOGGER = logging.getLogger("indexer.s3")
FAULTS_IN_A_ROW = 8
"""After so many a bucket is boto3's for the rest of the run: another region, a certificate, an addressing style."""
LONGEST_KEY = 1024
"""Bytes that S3 takes for a key."""
BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
ONE_ZONE = "--x-s3"
"""Ends the names of buckets that want sessions."""
CODE = re.compile(rb"<Code>(\w+)</Code>")
NO_OBJECT = b"NoSuchKey"
LOST_RACE = frozenset({NO_OBJECT, b"PreconditionFailed", b"ConditionalRequestConflict"})
REFUSED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})


class LeftToBoto3Error(Exception):
    """Nothing is known: boto3 must ask, and say what is wrong. `sent`: it may have been carried out already."""

    def __init__(self, *, sent: bool = False) -> None:
        super().__init__()
        self.sent = sent


class LeanS3:
    """Asks plainly. Safe for threads."""

    def __init__(
        self, session: Session, endpoint: Endpoint | None, slowed: Callable[[], None], *, puts: bool
    ) -> None:
        """`endpoint` None: everything is left to boto3; not `puts`: those are. `slowed` is told that S3 asks for less."""
        self._requests = Requests(endpoint, session) if endpoint else None
        self._puts = puts
        self._faults: dict[str, int] = {}
        self._slowed = slowed

    def ask(self, bucket: str, key: str, asked: Asked) -> Answer:
        """S3's answer, not judged yet. Raises LeftToBoto3Error."""
        if self._requests is None or self._faults.get(bucket, 0) >= FAULTS_IN_A_ROW:
            raise LeftToBoto3Error
        if not BUCKET.fullmatch(bucket) or bucket.endswith(ONE_ZONE) or len(key) > LONGEST_KEY:
            raise LeftToBoto3Error
        LOGGER.debug("%s s3://%s/%s", asked.method, bucket, key)
        try:
            answer = self._requests.send(asked, datetime.now(UTC))
        except FAILED as exc:
            raise self.doubted(bucket) from exc
        # SlowDown is no fault of this client: boto3 would hear the same.
        if answer.status in SLOW_DOWN:
            self._slowed()
            raise LeftToBoto3Error(sent=True)
        return answer

    def doubted(self, bucket: str, *, sent: bool = True) -> LeftToBoto3Error:
        """What came is not what it should be: the error to raise, which counts. `sent`: S3 did not say a plain no."""
        self._faults[bucket] = self._faults.get(bucket, 0) + 1
        return LeftToBoto3Error(sent=sent)

    def believed(self, bucket: str) -> None:
        """What came is what it should be."""
        self._faults[bucket] = 0

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, None where S3 says that there is none. Raises LeftToBoto3Error."""
        answer = self.ask(bucket, key, Asked("GET", f"/{bucket}/{key}"))
        found = _object(answer) if answer.status == HTTPStatus.OK else None
        if found is None and not (answer.status == HTTPStatus.NOT_FOUND and _code(answer) == NO_OBJECT):
            raise self.doubted(bucket)
        self.believed(bucket)
        return found

    def time(self, bucket: str) -> datetime:
        """S3's clock, as it gives its answer about a bucket; a refusal tells it as well. Raises LeftToBoto3Error."""
        answer = self.ask(bucket, "", Asked("HEAD", f"/{bucket}"))
        at = http_date(answer.headers.get("date", ""))
        if at is None or answer.status not in (HTTPStatus.OK, HTTPStatus.FORBIDDEN):
            raise self.doubted(bucket)
        self.believed(bucket)
        return at

    def put(self, bucket: str, key: str, body: bytes, condition: tuple[str, str]) -> str | PreconditionFailed:
        """Write under a condition, a header's name and value; the new ETag. Raises LeftToBoto3Error."""
        if not self._puts:
            raise LeftToBoto3Error
        headers = {"content-type": "application/json", condition[0]: condition[1]}
        answer = self.ask(bucket, key, Asked("PUT", f"/{bucket}/{key}", headers=headers, body=body))
        etag = _etag(answer)
        if answer.status == HTTPStatus.OK and etag:
            self.believed(bucket)
            return etag
        if answer.status in REFUSED and _code(answer) in LOST_RACE:
            self.believed(bucket)
            return PreconditionFailed(unsure=False)  # sent once
        raise self.doubted(bucket, sent=not (400 <= answer.status < 500 and _code(answer)))


def _etag(answer: Answer) -> str:
    return str(answer.headers.get("etag", "")).strip('"')


def _code(answer: Answer) -> bytes:
    """What S3 calls the error; nothing where it is none of S3's."""
    found = CODE.search(answer.body)
    return found[1] if found else b""


def _object(answer: Answer) -> ObjectBody | None:
    """The object in an answer that is whole and says all that there is to say; None for any other."""
    at = http_date(answer.headers.get("last-modified", ""))
    etag, length = _etag(answer), answer.headers.get("content-length")
    if not etag or at is None or length is None or length != str(len(answer.body)):
        return None
    return ObjectBody(answer.body, etag, at)
