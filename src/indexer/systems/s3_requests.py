"""Signed requests of S3 over kept connections: for what a plan and an apply ask thousands of times.

Sending, signing and reading one costs a tenth of boto3's CPU. Nothing is tried again here, and nothing is explained:
everything out of the ordinary is left to boto3. Source: AWS, "Signature Version 4"; the tests compare with botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import quote
from weakref import finalize

from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.httpsession import get_cert_path

from indexer.errors import SystemFaultError
from indexer.model.values import sha256
from indexer.systems.bodies import in_time
from indexer.systems.s3_responses import LeanResponse

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from botocore.session import Session

    from indexer.systems.s3_endpoint import Endpoint

TIMEOUT_S = 15
NOTHING_SENT = sha256(b"")
SAFE = "-_.~"
PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")
"""Of which nothing but slashes needs to be escaped."""
FAILED = (OSError, HTTPException, ValueError, BotoCoreError, RuntimeError)
"""What a connection raises, or the look for credentials; ValueError for a name that no address can hold."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What S3 answered, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """By their names in lower case."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what S3 is to do, and with what."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those that every request has; in lower case."""
    body: bytes = b""


class Requests:
    """Requests to one endpoint, signed as the session is. Safe for threads."""

    def __init__(self, endpoint: Endpoint, session: Session) -> None:
        """Raises SystemFaultError where it cannot be read whom to trust."""
        self._endpoint, self._session = endpoint, session
        self._idle: deque[HTTPConnection] = deque()
        finalize(self, _close, self._idle)
        self._tls = _trusting(session) if endpoint.tls else None

    def send(self, asked: Asked, at: datetime) -> Answer:
        """Ask once; to read, on a kept connection that S3 has closed meanwhile, once more. Raises FAILED."""
        target = self._endpoint.path + quote(asked.path, safe=f"/{SAFE}")
        query = "&".join(f"{name}={_escaped(value)}" for name, value in sorted(asked.query.items()))
        headers = self._headers(asked, target, query, at)
        whole = f"{target}?{query}" if query else target
        # S3 closes what is idle for some seconds: a fault on a kept connection says nothing about S3. What writes may have
        # been carried out by then, and is not sent twice here.
        fleeting = (IndexError,) if asked.method == "PUT" else (IndexError, *FAILED)
        with suppress(*fleeting):
            return self._sent(self._idle.pop(), asked, whole, headers)
        return self._sent(self._opened(), asked, whole, headers)

    def _sent(self, connection: HTTPConnection, asked: Asked, target: str, headers: dict[str, str]) -> Answer:
        try:
            connection.send(_text(asked, target, headers) + asked.body)
            with LeanResponse(connection.sock, method=asked.method) as response:
                response.begin()
                body = in_time(response.read1)
            if response.will_close:
                connection.close()  # opens itself again
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return Answer(response.status, body, response.head)

    def _opened(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._endpoint.host, timeout=TIMEOUT_S)
        return HTTPSConnection(self._endpoint.host, timeout=TIMEOUT_S, context=self._tls)

    def _headers(self, asked: Asked, target: str, query: str, at: datetime) -> dict[str, str]:
        if not self._endpoint.signed:
            return {"host": self._endpoint.host, **asked.headers}
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return signed(self._endpoint, credentials.get_frozen_credentials(), asked, target, query, at)


def _text(asked: Asked, target: str, headers: Mapping[str, str]) -> bytes:
    """The request's head. Raises ValueError for a header that would be two."""
    lines = [f"{asked.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if asked.body or asked.method == "PUT":
        lines.append(f"content-length: {len(asked.body)}")
    text = "\r\n".join((*lines, "accept-encoding: identity", "", ""))
    if text.count("\n") != len(lines) + 2 or text.count("\r") != len(lines) + 2:
        raise ValueError("a line break in a header")
    return text.encode("iso-8859-1")


def _escaped(value: str) -> str:
    return value.replace("/", "%2F") if PLAIN.fullmatch(value) else quote(value, safe=SAFE)


def _close(connections: Iterable[HTTPConnection]) -> None:
    for one in connections:
        one.close()


def signed(
    endpoint: Endpoint, credentials: ReadOnlyCredentials, asked: Asked, path: str, query: str, at: datetime
) -> dict[str, str]:
    """The headers of a request; `path` and `query` are its own, escaped, and the query's names sorted."""
    time = at.strftime("%Y%m%dT%H%M%SZ")
    digest = sha256(asked.body) if asked.body else NOTHING_SENT
    headers = {"host": endpoint.host, "x-amz-content-sha256": digest, "x-amz-date": time, **asked.headers}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    request = f"{asked.method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
    scope = f"{time[:8]}/{endpoint.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_key(credentials.secret_key, scope), text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _key(secret: str, scope: str) -> bytes:
    """A day's, for one region."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _trusting(session: Session) -> ssl.SSLContext:
    """Trusts whom boto3 trusts: AWS_CA_BUNDLE or the profile's, or else its own. Raises SystemFaultError."""
    named = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    file = named or get_cert_path(True)
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as exc:  # ssl's are some
        hint = "Name a file of certificates in AWS_CA_BUNDLE, or unset it."
        raise SystemFaultError("S3's CA cannot be read", f"{file}: {exc.strerror}", hint) from exc
