"""The Code Ocean SDK with the retries, the timeouts and the deadline that it lacks, and its errors in our words."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import requests
from codeocean import CodeOcean
from codeocean.error import Error
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError
from indexer.masking import said
from indexer.systems.bodies import in_time

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
"""Without a byte."""
MAX_SAID = 200
"""Characters of what a server said."""
RETRIES = 7
"""With waits of up to 0.3, 0.6, 1.2 … 20 seconds in between, or what Retry-After says."""
RETRY_AFTER_MAX_S = 60
"""A Retry-After beyond it is cut short: a wrong one must not stop a run for hours."""
PASSING = (429, 500, 502, 503, 504)
REFUSED = (429,)
"""The only answer that says for certain that a creation was not carried out, and may be sent again."""
CREATE_PATH = "/api/v1/data_assets"
SEARCH_PATH = f"{CREATE_PATH}/search"


class _Retry(Retry):
    """Leaves the body of an answer that is not taken unread: urllib3 would read it, however long that takes."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        *others: Any,
        **named: Any,
    ) -> Self:
        """As urllib3's; the last answer of all stays to be read."""
        left = super().increment(method, url, response, *others, **named)
        if response is not None:
            response.close()
        return left


class _Adapter(HTTPAdapter):
    """Every request has a timeout, and a body its deadline; the given methods are sent again after a passing fault.

    `refused`: only after an answer that says that nothing was done.
    """

    def __init__(self, *methods: str, retries: int, refused: bool = False) -> None:
        super().__init__(
            max_retries=_Retry(
                total=retries,
                read=False if refused else None,
                backoff_factor=0.3,
                backoff_jitter=0.3,
                backoff_max=20,
                status_forcelist=REFUSED if refused else PASSING,
                allowed_methods=frozenset(methods),
                respect_retry_after_header=True,
                retry_after_max=RETRY_AFTER_MAX_S,
                raise_on_status=False,
            )
        )

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests' own, with our timeout if none is given, and with the whole body."""
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        response = super().send(request, *args, **kwargs)
        response.raw = _whole(response.raw, request)
        return response


def _whole(raw: HTTPResponse, request: requests.PreparedRequest) -> HTTPResponse:
    """The same answer, whose body was read in time, as it was sent. Raises RequestException."""
    try:
        body = in_time(partial(raw.read1, decode_content=False))
    except TimeoutError as exc:
        raw.close()
        raise requests.ReadTimeout(str(exc), request=request) from exc
    except HTTPError as exc:
        raw.close()
        raise requests.ConnectionError(exc, request=request) from exc
    raw.release_conn()
    return HTTPResponse(
        io.BytesIO(body),
        raw.headers,
        raw.status,
        reason=raw.reason,
        preload_content=False,
        decode_content=False,
        original_response=raw._original_response,
    )


def codeocean_client(domain: str, token: str, retries: int | None = None) -> CodeOcean:
    """A client that retries what is safe to repeat, `RETRIES` times if nothing else is said.

    A search is a POST that only reads; the POST that creates is sent again where it was refused for its
    rate, and otherwise looked after first.
    """
    retries = RETRIES if retries is None else retries
    # What is missing in an answer is judged here; the SDK's decoder would warn on stderr.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"dataclasses_json\.")
    domain = domain.rstrip("/")
    client = CodeOcean(domain=domain, token=token)
    # PATCH and DELETE may be sent again: archiving or deleting twice does no harm. Creating twice does.
    for prefix in (domain, f"{domain}{CREATE_PATH}/"):  # the longest that matches counts
        client.session.mount(prefix, _Adapter("GET", "PATCH", "DELETE", retries=retries))
    client.session.mount(domain + CREATE_PATH, _Adapter("POST", retries=retries, refused=True))
    client.session.mount(domain + SEARCH_PATH, _Adapter("POST", retries=retries))
    return client


@contextmanager
def codeocean_faults(client: CodeOcean, what: str) -> Iterator[None]:
    """The SDK's errors in our words."""
    detail = f"{what} at {client.domain}"
    try:
        yield
    except Error as exc:
        if exc.status_code in (401, 403):
            hint = "Renew the token: INDEXER_CODEOCEAN__TOKEN, `codeocean.token`, or what `codeocean.secret` holds."
            raise AccessDeniedError("Code Ocean denies access", f"{detail}: {exc.status_code}", hint) from exc
        summary = "Code Ocean answered with an error"
        message = said(exc.message, MAX_SAID)
        kind = OutageError if exc.status_code in PASSING else SystemFaultError
        raise kind(summary, f"{detail}: {exc.status_code} {message}", "Try again later.") from exc
    except requests.RequestException as exc:
        hint = "Check `codeocean.domain` and the network."
        raise OutageError("Code Ocean cannot be reached", f"{detail}: {in_short(exc)}", hint) from exc
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
        summary = "Code Ocean's answer cannot be read"
        raise SystemFaultError(summary, f"{detail}: {in_short(exc)}", "Check `codeocean.domain`.") from exc


def in_short(exc: Exception) -> str:
    return said(f"{type(exc).__name__}: {exc}", MAX_SAID)
