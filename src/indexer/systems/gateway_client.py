"""DocDB's HTTP gateway: questions to it, politely, and its faults in our words. Nothing is signed, and nothing is written.

Its routes are those of the public client, `aind-data-access-api` 1.10.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProxyError as ProxyFault
from urllib3.exceptions import SSLError as TLSFault
from urllib3.util import Timeout, make_headers

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError, UsageError
from indexer.masking import hide, said
from indexer.model.generation import GenerationName
from indexer.systems.bodies import in_time

AT_ONCE = 4
"""Requests in flight: everybody shares the gateway."""
AGENT = "data-asset-indexer"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 45.0
"""API Gateway gives its integration 29 seconds."""
DEADLINE_S = 60.0
"""A question is asked again until then."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
"""Between two tries; a Retry-After is followed as far as the second."""
LARGEST_BODY = 32 << 20
"""Bytes, unpacked. API Gateway lets ten megabytes pass: what is larger is not its answer."""
LONGEST_URL = 8_000
"""Bytes that every proxy takes."""
PASSING = frozenset({429, 502, 503, 504})
MAX_SAID = 200
UNREACHED = (ConnectTimeoutError, NewConnectionError, ProxyFault, TLSFault)
"""Nobody was asked: asking again would only make people wait."""
HINT = "Check `docdb.url`, the network and HTTPS_PROXY: `indexer doctor`."
HINT_ANSWER = "Is that the gateway's address (`docdb.url`), or is there a proxy or a portal in between? `indexer doctor`"
HINT_LATER = "Try again later, or ask for less: --asset, --lookback-days."


