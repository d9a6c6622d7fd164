"""The reader of S3: listings and objects by a lean client, or boto3's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from indexer.errors import SystemFaultError
from indexer.model.snapshot import Listing, ObjectBody, ObjectInfo
from indexer.model.wire_listing import WireListing
from indexer.systems.http_date import http_date
from indexer.systems.s3_errors import code_of, in_brief, s3_faults
from indexer.systems.s3_lean import LeanS3, LeftToBoto3Error
from indexer.systems.s3_listing import lean_answer, lean_listing, lean_page, shows_folder
from indexer.systems.s3_pages import NO_ANSWER, all_pages

if TYPE_CHECKING:
    from indexer.systems.s3_connection import S3

MISSING_KEY = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Reader:
    """Reads listings and objects. `fast`: one folder's, and objects, by the lean client where that says the same."""

    def __init__(self, s3: S3, *, fast: bool = True) -> None:
        self._s3, self._pace = s3, s3.pace
        self._lean = s3.lean if fast else None

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        """Pages of the bucket's top-level prefixes, without their slash."""
        for page in self._pages(bucket, "", self._lean):
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

    def _pages(self, bucket: str, prefix: str, lean: LeanS3 | None = None) -> Iterator[Any]:
        """All pages of one LIST. Raises SystemFaultError for one that is not a listing, or was cut short; see `s3_pages`."""
        what = f"list s3://{bucket}/{prefix}"

        def ask(token: str | None) -> Mapping[str, Any]:
            with suppress(LeftToBoto3Error):
                if lean is not None:
                    return lean_page(lean, bucket, prefix, token)
            more: dict[str, Any] = {"ContinuationToken": token} if token else {}
            with s3_faults(bucket, what):
                return self._s3.client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more)

        yield from all_pages(ask, prefix, in_brief(what))

    def server_time(self, bucket: str) -> datetime | None:
        """S3's clock, or None where it does not tell. A refusal tells it as well: a clock that is off is a reason for one."""
        with s3_faults(bucket, f"look at s3://{bucket}"), self._pace.request():
            with suppress(LeftToBoto3Error):
                if self._lean is not None:
                    return self._lean.time(bucket)
            try:
                answer: Mapping[str, Any] = self._s3.client.head_bucket(Bucket=bucket)
            except ClientError as exc:
                answer = exc.response
            return http_date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))

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
                    answer = self._s3.client.get_object(Bucket=bucket, Key=key)
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
