"""A connection to S3, and its reader: listings and objects by a lean client or boto3."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from indexer.errors import SystemFaultError
from indexer.model.snapshot import Listing, ObjectBody, ObjectInfo
from indexer.model.wire_listing import WireListing
from indexer.systems.aws import aws_session
from indexer.systems.pace import Pace, at_most
from indexer.systems.s3_bodies import read_bodies_whole
from indexer.systems.s3_errors import SLOW_DOWN, code_of, in_brief, s3_faults, translated
from indexer.systems.s3_lean import LeanS3, LeftToBoto3Error
from indexer.systems.s3_listing import lean_answer, lean_listing, shows_folder
from indexer.systems.s3_pages import NO_ANSWER, all_pages

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 15
"""Without a byte; metadata files are small, and a listing's first byte takes a second at most."""
ATTEMPTS = 8
"""With waits of up to 1, 2, 4, 8, 16, 20 and 20 seconds in between."""
MISSING_KEY = frozenset({"NoSuchKey", "404", "NotFound"})
CHECKSUMS = "aws_request_checksum_calculation"


@dataclass(frozen=True)
class S3:
    """An open connection: boto3's client, the session behind it, and how much may be in flight."""

    client: S3Client
    session: Session
    pace: Pace

    @property
    def anonymous(self) -> bool:
        """Is nothing signed?"""
        config: Any = self.client.meta.config
        return config.signature_version is UNSIGNED

    @cached_property
    def lean(self) -> LeanS3:
        """A lean client beside boto3's. Whom it trusts is read from a file only where it is used."""
        return LeanS3(self.session, self.client, self.pace.slowed)


def open_s3(parallel: int | None, attempts: int | None = None, *, anonymous: bool = False) -> S3:
    """A connection under boto3's own conventions: profiles, roles, `AWS_ENDPOINT_URL_S3`. Safe for threads.

    Throttling and passing faults are retried with jittered backoff inside it ("standard" mode). `parallel` None: as
    many requests are in flight as S3 answers quickly. `anonymous`: nothing is signed, and nobody is asked for
    credentials; the lean client takes that over from boto3's. Raises SystemFaultError.
    """
    try:
        # boto3's own session would add resources and transfers to this one, and a tenth of a second.
        session = aws_session()
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=max(10, at_most(parallel)),
            retries={"mode": "standard", "total_max_attempts": attempts or ATTEMPTS},
            tcp_keepalive=True,  # load balancers forget idle connections without a word
            request_checksum_calculation=_checksums(session),
            signature_version=UNSIGNED if anonymous else None,
        )
        client = cast("S3Client", session.create_client("s3", config=config))
    except BotoCoreError as exc:
        raise translated(exc, "", "open a client") from exc
    except ValueError as exc:
        hint = "Check AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION."
        raise SystemFaultError("S3 cannot be used", str(exc), hint) from exc
    return over(client, session, Pace(at_most(parallel), adapts=parallel is None))


def _checksums(session: Session) -> Literal["when_required"] | None:
    """None: what the environment or the profile says.

    Left to itself, the client puts a checksum after each body, which over TLS is sent without its length: older servers
    refuse every put then. Nothing is lost without: the signature covers the SHA-256 of the body, as S3 demands.
    """
    chosen = CHECKSUMS.upper() in os.environ or CHECKSUMS.removeprefix("aws_") in session.get_scoped_config()
    return None if chosen else "when_required"


def over(client: S3Client, session: Session, pace: Pace) -> S3:
    """The connection over a client. From now on it tells the pace, reads bodies whole, and cannot be led in circles."""
    read_bodies_whole(client)
    client.meta.events.register("response-received.s3", _tells(pace))
    client.meta.events.register("before-call.s3.HeadBucket", _not_redirected)
    return S3(client, session, pace)


