"""What an action rests on in the other systems, looked at again before it is carried out.

No system can enforce these: they are looked at as late as is reasonable. Source: DOMAIN, "What must never happen" 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal

from indexer.errors import SystemFaultError
from indexer.model.action import Action, DeleteObject
from indexer.model.content import FieldOfRecord
from indexer.model.generation import DATA_DESCRIPTION, core_file, oldest_originals
from indexer.model.location import Location, parse_location
from indexer.model.ports import Readers
from indexer.model.snapshot import RESULT_TAGS, DataAsset
from indexer.model.values import NotJsonError, UnserialisableError, from_bytes, sha256

GROWS_OLD = timedelta(minutes=1)
"""A look that is older is taken again: a run may take hours, and a machine may sleep."""


def is_fresh(looked_at: datetime, now: datetime) -> bool:
    """May a write still rest on a look of then? Not where the clock was set back: its age would be wrong for hours."""
    return timedelta(0) <= now - looked_at < GROWS_OLD


class Evidence:
    """Fresh looks: folders, files and records one by one, Code Ocean's searches once a minute. Safe for threads."""

    def __init__(self, readers: Readers, originals_folder: str, clock: Callable[[], datetime]) -> None:
        self._readers, self._originals_folder, self._clock = readers, originals_folder, clock
        self._lock = Lock()
        self._found: dict[str, tuple[datetime, Sequence[DataAsset], SystemFaultError | None]] = {}

    def against(self, action: Action) -> str:
        """What speaks against an action by now; empty where nothing does. Raises SystemFaultError."""
        if action.rests_on is None:
            return ""
        location = parse_location(action.location)
        if location is None:
            return "its location is not usable"
        began = self._clock()
        against = next(filter(None, self._doubts(action, location)), "")
        # A machine may have slept between the first look and the last: each must be of about now.
        if not against and not is_fresh(began, self._clock()):
            against = next(filter(None, self._doubts(action, location)), "")
        return against

    def since(self, looked_at: datetime, action: Action) -> str:
        """The same once more, where the look has grown old: just before a write is sent.

        A machine may have slept while what the write replaces was kept, and its intent written down.
        """
        return "" if is_fresh(looked_at, self._clock()) else self.against(action)

    def _doubts(self, action: Action, location: Location) -> Iterator[str]:
        """One look after the other, the cheap ones first; the first that finds something is the last."""
        rests_on = action.rests_on
        if rests_on is None:
            return
        if rests_on.described is not None:
            yield self._description(location, rests_on.described)
        if rests_on.lacks is not None:
            yield self._record(location, rests_on.lacks)
        if rests_on.original is not None:
            yield self._file(location, rests_on.original, "its original is gone by now")
        if rests_on.root is not None:
            yield self._file(location, rests_on.root, "the file that it is the original of is gone by now")
        if rests_on.no_original is not None:
            yield self._originals(location, rests_on.no_original)
        if rests_on.folder is not None:
            yield self._folder(action, location, rests_on.folder)
        if rests_on.result is not None:
            yield self._result(location, rests_on.result)
        if rests_on.mounts is not None and sorted(rests_on.mounts) != self._mounting(location):
            yield "other data assets mount the asset by now"

    def _description(self, location: Location, described: str) -> str:
        read = self._readers.objects.get(location.bucket, location.key(core_file(DATA_DESCRIPTION)))
        if read is None:
            return f"{core_file(DATA_DESCRIPTION)} is gone by now"
        return (
            ""
            if sha256(read.body) == described
            else f"{core_file(DATA_DESCRIPTION)} was changed since the plan"
        )

    def _folder(self, action: Action, location: Location, wanted: Literal["gone", "kept"]) -> str:
        found = self._readers.objects.listing(location.bucket, location.key(""))
        # Any key counts, not only files of ours: data objects without metadata are an asset, too.
        if wanted == "gone":
            return "" if found.empty else "the asset's folder is there by now"
        own = action.target.key if isinstance(action, DeleteObject) else ""
        others = found.folders or [one for one in found.objects if one.key != own]
        return "" if others else "nothing else is in its folder by now: without it the asset would look gone"

    def _record(self, location: Location, lacks: FieldOfRecord) -> str:
        found = self._readers.records.by_location(lacks.generation, (location,))
        if len(found) != 1:
            return "the asset has no record by now" if not found else "two records have this location by now"
        return "" if found[0].get(lacks.field) is None else f"the record has {lacks.field} by now"

    def _file(self, location: Location, key: str, gone: str) -> str:
        return gone if self._readers.objects.get(location.bucket, key) is None else ""

    def _originals(self, location: Location, fields: Sequence[str]) -> str:
        """An original in JSON, the oldest of its field, would have the next plan delete the root file."""
        prefix = location.key(f"{self._originals_folder}/")
        listed = self._readers.objects.listing(location.bucket, prefix).objects
        for field, key in sorted(oldest_originals(info.key for info in listed).items()):
            if field in fields and self._is_json(location, key):
                return f"{field} has an original by now: without it in the record, its root file would be deleted"
        return ""

    def _is_json(self, location: Location, key: str) -> bool:
        read = self._readers.objects.get(location.bucket, key)
        try:
            return read is not None and from_bytes(read.body) is not None
        except NotJsonError:
            return False
        except UnserialisableError:
            return True  # JSON that we cannot hold is JSON: the next plan would take it for a good original

    def _result(self, location: Location, wanted: Literal["wanted", "gone"]) -> str:
        results, fault = self._search("results")
        found = [one for one in results if one.id == location.prefix and not one.has_source_bucket]
        if fault is not None and not found:  # what was not seen may be there all the same
            raise fault
        if wanted == "gone":
            return "the result is there by now" if found else ""
        if not found:
            return "the result is gone by now"
        if found[0].state != "ready" or not found[0].has_computation:
            return "the result is not ready by now, or names no computation"
        return ""

    def _mounting(self, location: Location) -> list[str]:
        data_assets, fault = self._search("mounted")
        if fault is not None:
            raise fault
        return sorted(one.id for one in data_assets if one.location == location)

    def _search(
        self, what: Literal["mounted", "results"]
    ) -> tuple[Sequence[DataAsset], SystemFaultError | None]:
        """What a search that is fresh enough found, and why it is not whole, if it is not.

        One that failed has cost its retries, and is not made again for as long.
        """
        reader = self._readers.data_assets
        if reader is None:
            raise SystemFaultError(
                "Code Ocean is not configured", f"search {what}", "Add [codeocean] to indexer.toml."
            )
        read: Callable[[], Iterable[Sequence[DataAsset]]] = (
            reader.mounted if what == "mounted" else lambda: reader.results(RESULT_TAGS)
        )
        # Held during the search: threads that ask meanwhile want its answer, not a search of their own.
        with self._lock:
            known = self._found.get(what)
            if known is None or not is_fresh(known[0], self._clock()):
                known = self._clock(), *_all_pages(read)
                self._found[what] = known
        return known[1:]


def _all_pages(
    read: Callable[[], Iterable[Sequence[DataAsset]]],
) -> tuple[Sequence[DataAsset], SystemFaultError | None]:
    found: list[DataAsset] = []
    try:
        for page in read():
            found.extend(page)
    except SystemFaultError as exc:
        return found, exc
    return found, None
