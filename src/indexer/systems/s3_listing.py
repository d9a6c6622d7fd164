"""Listings of one folder for a fifth of boto3's CPU: the same answer, known to be whole, or none at all.

boto3 is asked wherever the answer may not be the same: after any fault (boto3 retries it, and says it in our words), for
an empty answer (deletions may rest on it), and for one that does not itself say that it is whole. Source: tests/contract.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from indexer.model.snapshot import Listing, ObjectInfo
from indexer.systems.s3_requests import FAILED, Requests, endpoint_of

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

LOGGER = logging.getLogger("indexer.s3")
OK, SLOW_DOWN = 200, frozenset({503, 429})
FAULTS_IN_A_ROW = 8
"""After so many a bucket is boto3's for the rest of the run: another region, a certificate, an addressing style."""
LONGEST_KEY = 1024
"""Bytes that S3 takes for a key."""
BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
ONE_ZONE = "--x-s3"
"""Ends the names of buckets that want sessions."""


class FastListing:
    """Lists folders, where it can. Safe for threads."""

    def __init__(self, session: Session, client: S3Client) -> None:
        endpoint = endpoint_of(client)
        self._requests = Requests(endpoint, client, session) if endpoint else None
        self._faults: dict[str, int] = {}

    def listing(self, bucket: str, prefix: str, *, slowed: Callable[[], None]) -> Listing | None:
        """What is directly under `prefix`; None where boto3 must say. `slowed` is told that S3 asks for less."""
        faults = self._faults.get(bucket, 0)
        if self._requests is None or faults >= FAULTS_IN_A_ROW or len(prefix) > LONGEST_KEY:
            return None
        if not BUCKET.fullmatch(bucket) or bucket.endswith(ONE_ZONE):
            return None
        LOGGER.debug("LIST s3://%s/%s", bucket, prefix)
        # `encoding-type`: a key may hold characters that XML cannot, and the whole listing would be unreadable.
        query = {"delimiter": "/", "encoding-type": "url", "list-type": "2", "prefix": prefix}
        try:
            answer = self._requests.get(f"/{bucket}", query, datetime.now(UTC))
            listing = _whole(answer.body, prefix) if answer.status == OK else None
        except FAILED:
            self._faults[bucket] = faults + 1
            return None
        # SlowDown is no fault of this client: boto3 would hear the same.
        if answer.status in SLOW_DOWN:
            slowed()
        else:
            self._faults[bucket] = 0 if answer.status == OK else faults + 1
        return listing


def _whole(body: bytes, prefix: str) -> Listing | None:
    """The listing in an answer that says itself that it is whole. Raises ValueError for what is no listing."""
    try:
        page = ElementTree.fromstring(body)  # noqa: S314 - expat bounds what entities may grow to
    except ElementTree.ParseError as exc:
        raise ValueError("no XML") from exc
    fields, rows, folders = _parts(page)
    if _tag(page) != "ListBucketResult" or "IsTruncated" not in fields:
        raise ValueError("no listing")
    name = unquote_plus if fields.get("EncodingType") == "url" else str
    objects = tuple(_object(row, name(row.get("Key", ""))) for row in rows)
    names = [one.key for one in objects] + [name(folder) for folder in folders]
    # A cache that answers for another folder must not make this one look gone.
    if not all(one.startswith(prefix) for one in names):
        raise ValueError("another folder's listing")
    if fields["IsTruncated"] != "false" or not names:
        return None
    inside = (name(folder).removeprefix(prefix).removesuffix("/") for folder in folders)
    return Listing(objects, tuple(inside))


def _parts(page: ElementTree.Element) -> tuple[dict[str, str], list[dict[str, str]], list[str]]:
    """What the page says of itself, its objects and its folders. Raises ValueError."""
    fields: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    folders: list[str] = []
    for one in page:
        match _tag(one):
            case "Contents":
                rows.append({_tag(field): field.text or "" for field in one})
            case "CommonPrefixes":
                folders.extend(field.text or "" for field in one)
            case tag:
                fields[tag] = one.text or ""
    return fields, rows, folders


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _object(row: dict[str, str], key: str) -> ObjectInfo:
    """Raises ValueError for one of which too little is said."""
    etag = row.get("ETag", "").strip('"')
    if not etag:
        raise ValueError("an object without an ETag")
    at = datetime.fromisoformat(row.get("LastModified", ""))
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return ObjectInfo(key, etag, int(row.get("Size", "")), at)
