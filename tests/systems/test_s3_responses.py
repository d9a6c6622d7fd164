"""The head of an answer is read as the standard library reads it, or not at all."""

from __future__ import annotations

import io
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest

from indexer.systems.bodies import in_time
from indexer.systems.s3_requests import Asked, _text
from indexer.systems.s3_responses import LeanResponse

HEAD = b'HTTP/1.1 200 OK\r\nServer: AmazonS3\r\nETag: "e"\r\n'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n"


class Sock:
    """A connection on which an answer has come."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._answer))  # type: ignore[arg-type]


def read(kind: type[HTTPResponse], answer: bytes) -> tuple[Any, ...]:
    """Status, body and whether the connection stays; then the headers that we ask for."""
    sock: Any = Sock(answer)
    response = kind(sock, method="GET")
    response.begin()
    body = in_time(response.read1)
    head: Any = response.head if isinstance(response, LeanResponse) else response.headers
    return response.status, body, response.will_close, head.get("etag"), head.get("content-length")


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 4\r\n\r\nbodyand the next answer",
        HEAD + b"content-length:4\r\nConnection: close\r\n\r\nbody",
        HEAD + b"Content-Length: 4\r\n\r\nbo",
        HEAD + b"\r\nbody to the end",
        CHUNKED,
        HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 4\n\nbody",
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 4\r\n\r\nbody",
        HEAD.replace(b"1.1", b"1.0") + b"Connection: Keep-Alive\r\nContent-Length: 4\r\n\r\nbody",
        HEAD.replace(b"200 OK", b"204 No Content") + b"\r\n",
        HEAD.replace(b"200 OK", b"404") + b"Content-Length: 0\r\n\r\n",
        HEAD + b'ETag: "another"\r\nX-Empty:\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody',
    ],
)
def test_it_is_as_the_standard_library_has_it(answer: bytes) -> None:
    """Status, body, what stays open, and headers."""
    assert read(LeanResponse, answer) == read(HTTPResponse, answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n",
        b"<html>a portal</html>",
        b"HTTP/2 200\r\n\r\n",
        HEAD,
        HEAD + b"Content-Length: 4",
        HEAD + b"Content-Length: -4\r\n\r\nbody",
        HEAD + b"Content-Length: four\r\n\r\nbody",
        HEAD + b"Content-Length: 4\r\nContent-Length: 2\r\n\r\nbody",
        HEAD + b"no header\r\n\r\n",
        HEAD + b"Folded: one\r\n two\r\n\r\n",
        HEAD + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_odd_is_no_answer(answer: bytes) -> None:
    """The standard library may make something of it; boto3 is to say."""
    with pytest.raises((HTTPException, ConnectionError)):
        read(LeanResponse, answer)


@pytest.mark.parametrize("value", ["a\r\nx-amz-acl: public-read", "a\nb", "a\r"])
def test_no_header_becomes_two(value: str) -> None:
    """A token out of the environment may hold anything."""
    with pytest.raises(ValueError, match="line break"):
        _text(Asked("GET", "/bucket"), "/bucket", {"x-amz-security-token": value})
