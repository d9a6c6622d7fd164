"""A light S3 on 127.0.0.1: one bucket of N assets that are made up when they are asked for.

    python -m bench.light_s3 --assets 40000 [--latency-ms 30] [--drift-every K] [--no-originals]

Prints `READY port`. The files are those that light_docdb's records want, to the byte, so every asset is
in step but for what `--drift-every` and `--no-originals` ask for. An ETag costs one MD5, once (with `--warm`
before the first request). What is written is kept beside it. Knows ListObjectsV2, Get, Head, Put, Copy and Delete with their conditions, path
style, unsigned or not, and refuses the rest with 501. `GET /_counts` has the requests since `POST /_reset`.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from functools import lru_cache
from heapq import merge
from typing import Any
from urllib.parse import quote, unquote, unquote_plus
from xml.sax.saxutils import escape

from bench.http_connection import Connection, Headers
from bench.serving import parser, run, serve
from bench.world import BUCKET, Spliced, World, stale_fields
from indexer.model.generation import GENERATIONS, METADATA_FILE, core_file, original_name
from indexer.model.values import to_bytes

ORIGINALS_FOLDER = "original_metadata"
DATA = (
    "behavior-videos/bottom_camera.mp4",
    "ecephys/recording.zarr/.zattrs",
    "ecephys/recording.zarr/0.0",
)
UPLOADED_AT = datetime(2024, 5, 22, 12, tzinfo=UTC)
SYNCED_AT = datetime(2024, 6, 2, 12, tzinfo=UTC)
ETAGS_KEPT = 1 << 18
MOST_KEYS = 1_000
PLAIN = re.compile(r"[A-Za-z0-9_./-]*")
LAST = "\U0010ffff"
MESSAGES = {
    400: ("InvalidRequest", "This server cannot hold that."),
    404: ("NoSuchKey", "The specified key does not exist."),
    412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
    501: ("NotImplemented", "This server does not know that request."),
}
STATUSES = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    412: "Precondition Failed",
    501: "Not Implemented",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was written."""

    body: bytes
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """A file that every asset of a kind has."""

    name: str
    bytes_of: Spliced
    modified_at: datetime
    etag: str | None
    """None: another one for each asset."""


class Refused(Exception):  # noqa: N818 - an answer of S3's, no fault
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(code)
        self.status, self.code = status, code or MESSAGES[status][0]


