"""DocDB's reader over its HTTP gateway. There is no writer: the gateway is not known to have conditions for one.

A page may be shorter than it was asked for without being the last, so a read of rows is complete when it has shown as many records
as the gateway counts. Source: `aind-data-access-api` 1.10, "May return a smaller set of records".
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from indexer.errors import SystemFaultError
from indexer.model.counting import counted
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.ids import IdKey, id_key
from indexer.model.location import SCHEME, Location
from indexer.model.snapshot import RecordRow
from indexer.systems.bson_values import archived, unarchived
from indexer.systems.gateway_client import HINT_LATER, Gateway, TooLargeError, no_answer
from indexer.systems.gateway_values import told_record, told_row
from indexer.systems.http_date import http_date

ROWS_A_PAGE = 1_000
READS = 3
"""So often the rows of a bucket are read, where what was shown and what is counted disagree: somebody may have been writing."""
ENDS_A_PAGE = 100
"""Records without a usable location are few."""
TOO_LARGE = "The record is over the gateway's limit"
HINT_WIRE = (
    "Plan over MongoDB's wire protocol (`docdb.uri`), which has no such limit; or leave the asset out."
)
Filter = Mapping[str, Any]
Sent = Mapping[str, Any]


class GatewayReader:
    """Reads rows and whole records, over HTTP."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def rows(self, generation: GenerationName, bucket: str) -> Iterator[tuple[RecordRow, ...]]:
        """Pages of the light rows of all records located in the bucket, by ranges of the location.

        Raises SystemFaultError at the end, where after several reads fewer or more were shown than are counted.
        """
        shown: set[IdKey] = set()
        for _ in range(READS):
            found: set[IdKey] = set()
            count = yield from self._once(generation, bucket, found, shown)
            if count == len(found):
                return
        detail = f"{generation} records of {bucket}: it shows {len(found)}, and counts {count}"
        raise SystemFaultError("DocDB's gateway does not show what it counts", detail, HINT_LATER)

    def _once(
        self, generation: GenerationName, bucket: str, found: set[IdKey], shown: set[IdKey]
    ) -> Generator[tuple[RecordRow, ...], None, int]:
        """One read from the first location to the last; returns how many records the gateway counts after it.

        `found`: what this read shows, `shown`: what any has. A page begins again at the last location of the one before, since
        two records may share it, and goes beyond it once it shows nothing new.
        """
        low, beyond, limit, expected = _low(bucket), False, ROWS_A_PAGE, 0
        what = f"read {generation} records of {bucket}"
        while True:
            where = {"location": {"$gt" if beyond else "$gte": low, "$lt": _high(bucket)}}
            page, limit = self._page(generation, where, limit, what)
            rows = [told_row(generation, one) for one in page]
            last = _last(rows, low, bucket, what)
            new = [row for row in rows if id_key(row.id) not in found]
            if beyond and page and not new:
                raise no_answer(f"{what}: a page comes again")
            found.update(id_key(row.id) for row in new)
            yield tuple(row for row in new if id_key(row.id) not in shown)
            shown.update(id_key(row.id) for row in new)
            # Short: the last one, or cut at the gateway's limit. Its count tells; it is asked again only when it may be reached.
            if len(page) < limit and (not page or len(found) >= expected):
                expected = self._count(generation, where={"location": _inside(bucket)}, what=what)
                if not page or len(found) == expected:
                    return expected
            if new:
                low, beyond = last, False
            elif len(page) < limit:
                beyond = True
            else:  # a whole page of one location: the next must hold more than that
                limit *= 2

    def unusable_rows(self, generation: GenerationName, bucket: str) -> tuple[RecordRow, ...]:
        """Records whose location is missing, not text or not `s3://`, or names no asset of this bucket.

        They stand at the two ends of the location's index. Each end is read up to the first location that is usable.
        """
        found: dict[str, RecordRow] = {}
        for direction in (1, -1):
            for row in self._end(generation, direction):
                found[repr(id_key(row.id))] = row
        what = f"read {generation} records that name {bucket} and no asset"
        named, _ = self._page(generation, {"location": f"{SCHEME}{bucket}"}, ROWS_A_PAGE, what, sort="_id")
        for row in (told_row(generation, one) for one in named):
            found[repr(id_key(row.id))] = row
        return tuple(found[key] for key in sorted(found))

    def _end(self, generation: GenerationName, direction: int) -> list[RecordRow]:
        """The records before the first usable location, from this end of the index."""
        what = f"read {generation} records without a usable location"
        asked = ENDS_A_PAGE
        while True:
            page, limit = self._page(generation, {}, asked, what, direction=direction)
            rows = [told_row(generation, one) for one in page]
            usable = next((at for at, row in enumerate(rows) if _beyond(row.location, direction)), None)
            if usable is not None:
                return rows[:usable]
            # Nothing usable in it: all that there is, or a page that must be longer. Cut at the gateway's limit, it cannot be.
            if len(page) < limit:
                if len(page) == self._count(generation, {}, what):
                    return rows
                raise SystemFaultError("DocDB's gateway does not show what it counts", what, HINT_WIRE)
            asked = 2 * limit

    def holds_any(self, generation: GenerationName) -> bool:
        """Is there a single record in the collection, of any bucket?"""
        what = f"look for any {generation} record"
        return bool(self._find(generation, {"limit": 1, "projection": {"_id": 1}}, what))

    def count(self, generation: GenerationName) -> int:
        """How many records the collection has, of all buckets."""
        return self._count(generation, {}, f"count {generation} records")

    def by_id(self, generation: GenerationName, ids: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
        """The bodies of those of the records that exist.

        One that the gateway cannot send is there, and raises SystemFaultError when it is opened: it is nobody else's fault.
        """
        if not all(isinstance(one, str) for one in ids):
            detail = f"{generation} records with an `_id` that is no text"
            raise SystemFaultError("DocDB's gateway does not tell types", detail, HINT_WIRE)
        left = list(ids)
        found: list[Mapping[str, Any]] = []
        while left:
            try:
                page = self._of(generation, left)
                if not page and not self._there(generation, left):
                    return tuple(found)
            except TooLargeError:
                page = []
            # Some are there, and none of them came: the first may be too large, and not the others.
            if not page and len(left) == 1:
                return (*found, _Unsendable(left[0]))
            if not page:
                half = len(left) // 2
                return (*found, *self.by_id(generation, left[:half]), *self.by_id(generation, left[half:]))
            found.extend(told_record(one) for one in page)
            left = [one for one in left if one not in {row["_id"] for row in page}]
        return tuple(found)

    def _of(self, generation: GenerationName, ids: Sequence[str]) -> list[Sent]:
        """As many of these records as one answer holds. Raises TooLargeError."""
        what = f"read {counted(len(ids), f'{generation} record')}"
        page = self._find(generation, {"filter": {"_id": {"$in": list(ids)}}, "limit": len(ids)}, what)
        if any(one["_id"] not in ids for one in page):
            raise no_answer(f"{what}: it sends others")
        return page

    def _there(self, generation: GenerationName, ids: Sequence[str]) -> bool:
        """Is any of these records there, though no answer holds it?"""
        what = f"look for {counted(len(ids), f'{generation} record')}"
        return self._count(generation, {"_id": {"$in": list(ids)}}, what) > 0

    def by_location(
        self, generation: GenerationName, locations: Sequence[Location]
    ) -> tuple[Mapping[str, Any], ...]:
        """The bodies of all records at these locations, with a trailing slash or without."""
        ids: list[Any] = []
        for location in locations:
            what = f"read {generation} records of {location}"
            where = {"location": {"$in": [str(location), f"{location}/"]}}
            page, _ = self._page(generation, where, ROWS_A_PAGE, what, sort="_id")
            if len(page) != self._count(generation, where, what):
                raise SystemFaultError("DocDB's gateway does not show what it counts", what, HINT_LATER)
            ids.extend(one["_id"] for one in page)
        return self.by_id(generation, ids)

    def server_time(self) -> datetime | None:
        """The gateway's clock, or None where it does not tell."""
        generation = next(iter(self._gateway.routes))
        query = {"limit": 1, "projection": {"_id": 1}}
        return http_date(self._gateway.ask(generation, "find", query, "ask for the time").date)

    def archive_form(self, body: Mapping[str, Any]) -> bytes:
        """The record with all its types, in the bytes of BSON."""
        return archived(body)

    def from_archive(self, form: bytes) -> Mapping[str, Any]:
        """The record that `archive_form` kept. Raises ValueError for anything else."""
        return unarchived(form)

    def _page(
        self,
        generation: GenerationName,
        where: Filter,
        limit: int,
        what: str,
        *,
        direction: int = 1,
        sort: str = "location",
    ) -> tuple[list[Sent], int]:
        """A page of light rows, and how many were asked for: half as many, as often as the answer is over the limit."""
        query = {"filter": where, "projection": _projection(generation), "sort": {sort: direction}}
        while True:
            try:
                return self._find(generation, {**query, "limit": limit}, what), limit
            except TooLargeError:
                if limit == 1:
                    raise
                limit //= 2

    def _find(self, generation: GenerationName, query: Mapping[str, Any], what: str) -> list[Sent]:
        found = self._gateway.ask(generation, "find", query, what).value
        if not isinstance(found, list) or not all(isinstance(one, dict) and "_id" in one for one in found):
            raise no_answer(f"{what}: no list of records")
        if len(found) > query["limit"]:
            raise no_answer(f"{what}: {len(found)} records, and {query['limit']} were asked for")
        return found

    def _count(self, generation: GenerationName, where: Filter, what: str) -> int:
        told_count = self._gateway.ask(generation, "count_documents", {"filter": where}, what).value
        count = told_count.get("filtered_record_count") if isinstance(told_count, dict) else None
        if not isinstance(count, int) or isinstance(count, bool):
            raise no_answer(f"{what}: no count")
        return count


def _low(bucket: str) -> str:
    return f"{SCHEME}{bucket}/"


def _high(bucket: str) -> str:
    return f"{SCHEME}{bucket}0"  # "0" follows "/"


def _inside(bucket: str) -> Filter:
    return {"$gte": _low(bucket), "$lt": _high(bucket)}


def _last(rows: Sequence[RecordRow], low: str, bucket: str, what: str) -> str:
    """The last location of a page. Raises SystemFaultError for rows that were not asked for, or are in another order."""
    for row in rows:
        # A list of locations may be found by one of them: the planner sees that it is no text.
        if isinstance(row.location, str):
            if not low <= row.location < _high(bucket):
                raise no_answer(f"{what}: other records, or in another order than was asked for")
            low = row.location
    return low


def _beyond(location: object, direction: int) -> bool:
    """Is it usable, or past what is not? Names of buckets start with a letter or a digit."""
    if not isinstance(location, str):
        return False
    return location >= f"{SCHEME}0" if direction > 0 else location < "s3:/0"


def _projection(generation: GenerationName) -> dict[str, int]:
    shape = GENERATIONS[generation]
    return dict.fromkeys(("_id", "location", "name", shape.modified_field, shape.links_field), 1)


class _Unsendable(Mapping[str, Any]):
    """A record that is there, and that cannot be had: only its `_id` is known."""

    def __init__(self, record_id: str) -> None:
        self._id = record_id

    def __getitem__(self, key: str) -> Any:
        if key == "_id":
            return self._id
        raise SystemFaultError(TOO_LARGE, self._id[:200], HINT_WIRE)

    def __iter__(self) -> Iterator[str]:
        raise SystemFaultError(TOO_LARGE, self._id[:200], HINT_WIRE)

    def __len__(self) -> int:
        raise SystemFaultError(TOO_LARGE, self._id[:200], HINT_WIRE)
