"""A connection to S3: under boto3's own conventions, and by boto3's client only where it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from indexer.errors import SystemFaultError
from indexer.systems.aws import aws_session
from indexer.systems.pace import Pace, at_most
from indexer.systems.s3_bodies import read_bodies_whole
from indexer.systems.s3_endpoint import Endpoint, endpoint_for, endpoint_of
from indexer.systems.s3_errors import SLOW_DOWN, translated
from indexer.systems.s3_lean import LeanS3

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 15
"""Without a byte; metadata files are small, and a listing's first byte takes a second at most."""
ATTEMPTS = 8
"""With waits of up to 1, 2, 4, 8, 16, 20 and 20 seconds in between."""
CHECKSUMS = "request_checksum_calculation"
WITHOUT = "when_required"


class S3:
    """An open connection, and how much may be in flight on it. Safe for threads."""

    def __init__(
        self, session: Session, pace: Pace, make: Callable[[], S3Client], endpoint: Endpoint | None = None
    ) -> None:
        """`make` makes boto3's client, when it is first asked for. `endpoint`: where S3 is, None: the client is asked."""
        self.session, self.pace = session, pace
        self._make, self._lock, self._known = make, Lock(), endpoint
        self._made: list[S3Client] = []

    @property
    def client(self) -> S3Client:
        """boto3's. From now on it tells the pace, reads bodies whole, and cannot be led in circles. Raises SystemFaultError."""
        with self._lock:
            if not self._made:
                client = _translated(self._make)
                read_bodies_whole(client)
                client.meta.events.register("response-received.s3", _tells(self.pace))
                client.meta.events.register("before-call.s3.HeadBucket", _not_redirected)
                self._made.append(client)
        return self._made[0]

    @property
    def anonymous(self) -> bool:
        """Is nothing signed?"""
        if self._known is not None:
            return not self._known.signed
        config: Any = self.client.meta.config
        return config.signature_version is UNSIGNED

    @property
    def url(self) -> str:
        """Where S3 is."""
        return self.client.meta.endpoint_url if self._known is None else self._known.url

    @cached_property
    def lean(self) -> LeanS3:
        """A lean client beside boto3's. Whom it trusts is read from a file only where it is used. Raises SystemFaultError."""
        endpoint = self._known or endpoint_of(self.client)
        # Who asks for more checksums gets them from boto3.
        puts = _checksums(self.session) == WITHOUT
        return LeanS3(self.session, endpoint, self.pace.slowed, puts=puts)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            for client in self._made:
                client.close()


def open_s3(parallel: int | None, attempts: int | None = None, *, anonymous: bool = False) -> S3:
    """A connection under boto3's own conventions: profiles, roles, `AWS_ENDPOINT_URL_S3`. Safe for threads.

    Throttling and passing faults are retried with jittered backoff inside it ("standard" mode). `parallel` None: as
    many requests are in flight as S3 answers quickly. `anonymous`: nothing is signed, and nobody is asked for
    credentials. Raises SystemFaultError.
    """
    # boto3's own session would add resources and transfers to this one, and a tenth of a second.
    session = _translated(aws_session)
    endpoint = _translated(lambda: endpoint_for(session, anonymous=anonymous))

    def make() -> S3Client:
        checksums: Any = _checksums(session)  # botocore refuses what is none of its words
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=max(10, at_most(parallel)),
            retries={"mode": "standard", "total_max_attempts": attempts or ATTEMPTS},
            tcp_keepalive=True,  # load balancers forget idle connections without a word
            request_checksum_calculation=checksums,
            signature_version=UNSIGNED if anonymous else None,
        )
        # Where the lean client was led to, whatever has become of the environment since.
        where = (endpoint.region, endpoint.named) if endpoint else (None, None)
        made = session.create_client("s3", region_name=where[0], endpoint_url=where[1], config=config)
        return cast("S3Client", made)

    s3 = S3(session, Pace(at_most(parallel), adapts=parallel is None), make, endpoint)
    if endpoint is None:
        _ = s3.client  # what is wrong with it is said here
    elif not anonymous:
        _translated(session.get_credentials)  # so is this
    return s3


def _translated(make: Callable[[], T]) -> T:
    """What is made, or what its settings lack. Raises SystemFaultError."""
    try:
        return make()
    except BotoCoreError as exc:
        raise translated(exc, "", "open a client") from exc
    except AttributeError as exc:  # of a word, where a section is wanted
        hint = "Correct the profile in ~/.aws/config: `s3`, for one, is a section of its own."
        raise SystemFaultError(
            "S3 cannot be used", "the settings of AWS are not of the kind they must be", hint
        ) from exc
    except ValueError as exc:
        hint = "Check AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION."
        raise SystemFaultError("S3 cannot be used", str(exc), hint) from exc


def _checksums(session: Session) -> str:
    """When a checksum goes with a body: what the environment or the profile says, or else where S3 demands one.

    Left to itself, the client puts one after each body, which over TLS is sent without its length: older servers
    refuse every put then. Nothing is lost without: the signature covers the SHA-256 of the body, as S3 demands.
    """
    chosen = f"AWS_{CHECKSUMS.upper()}" in os.environ or CHECKSUMS in session.get_scoped_config()
    return str(session.get_config_variable(CHECKSUMS)).lower() if chosen else WITHOUT


def is_amazons(s3: S3) -> bool:
    """Is it Amazon's own S3, whose conditions are known to hold?"""
    return (urlsplit(s3.url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _not_redirected(params: dict[str, Any], **_: object) -> None:
    """Where the client is redirected, it looks for the bucket's region by a HEAD. A redirect of that one would be looked
    into in the same way, without end.
    """
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _tells(pace: Pace) -> Callable[..., None]:
    """Tells the pace of every answer by which S3 asks for less: of those, too, that are retried inside the client."""

    def heard(response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if response_dict is not None and response_dict["status_code"] in SLOW_DOWN:
            pace.slowed()

    return heard
