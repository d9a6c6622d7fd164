"""The gate in front of moto: copy conditions, atomic writes, faults and the request log."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from indexer_sandbox.faults import Fault, FaultList
from indexer_sandbox.loopback import Environ, StartResponse, WSGIApp
from indexer_sandbox.requestlog import RequestLog, S3Request

LiveETag = Callable[[str, str, str | None], str | None]

_COPY_SOURCE = "HTTP_X_AMZ_COPY_SOURCE"
_SOURCE_IF_MATCH = "HTTP_X_AMZ_COPY_SOURCE_IF_MATCH"
_SOURCE_IF_NONE_MATCH = "HTTP_X_AMZ_COPY_SOURCE_IF_NONE_MATCH"
_IF_MATCH = "HTTP_IF_MATCH"
_IF_NONE_MATCH = "HTTP_IF_NONE_MATCH"

_CODES = {
    400: (
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length header.",
    ),
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
    409: ("ConditionalRequestConflict", "A conflicting operation occurred."),
    412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}

_BUCKET_OPERATIONS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versioning"): "GetBucketVersioning",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "uploads"): "ListMultipartUploads",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("POST", "delete"): "DeleteObjects",
    ("GET", ""): "ListObjects",
    ("HEAD", ""): "HeadBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
}
_KEY_OPERATIONS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
}
# Names in a query that make a request one about something beside the object or the bucket itself.
# fmt: off
_SUBRESOURCES = frozenset({
    "acl", "attributes", "cors", "encryption", "legal-hold", "lifecycle", "logging", "notification",
    "object-lock", "policy", "policyStatus", "publicAccessBlock", "replication", "restore", "retention",
    "select", "tagging", "torrent", "website", "accelerate", "ownershipControls", "requestPayment",
})
# fmt: on


_ANYBODY = "AWS anybody:unsigned"
_LONGEST_KEY = 1024
"""Bytes, in UTF-8. Source: "Naming Amazon S3 objects"."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An answer that moto is not asked for."""

    status: int
    condition: str = ""
    code: str = ""
    """Where it is not the one that goes with the status."""
    retry_after_s: int | None = None


