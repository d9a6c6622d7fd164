"""The head of an answer, read without the standard library's parser of mail, which took a fifth of a listing's CPU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from http.client import BadStatusLine, HTTPException, HTTPResponse, RemoteDisconnected
from typing import IO

STATUS = re.compile(rb"HTTP/1\.([01]) ([2-5]\d\d)(?: [^\r\n]*)?\r?\n")
MOST_BYTES = 65_536
"""Of a line, as in the standard library."""
MOST_LINES = 100
OF_THE_BODY = ("content-length", "transfer-encoding")


class LeanResponse(HTTPResponse):
    """An answer whose headers are a plain mapping. Anything odd in its head is an HTTPException."""

    head: Mapping[str, str]
    """By names in lower case."""
    _method: str

    def begin(self) -> None:
        """Read status and headers, as `HTTPResponse.begin` does. An answer without a body's length is read to the end."""
        line = self.fp.readline(MOST_BYTES)
        if not line:
            raise RemoteDisconnected("closed without an answer")
        found = STATUS.fullmatch(line)
        if found is None:  # 1xx too: nothing was sent that is answered so
            raise BadStatusLine(repr(line[:100]))
        self.version, self.status = 10 + int(found[1]), int(found[2])
        self.code, self.reason = self.status, ""
        self.head = head = headers_in(self.fp)
        self.chunked = head.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left: int | None = None
        self.length = None if self.chunked else _length(head)
        if self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED) or self._method == "HEAD":
            self.length = 0
        kept = head.get("connection", "").lower()
        closes = "close" in kept if self.version > 10 else "keep-alive" not in kept
        self.will_close = closes or (self.length is None and not self.chunked)


def headers_in(file: IO[bytes]) -> dict[str, str]:
    """Headers up to the empty line. Raises HTTPException for what is none, and for a body of two lengths.

    Of others that come twice the first one stands, as in the standard library.
    """
    found: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = file.readline(MOST_BYTES)
        if line in (b"\r\n", b"\n"):
            return found
        name, colon, value = line.decode("iso-8859-1").partition(":")
        if not colon or not line.endswith(b"\n") or name != name.strip():
            raise HTTPException("no header")
        name, value = name.lower(), value.strip()
        if found.setdefault(name, value) != value and name in OF_THE_BODY:
            raise HTTPException("two lengths")
    raise HTTPException("too many headers")


def _length(head: Mapping[str, str]) -> int | None:
    length = head.get("content-length")
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        raise HTTPException("no length")
    return int(length)
