"""S3 through boto3. Conditions are enforced by S3 itself; a 412 or 409 is an answer, not an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from indexer.errors import AccessDeniedError, MissingBucketError, OutageError, SystemFaultError
from indexer.model.ports import PreconditionFailed
from indexer.model.snapshot import Listing, ObjectBody, ObjectInfo
from indexer.systems.aws import aws_session, credentials_hint
from indexer.systems.pace import Pace, at_most
from indexer.systems.s3_listing import FastListing

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 15
"""Without a byte; metadata files are small, and a listing's first byte takes a second at most."""
ATTEMPTS = 8
"""With waits of up to 1, 2, 4, 8, 16, 20 and 20 seconds in between."""
LOST_RACE = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
UNSUPPORTED = frozenset({"NotImplemented", "501"})
SLOW_DOWN = frozenset({503, 429})
SERVER_ERROR = 500
MISSING_KEY = frozenset({"NoSuchKey", "404", "NotFound"})
ARCHIVED = "InvalidObjectState"
DENIED = frozenset({"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
MAX_SAID = 400
"""Characters of a key, or of a vendor's words, in an error."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3:
    """An open connection: boto3's client, the session behind it, and how much may be in flight."""

    client: S3Client
    session: Session
    pace: Pace


def open_s3(parallel: int | None, attempts: int = ATTEMPTS) -> S3:
    """A connection under boto3's own conventions: profiles, roles, `AWS_ENDPOINT_URL_S3`. Safe for threads.

    Throttling and passing faults are retried with jittered backoff inside it ("standard" mode). `parallel` None: as
    many requests are in flight as S3 answers quickly. Raises SystemFaultError.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=max(10, at_most(parallel)),
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )
    try:
        # boto3's own session would add resources and transfers to this one, and a tenth of a second.
        session = aws_session()
        client = cast("S3Client", session.create_client("s3", config=config))
    except (BotoCoreError, ValueError) as exc:
        hint = "Set a region and credentials as for any AWS tool (AWS_PROFILE, AWS_DEFAULT_REGION)."
        raise SystemFaultError("S3 cannot be used", str(exc), credentials_hint(exc) or hint) from exc
    pace = Pace(at_most(parallel), adapts=parallel is None)
    client.meta.events.register("response-received.s3", _tells(pace))
    return S3(client, session, pace)


def _tells(pace: Pace) -> Callable[..., None]:
    """Tells the pace of every answer by which S3 asks for less: of those, too, that are retried inside the client."""

    def heard(response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if response_dict is not None and response_dict["status_code"] in SLOW_DOWN:
            pace.slowed()

    return heard


def _shortened(what: str) -> str:
    """A key may be as long as a record says it is."""
    return what if len(what) <= MAX_SAID else f"{what[:MAX_SAID]}…"


def _translated(exc: Exception, bucket: str, what: str) -> SystemFaultError:
    """A vendor's error in our words."""
    what = _shortened(what)
    if isinstance(exc, ClientError):
        code = code_of(exc)
        detail = f"{what}: {exc.response.get('Error', {}).get('Message') or code}"
        if code == "NoSuchBucket":
            hint = "Correct `buckets` in indexer.toml, or the account and endpoint in use."
            return MissingBucketError("There is no such bucket", bucket, hint)
        if code in DENIED:
            hint = f"Allow it for this role on s3://{bucket} (see docs/permissions.md)."
            return AccessDeniedError("S3 denies access", detail, hint)
        if code == ARCHIVED:
            hint = "Restore it (`aws s3api restore-object`), or leave the asset out."
            return SystemFaultError("S3 keeps this in an archive", detail, hint)
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = OutageError if status in SLOW_DOWN or status >= SERVER_ERROR else SystemFaultError
        return kind("S3 answered with an error", f"{detail} ({code})", "Try again later.")
    if (way_out := credentials_hint(exc)) is not None:
        return OutageError("S3 needs credentials", f"{what}: {exc}", way_out)
    hint = "Check the network and AWS_ENDPOINT_URL_S3."
    silent = isinstance(exc, HTTPClientError | NoConnectionError) and not isinstance(
        exc, ResponseStreamingError
    )
    kind = OutageError if silent else SystemFaultError  # a body that breaks off is that object's
    return kind("S3 cannot be reached", f"{what}: {str(exc)[:MAX_SAID]}", hint)


@contextmanager
def faults(bucket: str, what: str) -> Iterator[None]:
    """The client's errors in our words."""
    try:
        yield
    except (ClientError, BotoCoreError) as exc:
        raise _translated(exc, bucket, what) from exc


def code_of(exc: ClientError) -> str:
    """S3's own name for an error."""
    return str(exc.response.get("Error", {}).get("Code", ""))


class S3Reader:
    """Reads listings and objects. `fast`: one folder's by a lean client, where that says the same."""

    def __init__(self, s3: S3, *, fast: bool = True) -> None:
        self._client, self._pace = s3.client, s3.pace
        self._fast = FastListing(s3.session, s3.client) if fast else None

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, without their slash."""
        for page in self._pages(bucket, ""):
            yield tuple(row["Prefix"].removesuffix("/") for row in page.get("CommonPrefixes", ()))

    def listing(self, bucket: str, prefix: str) -> Listing:
        """What is directly under `prefix`; all pages."""
        with self._pace.request():
            fast = self._fast.listing(bucket, prefix, slowed=self._pace.slowed) if self._fast else None
            return self._listing(bucket, prefix) if fast is None else fast

    def _listing(self, bucket: str, prefix: str) -> Listing:
        objects: list[ObjectInfo] = []
        folders: list[str] = []
        for page in self._pages(bucket, prefix):
            objects.extend(
                ObjectInfo(row["Key"], row["ETag"].strip('"'), row["Size"], row["LastModified"])
                for row in page.get("Contents", ())
            )
            folders.extend(
                row["Prefix"].removeprefix(prefix).removesuffix("/") for row in page.get("CommonPrefixes", ())
            )
        return Listing(tuple(objects), tuple(folders))

    def _pages(self, bucket: str, prefix: str) -> Iterator[Any]:
        """All pages of one LIST. One that says "truncated" and gives no token was cut short, and one that does not
        say whether it is (a proxy's own page, an empty body) is no listing: faults, both.
        """
        what = f"list s3://{bucket}/{prefix}"
        more: dict[str, Any] = {}
        while True:
            with faults(bucket, what):
                page = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more)
            if "IsTruncated" not in page:
                raise SystemFaultError("S3 answered with no listing", what, "Is there a proxy in between?")
            yield page
            if not page["IsTruncated"]:
                return
            token = page.get("NextContinuationToken")
            if not token or token == more.get("ContinuationToken"):
                raise SystemFaultError("S3 cut a listing short", what, "Try again later.")
            more = {"ContinuationToken": token}

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        """An object's bytes, or None where there is none. A body that is cut short is read again."""
        what = f"get s3://{bucket}/{key}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._pace.request():
                    answer = self._client.get_object(Bucket=bucket, Key=key)
            except ClientError as exc:
                if code_of(exc) in MISSING_KEY:
                    return None
                raise _translated(exc, bucket, what) from exc
            except BotoCoreError as exc:  # the client has sent it again often enough
                raise _translated(exc, bucket, what) from exc
            try:
                return ObjectBody(answer["Body"].read(), answer["ETag"].strip('"'), answer["LastModified"])
            except BotoCoreError as exc:
                if attempt == ATTEMPTS:
                    raise _translated(exc, bucket, what) from exc
        raise AssertionError("unreachable")


class S3Writer:
    """Conditional writes only."""

    def __init__(self, s3: S3) -> None:
        self._client, self._pace = s3.client, s3.pace

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        """Write where the object still has this ETag (None: where there is none); returns the new ETag."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": f'"{etag}"'}
        return self._conditional(
            lambda: self._client.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition
            )["ETag"].strip('"'),
            bucket,
            f"put s3://{bucket}/{key}",
        )

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        """Delete the object that still has this ETag. Raises SystemFaultError where S3 takes no such condition."""
        what = f"delete s3://{bucket}/{key}"
        return self._conditional(lambda: self._delete(bucket, key, etag, what), bucket, what)

    def _delete(self, bucket: str, key: str, etag: str, what: str) -> None:
        try:
            self._client.delete_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"')
        except ClientError as exc:
            if code_of(exc) not in UNSUPPORTED:
                raise
            # A look and a plain delete would lose what somebody writes in between.
            hint = "Delete it by hand, or see docs/safety.md."
            raise SystemFaultError("S3 cannot delete under a condition", _shortened(what), hint) from exc

    def _conditional(self, write: Callable[[], T], bucket: str, what: str) -> T | PreconditionFailed:
        """Send one conditional write; a condition that does not hold (or no such key) is an answer."""
        with faults(bucket, what):
            try:
                with self._pace.request():
                    return write()
            except ClientError as exc:
                if code_of(exc) in LOST_RACE | MISSING_KEY:
                    return PreconditionFailed(unsure=_retries(exc) > 0)
                raise


def _retries(exc: ClientError) -> int:
    """How often the client had sent the request before this answer."""
    return exc.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
