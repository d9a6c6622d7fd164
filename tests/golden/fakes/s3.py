"""A fake S3: listings, objects, and writes with their conditions, on path-style addresses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, unquote_plus
from xml.sax.saxutils import escape

from golden.fakes.http import Request, Response
from golden.fakes.state import State, Stored, stored

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
MOST_KEYS = 1_000
CODES = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}
"""Of faults that are asked for."""
METADATA = "x-amz-meta-"


class Refused(Exception):  # noqa: N818 - an answer of S3's, no fault
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class S3:
    """S3's requests on the state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._of_objects: dict[str, Callable[[str, str, Request], Response]] = {
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "COPY": self._copy,
            "DELETE": self._delete,
        }

    def answer(self, request: Request) -> Response:
        """One request's answer."""
        if request.path.startswith("/_"):
            return self._state.control(request)
        bucket, _, key = request.path[1:].partition("/")
        try:
            if bucket not in self._state.buckets:
                raise Refused(404, "NoSuchBucket")
            if not key:
                return self._of_bucket(bucket, request)
            kind = "COPY" if "x-amz-copy-source" in request.headers else request.method
            if kind not in self._of_objects:
                raise Refused(405, "MethodNotAllowed")
            return self._of_objects[kind](bucket, key, request)
        except Refused as exc:
            return _xml(f"<Error><Code>{exc.code}</Code><Message>{exc.code}</Message></Error>", exc.status)

    def _of_bucket(self, bucket: str, request: Request) -> Response:
        if request.method == "HEAD":
            return Response()
        if request.method != "GET" or request.query.get("list-type") != "2":
            raise Refused(405, "MethodNotAllowed")
        status = self._state.fault("ListObjectsV2", f"{bucket}/{request.query.get('prefix', '')}")
        if status is not None:
            raise Refused(status, CODES[status])
        return _listing(bucket, self._state.buckets[bucket], request.query)

    def _get(self, bucket: str, key: str, request: Request) -> Response:
        live = self._state.buckets[bucket].get(key)
        if live is None:
            raise Refused(404, "NoSuchKey")
        _check(live, request.headers.get("if-match"), missing="NoSuchKey")
        body, status, headers = live.body, 200, _about(live)
        if asked := request.headers.get("range"):
            start, end = _range(asked, len(body))
            headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            body, status = body[start : end + 1], 206
        return Response(status, body, headers)

    def _put(self, bucket: str, key: str, request: Request) -> Response:
        self._check_target(bucket, key, request)
        body = _sent(request)
        md5 = request.headers.get("content-md5")
        if md5 and base64.b64decode(md5) != hashlib.md5(body, usedforsecurity=False).digest():
            raise Refused(400, "BadDigest")
        metadata = {
            name.removeprefix(METADATA): value
            for name, value in request.headers.items()
            if name.startswith(METADATA)
        }
        one = stored(
            body,
            content_type=request.headers.get("content-type", "binary/octet-stream"),
            metadata=metadata,
        )
        self._state.buckets[bucket][key] = one
        self._note("PutObject", bucket, key)
        return Response(headers={"ETag": f'"{one.etag}"'})

    def _copy(self, bucket: str, key: str, request: Request) -> Response:
        source = unquote_plus(request.headers["x-amz-copy-source"].split("?versionId=")[0]).lstrip("/")
        of, _, source_key = source.partition("/")
        live = self._state.buckets.get(of, {}).get(source_key)
        if live is None:
            raise Refused(404, "NoSuchKey")
        _check(live, request.headers.get("x-amz-copy-source-if-match"), missing="NoSuchKey")
        self._check_target(bucket, key, request)
        one = stored(live.body, etag=live.etag, content_type=live.content_type, metadata=dict(live.metadata))
        self._state.buckets[bucket][key] = one
        self._note("CopyObject", bucket, key)
        return _xml(
            f'<CopyObjectResult {NAMESPACE}><ETag>"{one.etag}"</ETag>'
            f"<LastModified>{_iso(one)}</LastModified></CopyObjectResult>"
        )

    def _delete(self, bucket: str, key: str, request: Request) -> Response:
        held = self._state.buckets[bucket]
        _check(held.get(key), request.headers.get("if-match"), missing="NoSuchKey")
        held.pop(key, None)
        self._note("DeleteObject", bucket, key)
        return Response(204)

    def _check_target(self, bucket: str, key: str, request: Request) -> None:
        live = self._state.buckets[bucket].get(key)
        if request.headers.get("if-none-match") == "*" and live is not None:
            raise Refused(412, "PreconditionFailed")
        _check(live, request.headers.get("if-match"), missing="NoSuchKey")

    def _note(self, operation: str, bucket: str, key: str) -> None:
        self._state.journal.append({"op": operation, "bucket": bucket, "key": key})


