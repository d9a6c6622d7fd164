"""Listings of one folder by the lean client: the same answer, known to be whole, or none at all.

boto3 is asked wherever the answer may not be the same: for an empty one, too (deletions may rest on it), and for one that
does not itself say that it is whole. Source: tests/contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from indexer.model.snapshot import Listing, ObjectInfo
from indexer.systems.s3_lean import LeanS3, LeftToBoto3Error
from indexer.systems.s3_pages import directly_under
from indexer.systems.s3_requests import Asked


def lean_answer(lean: LeanS3, bucket: str, prefix: str, token: str | None = None) -> bytes:
    """A page of what is directly under `prefix`, not looked into. Raises LeftToBoto3Error where boto3 must say."""
    # `encoding-type`: a key may hold characters that XML cannot, and the whole listing would be unreadable.
    query = {"delimiter": "/", "encoding-type": "url", "list-type": "2", "prefix": prefix}
    if token is not None:
        query["continuation-token"] = token
    answer = lean.ask(bucket, prefix, Asked("GET", f"/{bucket}", query))
    if answer.status != HTTPStatus.OK:
        raise lean.doubted(bucket)
    return answer.body


def lean_page(lean: LeanS3, bucket: str, prefix: str, token: str | None) -> dict[str, Any]:
    """One page of a LIST, as boto3 tells of the folders in it. Raises LeftToBoto3Error where boto3 must say."""
    page = _believed(lean, bucket, prefix, lean_answer(lean, bucket, prefix, token))
    return {
        "IsTruncated": page.more,
        "NextContinuationToken": page.token,
        "Contents": [{"Key": one.key} for one in page.objects],
        "CommonPrefixes": [{"Prefix": name} for name in page.folders],
    }


def lean_listing(lean: LeanS3, bucket: str, prefix: str, body: bytes) -> Listing:
    """What is in that answer. Raises LeftToBoto3Error where boto3 must say."""
    page = _believed(lean, bucket, prefix, body)
    if page.more:
        raise LeftToBoto3Error
    return Listing(page.objects, tuple(one.removeprefix(prefix).removesuffix("/") for one in page.folders))


def shows_folder(body: bytes, folder: str) -> bool:
    """Is this folder surely in the listing? No is no answer: its name may be escaped."""
    return f"/{folder}/</Prefix></CommonPrefixes>".encode() in body


@dataclass(frozen=True, slots=True)
class _Page:
    """A part of a listing, or all of it."""

    objects: tuple[ObjectInfo, ...]
    folders: tuple[str, ...]
    """Whole: with what comes before them, and their slash."""
    more: bool
    token: str


def _believed(lean: LeanS3, bucket: str, prefix: str, body: bytes) -> _Page:
    """The page in an answer. One that is no listing is left to boto3, and an empty one, too: deletions may rest on it."""
    try:
        page = _page(body, prefix)
    except ValueError as exc:
        raise lean.doubted(bucket) from exc
    lean.believed(bucket)
    if not (page.objects or page.folders):
        raise LeftToBoto3Error
    return page


def _page(body: bytes, prefix: str) -> _Page:
    """The page in an answer that says itself whether it is whole. Raises ValueError for what is no listing."""
    try:
        page = ElementTree.fromstring(body)  # noqa: S314 - expat bounds what entities may grow to
    except (ElementTree.ParseError, LookupError) as exc:  # LookupError: in letters that nobody knows
        raise ValueError("no XML") from exc
    space, brace, tag = page.tag.rpartition("}")
    fields, rows, folders = _parts(page, space + brace)
    if tag != "ListBucketResult" or fields.get("IsTruncated") not in ("true", "false"):
        raise ValueError("no listing")
    name = _unescaped if fields.get("EncodingType") == "url" else str
    objects = tuple(_object(row, name(row.get("Key", ""))) for row in rows)
    names = tuple(name(folder) for folder in folders)
    if not all(directly_under(one, prefix) for one in (*(one.key for one in objects), *names)):
        raise ValueError("another folder's listing")
    return _Page(objects, names, fields["IsTruncated"] == "true", fields.get("NextContinuationToken", ""))


def _parts(page: ElementTree.Element, begin: str) -> tuple[dict[str, str], list[dict[str, str]], list[str]]:
    """What the page says of itself, its objects and its folders; `begin`: of the names in its namespace.

    Raises ValueError for what may be a folder, and is not written as one: it would look gone.
    """
    fields: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    folders: list[str] = []
    contents, prefixes, ahead = f"{begin}Contents", f"{begin}CommonPrefixes", len(begin)
    for one in page:
        if one.tag == contents:
            rows.append({field.tag[ahead:]: field.text or "" for field in one})
        elif one.tag == prefixes:
            (prefix,) = one
            folders.append(prefix.text or "")
        else:
            space, brace, tag = one.tag.rpartition("}")
            if space + brace != begin:
                raise ValueError("of another namespace")
            fields[tag] = one.text or ""
    return fields, rows, folders


def _unescaped(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _object(row: dict[str, str], key: str) -> ObjectInfo:
    """Raises ValueError for one of which too little is said."""
    etag = row.get("ETag", "").strip('"')
    if not (key and etag):
        raise ValueError("an object without a key or an ETag")
    at = datetime.fromisoformat(row.get("LastModified", ""))
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return ObjectInfo(key, etag, int(row.get("Size", "")), at)
