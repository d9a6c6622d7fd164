"""Bodies of S3's answers, read at once, and in time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ReadTimeoutError, ResponseStreamingError

from indexer.systems.bodies import in_time

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class SlowBodyError(BotoCoreError):
    """The deadline has passed. The client does not ask again: it would take as long."""

    fmt = "{why}"


class _Whole(io.BytesIO):
    """A body that was read, as the client takes it."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


class _WholeBodies:
    """A client's HTTP session whose answers come with their whole body."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> Any:
        """Send it. A body that broke off raises what the client takes for a passing fault, so it asks again."""
        request.stream_output = True  # else the session itself reads it, without a deadline
        answer = self._session.send(request)
        try:
            body = _read(answer.raw)
        except urllib3.exceptions.ReadTimeoutError as exc:
            raise ReadTimeoutError(endpoint_url=request.url, error=exc) from exc
        except urllib3.exceptions.HTTPError as exc:
            raise ResponseStreamingError(error=exc) from exc
        # Counted here: not every way of reading notices that a body ended early, and half a JSON file looks corrupt.
        expected = answer.headers.get("Content-Length")
        bodiless = request.method == "HEAD" or answer.status_code in BODILESS
        if not bodiless and expected is not None and expected.isdecimal() and len(body) != int(expected):
            raise ResponseStreamingError(error=f"{len(body)} of {expected} bytes came")
        answer.raw = _Whole(body)
        return answer

    def close(self) -> None:
        """Close what is open."""
        self._session.close()


def _read(raw: urllib3.HTTPResponse) -> bytes:
    try:
        body = in_time(raw.read1)
    except TimeoutError as exc:
        raw.close()
        raise SlowBodyError(why=exc) from exc
    raw.release_conn()
    return body


def read_bodies_whole(client: S3Client) -> None:
    """From now on each answer's body is read at once, and in time."""
    # botocore has no public place for it; a test would notice if this one moved (decision 32).
    endpoint = cast("Any", client)._endpoint
    endpoint.http_session = _WholeBodies(endpoint.http_session)