class Gate:
    """Hands requests to moto as S3 would take them.

    - CopyObject's conditions hold: on the source `x-amz-copy-source-if-match` and `-if-none-match`, on the
      destination `If-Match` and `If-None-Match: *`; a broken one is answered with 412.
    - `If-Match: *` and ETags without quotes are understood everywhere.
    - One request at a time reaches moto, whose state is not made for threads: conditions are checked and the
      write is done in one step, and no listing trips over a write. A body is read before, and one that
      breaks off is refused with 400 instead of being stored.
    - A key of more than 1,024 bytes is refused, which moto takes.
    - Who does not sign may read what is not in a `private` bucket, and write nothing.
    - Every request is in the log before its answer goes out.
    """

    def __init__(
        self,
        app: WSGIApp,
        account_id: str,
        live_etag: LiveETag,
        log: RequestLog[S3Request],
        faults: FaultList,
    ) -> None:
        self._app = app
        self._account_id = account_id
        self._live_etag = live_etag
        self._log = log
        self._faults = faults
        self._moto = threading.Lock()
        self.private: set[str] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        method = str(environ["REQUEST_METHOD"])
        bucket, key = _target(environ)
        operation = _operation(method, bucket, key, environ)
        fault = self._faults.strike(operation, f"{bucket}/{key}")
        signed = "HTTP_AUTHORIZATION" in environ or "X-Amz-Signature" in str(environ.get("QUERY_STRING"))

        def answer(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
            status_code = int(status.split()[0])
            self._log.append(S3Request(method, bucket, key, operation, status_code, signed))
            return start_response(status, headers, *rest)

        complete = _read_body(environ)
        with self._moto:
            refusal = _refusal_of(fault) or (None if complete else _Refusal(400))
            if len(key.encode("utf-8", "surrogateescape")) > _LONGEST_KEY:
                refusal = refusal or _Refusal(400, code="KeyTooLongError")
            # A bucket that is open to everyone is open for reading.
            if not signed and (bucket in self.private or method not in ("GET", "HEAD")):
                refusal = refusal or _Refusal(403)
            refusal = refusal or self._broken_condition(operation, bucket, key, environ)
            if refusal is not None:
                return _refuse(refusal, key, method, answer)
            _quote_etags(environ)
            environ.setdefault("HTTP_AUTHORIZATION", _ANYBODY)  # else moto goes by each object's own ACL
            return list(self._app(environ, answer))

    def _broken_condition(self, operation: str, bucket: str, key: str, environ: Environ) -> _Refusal | None:
        """The first condition of a write that does not hold and that moto would not see."""
        if operation == "CopyObject":
            source_bucket, source_key, version_id = _copy_source(environ)
            source = self._live_etag(source_bucket, source_key, version_id)
            if source is None:
                return _Refusal(404)
            if not _matches(environ.pop(_SOURCE_IF_MATCH, None), source):
                return _Refusal(412, "x-amz-copy-source-If-Match")
            unwanted = environ.pop(_SOURCE_IF_NONE_MATCH, None)
            if unwanted is not None and _matches(unwanted, source):
                return _Refusal(412, "x-amz-copy-source-If-None-Match")
        if operation in ("CopyObject", "PutObject", "DeleteObject", "CompleteMultipartUpload"):
            return self._broken_destination(bucket, key, environ)
        return None

    def _broken_destination(self, bucket: str, key: str, environ: Environ) -> _Refusal | None:
        wanted, unwanted = environ.pop(_IF_MATCH, None), environ.pop(_IF_NONE_MATCH, None)
        live = self._live_etag(bucket, key, None)
        if wanted is not None:
            if live is None:
                return _Refusal(404)
            if not _matches(wanted, live):
                return _Refusal(412, "If-Match")
        if unwanted is not None and live is not None and _matches(unwanted, live):
            return _Refusal(412, "If-None-Match")
        return None


def _target(environ: Environ) -> tuple[str, str]:
    """Bucket and key of a path-style request, percent-decoded once."""
    path = str(environ.get("RAW_URI", environ.get("PATH_INFO", "/"))).split("?", 1)[0]
    bucket, _, key = path.removeprefix("/").partition("/")
    return unquote(bucket), unquote(key)


def _copy_source(environ: Environ) -> tuple[str, str, str | None]:
    path, _, query = str(environ[_COPY_SOURCE]).partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def _operation(method: str, bucket: str, key: str, environ: Environ) -> str:
    """Amazon's name for a request."""
    if not bucket:
        return "ListBuckets"
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    if _SUBRESOURCES & query.keys():
        return "Other"
    table = _KEY_OPERATIONS if key else _BUCKET_OPERATIONS
    name = next((table[method, part] for part in query if (method, part) in table), None)
    name = name or table.get((method, ""), "Other")
    return "CopyObject" if name == "PutObject" and _COPY_SOURCE in environ else name


def _matches(header: str | None, etag: str) -> bool:
    """Whether an ETag condition (a list, quoted or not, or `*`) takes in this ETag; no condition does."""
    if header is None:
        return True
    wanted = [part.strip().strip('"') for part in header.split(",")]
    return "*" in wanted or etag.strip('"') in wanted


def _quote_etags(environ: Environ) -> None:
    """Put quotes around a bare ETag in a reader's conditions, which moto compares as text."""
    for name in (_IF_MATCH, _IF_NONE_MATCH):
        value = environ.get(name)
        if value and value != "*" and not value.startswith('"'):
            environ[name] = f'"{value}"'


def _read_body(environ: Environ) -> bool:
    """Read the whole body now; whether it came in full."""
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if not size:
        return True
    body = environ["wsgi.input"].read(size)
    environ["wsgi.input"] = io.BytesIO(body)
    return len(body) == size


def _refusal_of(fault: Fault | None) -> _Refusal | None:
    if fault is None or fault.status is None:
        return None
    return _Refusal(fault.status, retry_after_s=fault.retry_after_s)


def _refuse(refusal: _Refusal, key: str, method: str, answer: StartResponse) -> list[bytes]:
    """S3's error document for a refusal; a HEAD gets none."""
    code, message = _CODES.get(refusal.status, ("InternalError", "The sandbox was told to fail."))
    if refusal.code:
        code, message = refusal.code, "Your key is too long"
    condition = f"<Condition>{refusal.condition}</Condition>" if refusal.condition else ""
    about = f"<Key>{escape(key)}</Key>" if refusal.status == 404 else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{condition}{about}"
        "<RequestId>sandbox</RequestId></Error>"
    ).encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    if refusal.retry_after_s is not None:
        headers.append(("Retry-After", str(refusal.retry_after_s)))
    answer(f"{refusal.status} {code}", headers)
    return [] if method == "HEAD" else [body]