def _check(live: Stored | None, etag: str | None, *, missing: str) -> None:
    """Raise Refused where the condition does not hold; none is one that does."""
    if etag is None or (etag == "*" and live is not None):
        return
    if live is None:
        raise Refused(404, missing)
    if etag.strip('"') != live.etag:
        raise Refused(412, "PreconditionFailed")


def _sent(request: Request) -> bytes:
    """The body of an upload, without the signatures that drivers put between its parts."""
    signed = request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if not signed and "aws-chunked" not in request.headers.get("content-encoding", ""):
        return request.body
    parts, at = [], 0
    while at < len(request.body):
        end = request.body.index(b"\r\n", at)
        size = int(request.body[at:end].split(b";")[0], 16)
        if not size:
            break
        parts.append(request.body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)


def _range(asked: str, size_bytes: int) -> tuple[int, int]:
    """First and last byte of `bytes=FIRST-[LAST]`."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start = int(first)
    if start >= size_bytes:
        raise Refused(416, "InvalidRange")
    return start, min(int(last), size_bytes - 1) if last else size_bytes - 1


def _listing(bucket: str, objects: Mapping[str, Stored], query: Mapping[str, str]) -> Response:
    """ListObjectsV2; a token names the last row that was given."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    most = min(int(query.get("max-keys", MOST_KEYS)), MOST_KEYS)
    given = base64.urlsafe_b64decode(query.get("continuation-token", "")).decode("utf-8", "surrogatepass")
    rows: dict[str, Stored | None] = {}
    for key in sorted(objects):
        if key.startswith(prefix) and key > query.get("start-after", ""):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            rows.setdefault(key if at < 0 else key[: at + len(delimiter)], objects[key] if at < 0 else None)
    beyond = [row for row in rows if row > given]
    page, more = beyond[:most], len(beyond) > most
    shown: Callable[[str], str] = escape
    if query.get("encoding-type") == "url":
        shown = _quoted
    token = base64.urlsafe_b64encode(page[-1].encode("utf-8", "surrogatepass")).decode() if more else ""
    entries = [(row, rows[row]) for row in page]
    return _xml(
        f"<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><Prefix>{shown(prefix)}</Prefix>"
        f"<Delimiter>{escape(delimiter)}</Delimiter><MaxKeys>{most}</MaxKeys>"
        + ("<EncodingType>url</EncodingType>" if shown is _quoted else "")
        + f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        + (f"<NextContinuationToken>{token}</NextContinuationToken>" if more else "")
        + "".join(_row(shown(row), one) for row, one in entries if one is not None)
        + "".join(
            f"<CommonPrefixes><Prefix>{shown(row)}</Prefix></CommonPrefixes>"
            for row, one in entries
            if one is None
        )
        + "</ListBucketResult>"
    )


def _row(shown: str, one: Stored) -> str:
    return (
        f"<Contents><Key>{shown}</Key><LastModified>{_iso(one)}</LastModified><ETag>&quot;{one.etag}&quot;</ETag>"
        f"<Size>{len(one.body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _quoted(text: str) -> str:
    return quote(text, safe="/~")


def _iso(one: Stored) -> str:
    return f"{one.modified_at:%Y-%m-%dT%H:%M:%S.000Z}"


def _about(one: Stored) -> dict[str, Any]:
    return {
        "ETag": f'"{one.etag}"',
        "Last-Modified": format_datetime(one.modified_at, usegmt=True),
        "Content-Type": one.content_type,
        "Accept-Ranges": "bytes",
        **{f"{METADATA}{name}": value for name, value in one.metadata.items()},
    }


def _xml(text: str, status: int = 200) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Response(status, body, {"Content-Type": "application/xml"})