def is_amazons(s3: S3) -> bool:
    """Is it Amazon's own S3, whose conditions are known to hold?"""
    host = urlsplit(s3.client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


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


class S3Reader:
    """Reads listings and objects. `fast`: one folder's, and objects, by the lean client where that says the same."""

    def __init__(self, s3: S3, *, fast: bool = True) -> None:
        self._client, self._pace = s3.client, s3.pace
        self._lean = s3.lean if fast else None

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, without their slash."""
        for page in self._pages(bucket, ""):
            yield tuple(row["Prefix"].removesuffix("/") for row in page.get("CommonPrefixes", ()))

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`; all pages."""
        listed = self.listed(bucket, prefix)
        return listed.opened() if isinstance(listed, WireListing) else listed

    def listed(self, bucket: str, prefix: str) -> Listing | WireListing:
        """The same, or the answer as it came, which boto3 replaces where it turns out to be none."""
        # One turn for both: what boto3 must say instead is still the same request to the pace.
        with self._pace.request():
            with suppress(LeftToBoto3Error):
                if self._lean is not None:
                    raw = lean_answer(self._lean, bucket, prefix)
                    return WireListing(raw, partial(self._opened, self._lean, bucket, prefix), shows_folder)
            return self._listing(bucket, prefix)

    def _opened(self, lean: LeanS3, bucket: str, prefix: str, raw: bytes) -> Listing:
        with suppress(LeftToBoto3Error):
            return lean_listing(lean, bucket, prefix, raw)
        with self._pace.request():
            return self._listing(bucket, prefix)

    def _listing(self, bucket: str, prefix: str) -> Listing:
        objects: list[ObjectInfo] = []
        folders: list[str] = []
        for page in self._pages(bucket, prefix):
            objects.extend(_listed(row, bucket) for row in page.get("Contents", ()))
            folders.extend(
                row["Prefix"].removeprefix(prefix).removesuffix("/") for row in page.get("CommonPrefixes", ())
            )
        return Listing(tuple(objects), tuple(folders))

    def _pages(self, bucket: str, prefix: str) -> Iterator[Any]:
        """All pages of one LIST. Raises SystemFaultError for one that is not a listing, or was cut short; see `s3_pages`."""
        what = f"list s3://{bucket}/{prefix}"

        def ask(token: str | None) -> Mapping[str, Any]:
            more: dict[str, Any] = {"ContinuationToken": token} if token else {}
            with s3_faults(bucket, what):
                return self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more)

        yield from all_pages(ask, prefix, in_brief(what))

    def server_time(self, bucket: str) -> datetime | None:
        """S3's clock, or None where it does not tell. A refusal tells it as well: a clock that is off is a reason for one."""
        with s3_faults(bucket, f"look at s3://{bucket}"), self._pace.request():
            try:
                return _date(self._client.head_bucket(Bucket=bucket))
            except ClientError as exc:
                return _date(exc.response)

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None where there is none."""
        with suppress(LeftToBoto3Error):
            if self._lean is not None:
                with self._pace.request():
                    return self._lean.get(bucket, key)
        what = f"get s3://{bucket}/{key}"
        with s3_faults(bucket, what):
            try:
                with self._pace.request():
                    answer = self._client.get_object(Bucket=bucket, Key=key)
                    body = answer["Body"].read()
            except ClientError as exc:
                if code_of(exc) in MISSING_KEY:
                    return None
                raise
        if "LastModified" not in answer:
            raise SystemFaultError("S3 answered with no object", in_brief(what), NO_ANSWER)
        return ObjectBody(body, etag_in(answer, what), answer["LastModified"])


def _listed(row: Mapping[str, Any], bucket: str) -> ObjectInfo:
    return ObjectInfo(
        row["Key"], etag_in(row, f"list s3://{bucket}/{row['Key']}"), row["Size"], row["LastModified"]
    )


def etag_in(answer: Mapping[str, Any], what: str) -> str:
    """The ETag that every answer about an object holds; what has none (a portal's page) is no such answer."""
    etag = str(answer.get("ETag", "")).strip('"')
    if not etag:
        raise SystemFaultError("S3 answered without an ETag", in_brief(what), NO_ANSWER)
    return etag


def _date(answer: Mapping[str, Any]) -> datetime | None:
    """When S3 gave this answer, by its own clock."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        at = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
