"""What an action rests on in the other systems, read again before it is carried out.

No system can enforce these: they are looked at as late as is reasonable. Source: DOMAIN, "The systems' habits".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Literal

from indexer.errors import SystemFaultError
from indexer.model.location import Location, parse_location
from indexer.model.ports import DataAssetReader, ObjectReader
from indexer.model.snapshot import RESULT_TAGS, DataAsset


class Evidence:
    """Fresh reads: folders one by one, Code Ocean's searches once for a run, failed or not. Safe for threads."""

    def __init__(self, objects: ObjectReader, data_assets: DataAssetReader | None) -> None:
        self._objects, self._data_assets = objects, data_assets
        self._lock = Lock()
        self._found: dict[str, tuple[DataAsset, ...] | SystemFaultError] = {}

    def against(
        self,
        location: str,
        gone: Literal["folder", "result"] | None = None,
        mounts: Sequence[str] | None = None,
        *,
        result: bool = False,
    ) -> str:
        """What speaks against an action by now; empty where nothing does. Raises SystemFaultError.

        `gone`, `mounts`: what its precondition says; `result`: the result must be there still.
        """
        place = parse_location(location)
        if place is None:
            return "its location is not usable"
        if gone == "folder" and not self._objects.listing(place.bucket, place.key("")).empty:
            return "the asset's folder is there by now"
        if gone == "result" and self._is_result(place):
            return "the result is there by now"
        if result and not self._is_result(place):
            return "the result is gone by now"
        if mounts is not None and sorted(mounts) != self._mounting(place):
            return "other data assets mount the asset by now"
        return ""

    def _mounting(self, location: Location) -> list[str]:
        return sorted(one.id for one in self._search("mounted") if one.location == location)

    def _is_result(self, location: Location) -> bool:
        return any(one.id == location.prefix for one in self._search("results") if not one.has_source_bucket)

    def _search(self, what: Literal["mounted", "results"]) -> tuple[DataAsset, ...]:
        reader = self._data_assets
        if reader is None:
            return ()
        read: Callable[[], Iterable[Sequence[DataAsset]]] = (
            reader.mounted if what == "mounted" else lambda: reader.results(RESULT_TAGS)
        )
        with self._lock:
            if what not in self._found:
                try:
                    self._found[what] = tuple(one for page in read() for one in page)
                except SystemFaultError as exc:
                    self._found[what] = exc  # it has cost its retries: once is enough
            found = self._found[what]
        if isinstance(found, SystemFaultError):
            raise found
        return found