def md5(body: bytes) -> str:
    """The ETag of a plain upload."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


class Bucket:
    """The world's objects, and over them what was written."""

    def __init__(
        self, world: World, drift_every: int = 0, *, originals: bool = True, differences: int = 0
    ) -> None:
        self._world, self._drift_every = world, drift_every
        self._written: dict[str, dict[str, Stored | None]] = {}
        """By folder and key; None for one that was deleted."""
        self._files = {
            (bare, stale): _files(
                world, bare, stale_fields(world.generation, differences) if stale else {}, originals=originals
            )
            for bare in (False, True)
            for stale in (False, True)
        }
        self._etag = lru_cache(ETAGS_KEPT)(self._computed_etag)

    def _made_up(self, number: int) -> dict[str, File]:
        stale = bool(self._drift_every) and number % self._drift_every == self._drift_every - 1
        return self._files[self._world.bare(number), stale]

    def _computed_etag(self, number: int, name: str) -> str:
        return md5(self._made_up(number)[name].bytes_of.of(self._world.values(number)))

    def warm(self) -> None:
        """Compute as many ETags as are kept, so that no run waits for them."""
        for number in range(min(self._world.assets, ETAGS_KEPT // 4)):
            for name, file in self._made_up(number).items():
                if file.etag is None:
                    self._etag(number, name)

    def get(self, key: str) -> Stored | None:
        """An object with its bytes, or None where there is none."""
        folder, _, name = key.partition("/")
        written = self._written.get(folder, {})
        if key in written:
            return written[key]
        number = self._world.number(folder)
        file = None if number is None else self._made_up(number).get(name)
        if number is None or file is None:
            return None
        body = file.bytes_of.of(self._world.values(number))
        return Stored(body, file.etag or self._etag(number, name), file.modified_at)

    def put(self, key: str, stored: Stored | None) -> None:
        """Write an object, or delete it. Raises Refused for one outside every folder."""
        folder, slash, _ = key.partition("/")
        if not slash:
            raise Refused(400)
        self._written.setdefault(folder, {})[key] = stored

    def entries(self, prefix: str, delimiter: str, after: str) -> Iterator[tuple[str, Entry | None]]:
        """Keys and, with None, common prefixes under a prefix, sorted; only of keys beyond `after`."""
        folder, inside, _ = prefix.partition("/")
        for one in [folder] if inside else self._folders(prefix, after.partition("/")[0]):
            if not inside and delimiter == "/" and not after.startswith(f"{one}/"):
                if one not in self._written or next(self._contents(one), None):
                    yield f"{one}/", None
                continue
            before = ""
            for key, entry in self._contents(one):
                if key <= after or not key.startswith(prefix):
                    continue
                at = key.find(delimiter, len(prefix)) if delimiter else -1
                if at < 0:
                    yield key, entry
                elif (common := key[: at + len(delimiter)]) != before:
                    before = common
                    yield common, None

    def _folders(self, prefix: str, after: str) -> Iterator[str]:
        """The folders whose name starts with a prefix, as S3 sorts them: with their slash."""
        everything, name = range(self._world.assets), self._world.name
        low = bisect_left(everything, max(prefix, after), key=name)
        high = bisect_left(everything, prefix + LAST, key=name)
        extra = (one for one in self._written if self._world.number(one) is None and one.startswith(prefix))
        return merge(
            map(name, range(low, high)),
            sorted(one for one in extra if f"{one}/" >= after),
            key=lambda one: f"{one}/",
        )

    def _contents(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """All keys of a folder, sorted."""
        number = self._world.number(folder)
        files = {} if number is None else self._made_up(number)
        written = self._written.get(folder)
        if written is None:
            for name, file in files.items():
                yield f"{folder}/{name}", (number, file)
            return
        found: dict[str, Entry] = {f"{folder}/{name}": (number, file) for name, file in files.items()}
        for key, stored in written.items():
            if stored is None:
                found.pop(key, None)
            else:
                found[key] = stored
        yield from sorted(found.items())

    def row(self, entry: Entry) -> tuple[str, int, datetime]:
        """What a listing says of an object: ETag, size in bytes, time."""
        if isinstance(entry, Stored):
            return entry.etag, len(entry.body), entry.modified_at
        number, file = entry
        return file.etag or self._etag(number, file.name), file.bytes_of.size_bytes, file.modified_at


Entry = Stored | tuple[Any, File]


def _files(world: World, bare: bool, stale: dict[str, dict[str, str]], *, originals: bool) -> dict[str, File]:
    """An asset's files by name, sorted as S3 sorts keys. `stale`: what files have besides, by field."""
    record = world.templates[bare]
    contents: dict[str, tuple[bytes, datetime]] = {
        METADATA_FILE: (to_bytes(record), SYNCED_AT),
        **{name: (name.encode(), UPLOADED_AT) for name in DATA},
    }
    for field in GENERATIONS[world.generation].core_fields:
        if (value := record[field]) is None:
            continue
        if field in stale:
            contents[core_file(field)] = to_bytes({**value, **stale[field]}), UPLOADED_AT
        else:
            contents[core_file(field)] = to_bytes(value), SYNCED_AT
        if originals:
            name = original_name(field, f"{UPLOADED_AT:%Y%m%d}")
            contents[f"{ORIGINALS_FOLDER}/{name}"] = json.dumps(value).encode(), UPLOADED_AT
    files = {}
    for name, (template, modified_at) in sorted(contents.items()):
        spliced = Spliced(template)
        same = not any(token in template for token in Spliced.TOKENS)
        files[name] = File(name, spliced, modified_at, md5(template) if same else None)
    return files


class Service:
    """S3's requests on a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.counts: Counter[str] = Counter()
        self._operations: dict[str, Callable[[str, Headers, bytes], bytes]] = {
            "GET": self._get,
            "HEAD": self._head,
            "PUT": self._put,
            "COPY": self._copy,
            "DELETE": self._delete,
        }

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        """One request's answer, head and all."""
        path, _, query = target.partition("?")
        if path.startswith("/_"):
            return self._of_its_own(method, path)
        bucket, _, key = unquote(path[1:]).partition("/")
        try:
            if bucket != BUCKET:
                raise Refused(404, "NoSuchBucket")
            if method == "GET" and not key:
                return self._list(_parameters(query))
            if method == "HEAD" and not key:
                return _head(200, 0, "application/xml", f"Date: {formatdate(usegmt=True)}\r\n")
            kind = "COPY" if method == "PUT" and "x-amz-copy-source" in headers else method
            if (
                not key
                or kind not in self._operations
                or "aws-chunked" in headers.get("content-encoding", "")
            ):
                raise Refused(501)
            self._count(kind, headers)
            return self._operations[kind](key, headers, body)
        except Refused as exc:
            self.counts["missing keys" if exc.code == "NoSuchKey" else "refused"] += 1
            return _error(exc, bodiless=method == "HEAD")

    def _of_its_own(self, method: str, path: str) -> bytes:
        if (method, path) == ("GET", "/_counts"):
            return _answer(200, json.dumps(self.counts, sort_keys=True).encode(), "application/json")
        if (method, path) == ("POST", "/_reset"):
            self.counts.clear()
            return _answer(204)
        return _error(Refused(501))

    def _count(self, kind: str, headers: Headers) -> None:
        self.counts[kind] += 1
        if kind in ("PUT", "COPY", "DELETE") and not {"if-match", "if-none-match"} & headers.keys():
            self.counts["unconditional writes"] += 1

    def _list(self, asked: dict[str, str]) -> bytes:
        """ListObjectsV2. A token names the last row that was given."""
        if asked.get("list-type") != "2":
            raise Refused(501)
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        most = min(int(asked.get("max-keys", MOST_KEYS)), MOST_KEYS)
        after = asked.get("start-after", "")
        if token := asked.get("continuation-token"):
            last = bytes.fromhex(token).decode()
            after = last + LAST if delimiter and last.endswith(delimiter) else last
        shown: Callable[[str], str] = escape
        if asked.get("encoding-type") == "url":
            shown = _quoted
        rows: list[str] = []
        last, prefixes, more = "", 0, False
        for text, entry in self._bucket.entries(prefix, delimiter, after):
            if len(rows) == most:
                more = True
                break
            last = text
            if entry is None:
                prefixes += 1
                rows.append(f"<CommonPrefixes><Prefix>{shown(text)}</Prefix></CommonPrefixes>")
            else:
                rows.append(_row(shown(text), *self._bucket.row(entry)))
        self.counts["LIST asset" if "/" in prefix else "LIST bucket"] += 1
        if "/" not in prefix:
            self.counts["prefixes"] += prefixes
        encoding = "<EncodingType>url</EncodingType>" if shown is _quoted else ""
        token = f"<NextContinuationToken>{last.encode().hex()}</NextContinuationToken>" if more else ""
        return _answer(
            200,
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{shown(prefix)}</Prefix><Delimiter>{delimiter}</Delimiter>"
            f"<MaxKeys>{most}</MaxKeys>{encoding}<KeyCount>{len(rows)}</KeyCount>"
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{''.join(rows)}"
            "</ListBucketResult>".encode(),
        )

    def _live(self, key: str, headers: Headers) -> Stored:
        stored = self._bucket.get(key)
        if stored is None:
            raise Refused(404)
        if not _same(headers.get("if-match"), stored):
            raise Refused(412)
        return stored

    def _get(self, key: str, headers: Headers, _: bytes) -> bytes:
        stored = self._live(key, headers)
        return _answer(200, stored.body, "application/json", _about(stored))

    def _head(self, key: str, headers: Headers, _: bytes) -> bytes:
        stored = self._live(key, headers)
        about = _about(stored)
        return _head(200, len(stored.body), "application/json", about)

    def _put(self, key: str, headers: Headers, body: bytes) -> bytes:
        self._check(key, headers)
        stored = _stored(body)
        self._bucket.put(key, stored)
        return _answer(200, extra=_about(stored))

    def _copy(self, key: str, headers: Headers, _: bytes) -> bytes:
        self._check(key, headers)
        bucket, _, name = unquote(headers["x-amz-copy-source"]).lstrip("/").partition("/")
        source = self._bucket.get(name) if bucket == BUCKET else None
        if source is None:
            raise Refused(404)
        if not _same(headers.get("x-amz-copy-source-if-match"), source):
            raise Refused(412)
        stored = _stored(source.body)
        self._bucket.put(key, stored)
        return _answer(
            200,
            f"<CopyObjectResult><LastModified>{_iso(stored.modified_at)}</LastModified>"
            f"<ETag>&quot;{stored.etag}&quot;</ETag></CopyObjectResult>".encode(),
        )

    def _delete(self, key: str, headers: Headers, _: bytes) -> bytes:
        if "if-match" in headers:
            self._check(key, headers)
        self._bucket.put(key, None)
        return _answer(204)

    def _check(self, key: str, headers: Headers) -> None:
        """Raises Refused where a condition on the target does not hold."""
        live = self._bucket.get(key)
        if "if-none-match" in headers and live is not None:
            raise Refused(412)
        if "if-match" in headers and live is None:
            raise Refused(404)
        if live is not None and not _same(headers.get("if-match"), live):
            raise Refused(412)


def _stored(body: bytes) -> Stored:
    return Stored(body, md5(body), datetime.now(UTC).replace(microsecond=0))


def _same(condition: str | None, live: Stored) -> bool:
    return condition in (None, "*") or (condition or "").strip('"') == live.etag


def _parameters(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {name: unquote_plus(value) for name, _, value in pairs}


def _quoted(text: str) -> str:
    return text if PLAIN.fullmatch(text) else quote(text, safe="/")


@lru_cache(64)
def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


@lru_cache(64)
def _http_time(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def _row(key: str, etag: str, size_bytes: int, modified_at: datetime) -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>{_iso(modified_at)}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{size_bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _about(stored: Stored) -> str:
    return f'ETag: "{stored.etag}"\r\nLast-Modified: {_http_time(stored.modified_at)}\r\n'


def _head(status: int, size_bytes: int, content_type: str, extra: str) -> bytes:
    length = "" if status == 204 else f"Content-Type: {content_type}\r\nContent-Length: {size_bytes}\r\n"
    return f"HTTP/1.1 {status} {STATUSES[status]}\r\nServer: light\r\n{length}{extra}\r\n".encode()


def _answer(status: int, body: bytes = b"", content_type: str = "application/xml", extra: str = "") -> bytes:
    return _head(status, len(body), content_type, extra) + body


def _error(refused: Refused, *, bodiless: bool = False) -> bytes:
    message = MESSAGES[refused.status][1]
    body = f"<Error><Code>{refused.code}</Code><Message>{message}</Message></Error>".encode()
    return _answer(refused.status, b"" if bodiless else body)


def main() -> None:
    """Serve a world's objects."""
    options = parser(__doc__)
    options.add_argument(
        "--drift-every", type=int, default=0, metavar="K", help="each K-th subject.json is stale"
    )
    options.add_argument(
        "--differences", type=int, default=0, metavar="N", help="all its core files are, in N fields each"
    )
    options.add_argument("--no-originals", action="store_true", help="no asset has a copy of a core file")
    options.add_argument("--warm", action="store_true", help="compute the ETags first")
    chosen = options.parse_args()
    world = World(chosen.assets, chosen.generation, chosen.bare_every, heavy=chosen.heavy)
    bucket = Bucket(
        world, chosen.drift_every, originals=not chosen.no_originals, differences=chosen.differences
    )
    if chosen.warm:
        bucket.warm()
    service = Service(bucket)
    latency_s = chosen.latency_ms / 1_000
    run(serve(lambda: Connection(service, latency_s), chosen.port, chosen.until_eof))


if __name__ == "__main__":
    main()