class TooLargeError(SystemFaultError):
    """The answer is over the gateway's limit, or the question is: ask for less."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came, and when, by the other side's clock."""

    value: Any
    date: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """Open connections to a gateway, and under which path it has each generation. Safe for threads."""

    url: str
    """Without a trailing slash."""
    pool: urllib3.PoolManager
    routes: Mapping[GenerationName, str]
    pause: Callable[[float], None] = time.sleep
    patience_s: float = DEADLINE_S
    """So long a question is asked again."""

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    def address(self, generation: GenerationName, operation: str, query: Mapping[str, Any]) -> str:
        """The URL of a question; what is no number goes as JSON."""
        asked = {
            name: str(value) if isinstance(value, int) else json.dumps(value, separators=(",", ":"))
            for name, value in query.items()
        }
        path = "/".join(quote(part, safe="") for part in self.routes[generation].split("/"))
        return f"{self.url}/{path}/{operation}?{urlencode(asked, quote_via=quote, safe='')}"

    def ask(
        self, generation: GenerationName, operation: str, query: Mapping[str, Any], what: str
    ) -> Answered:
        """Ask until it is answered or the deadline is over; `what` tells people. Raises SystemFaultError, TooLargeError."""
        url = self.address(generation, operation, query)
        if len(url) > LONGEST_URL:
            raise TooLargeError("A question to DocDB's gateway is too long", what, HINT_ANSWER)
        started, waited_s, pause_s = time.monotonic(), 0.0, FIRST_PAUSE_S
        while True:
            try:
                return self._asked(url, what)
            except _PassingError as exc:
                wait_s = min(max(exc.retry_after_s, random.uniform(pause_s / 2, pause_s)), LONGEST_PAUSE_S)  # noqa: S311
                waited_s += wait_s
                if exc.hopeless or max(waited_s, time.monotonic() - started) > self.patience_s:
                    detail = f"{what} at {self.host}: {exc}"
                    raise OutageError(exc.summary, detail, exc.hint) from exc
            self.pause(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _asked(self, url: str, what: str) -> Answered:
        try:
            asked = self.pool.request("GET", url, preload_content=False, redirect=False, retries=False)
        except UNREACHED as exc:
            raise _PassingError("DocDB's gateway cannot be reached", _words(exc), hopeless=True) from exc
        except HTTPError as exc:
            raise _broke_off(exc) from exc
        response = cast("urllib3.HTTPResponse", asked)
        try:
            body = _whole(response)
        except HTTPError as exc:
            raise _broke_off(exc) from exc
        except TimeoutError as exc:
            raise OutageError("DocDB's gateway is too slow", f"{what}: {exc}", HINT_LATER) from exc
        except OverflowError as exc:
            raise no_answer(f"{what}: {exc}") from exc
        return self._judged(response, body, f"{what} at {self.host}")

    def _judged(self, response: urllib3.BaseHTTPResponse, body: bytes, detail: str) -> Answered:
        """The answer, where it is one. Raises what it is otherwise."""
        status = response.status
        words = f"{status} {said(' '.join(body[:400].decode('utf-8', 'replace').split()), MAX_SAID)}"
        if status in PASSING:
            later = _seconds(response.headers.get("Retry-After"))
            raise _PassingError("DocDB's gateway asks for patience", words, later, hint=HINT_LATER)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLargeError("An answer of DocDB's gateway is over its limit", detail, HINT_LATER)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            hint = "It is asked without a signature: check `docdb.url`, and the databases in [docdb.v1] and [docdb.v2]."
            raise AccessDeniedError("DocDB's gateway denies access", f"{detail}: {words}", hint)
        if status != HTTPStatus.OK:
            raise SystemFaultError(
                "DocDB's gateway answered with an error", f"{detail}: {words}", HINT_ANSWER
            )
        try:
            return Answered(json.loads(body), response.headers.get("Date", ""))
        except (ValueError, RecursionError) as exc:
            raise no_answer(f"{detail}: {words}") from exc


def no_answer(detail: str) -> SystemFaultError:
    """It came with 200, and is not what the gateway answers."""
    return SystemFaultError("DocDB's gateway's answer cannot be read", detail, HINT_ANSWER)


class _PassingError(Exception):
    """What may be better in a moment; `hopeless`: not within a run's patience."""

    def __init__(
        self,
        summary: str,
        words: str,
        retry_after_s: float = 0.0,
        *,
        hopeless: bool = False,
        hint: str = HINT,
    ) -> None:
        super().__init__(words)
        self.summary, self.retry_after_s, self.hopeless, self.hint = summary, retry_after_s, hopeless, hint


def _broke_off(exc: HTTPError) -> _PassingError:
    # A timeout has taken its time already; twice that would only make people wait.
    slow = isinstance(exc, ReadTimeoutError)
    return _PassingError("DocDB's gateway does not answer to the end", _words(exc), hopeless=slow)


def _words(exc: Exception) -> str:
    return said(f"{type(exc).__name__}: {exc}", MAX_SAID)


def _seconds(header: str | None) -> float:
    """A Retry-After in seconds; a date in it is not followed."""
    return float(header) if header is not None and header.isdecimal() else 0.0


def _whole(response: urllib3.HTTPResponse) -> bytes:
    """The body, in time. Raises HTTPError where it broke off, OverflowError where it has no end."""
    size = 0

    def read1(amount: int) -> bytes:
        nonlocal size
        part = response.read1(amount, decode_content=True)
        size += len(part)
        if size > LARGEST_BODY:
            raise OverflowError(f"over {LARGEST_BODY >> 20} MB")
        return part

    try:
        return in_time(read1)
    except BaseException:
        response.close()  # what is left is not waited for
        response.release_conn()  # the next request may wait for this one's place
        raise


def open_gateway(
    url: str,
    ca_file: str | None,
    routes: Mapping[GenerationName, str],
    parallel: int | None = None,
    *,
    version: str = "",
) -> Gateway:
    """Connections to a gateway, opened as they are needed. Raises UsageError for settings that cannot be used.

    `parallel`: fewer requests at a time than are polite anyway. `version`: ours, for whoever looks into the gateway's log.
    """
    options: dict[str, Any] = {
        "num_pools": 2,
        "maxsize": min(AT_ONCE, parallel or AT_ONCE),
        "block": True,  # more would be opened beside those
        "timeout": Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        "headers": {
            "User-Agent": f"{AGENT}/{version}" if version else AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    }
    if ca_file is not None:
        if not os.access(ca_file, os.R_OK):
            detail = f"{ca_file} cannot be read"
            raise UsageError("The DocDB connection is set up wrongly", detail, "Correct `docdb.tls_ca_file`.")
        options["ca_certs"] = ca_file
    return Gateway(url.rstrip("/"), _manager(url, options), routes)


def _manager(url: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
    """Through the environment's proxy, where there is one for this URL."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return urllib3.PoolManager(**options)
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    account, headers = urlsplit(proxy), None
    if account.username:
        login = f"{account.username}:{account.password or ''}"
        hide(login)
        headers = make_headers(proxy_basic_auth=login)
    connect = partial(urllib3.ProxyManager, proxy, proxy_headers=headers)
    try:
        return connect(**options)
    except (LocationValueError, ValueError) as exc:
        raise UsageError("The proxy cannot be used", _words(exc), "Check HTTPS_PROXY and NO_PROXY.") from exc
