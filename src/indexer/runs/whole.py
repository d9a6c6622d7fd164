"""All of what each action of a plan replaces and writes, read from the live systems: readers only, asset by asset."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from threading import Lock

from indexer.applier.bounds import Bounds, check_bounds
from indexer.applier.contents import Sources
from indexer.applier.evidence import Evidence
from indexer.applier.preview import AssetPreview
from indexer.config import Config
from indexer.errors import UsageError
from indexer.model.action import Action
from indexer.model.location import parse_location
from indexer.model.observer import NOBODY, Observer
from indexer.model.place import Everywhere, Place
from indexer.model.plan import Plan
from indexer.model.ports import Archive, ObjectReader, PreconditionFailed, Readers
from indexer.model.snapshot import DataAsset, Listing, ObjectBody
from indexer.model.whole import Whole
from indexer.model.wire_listing import WireListing
from indexer.runs.allowed import bounds_of
from indexer.runs.connect import open_readers
from indexer.runs.undone import check_images
from indexer.systems.archive import open_archive
from indexer.threads import pool_of

AHEAD = 8
"""Assets that are read while the one before them is shown; each may hold megabytes."""


@dataclass(slots=True)
class WholeReader:
    """Reads differences in the order in which they are asked for, a few assets ahead, and forgets what was shown."""

    shown: Sequence[Action]
    """In the order in which they will be asked for."""
    preview: Callable[[str], Mapping[str, Whole]]
    """Of one asset's actions, by their ids."""
    pool: Executor
    unread: int = 0
    """So many differences could not be read."""
    _names: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _coming: OrderedDict[str, Future[Mapping[str, Whole]]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._names = list(dict.fromkeys(one.location for one in self.shown))
        self._places = {name: at for at, name in enumerate(self._names)}

    def of(self, action: Action) -> Whole:
        """One action's difference."""
        at = self._places[action.location]
        for name in self._names[at : at + AHEAD]:
            if name not in self._coming:
                self._coming[name] = self.pool.submit(self.preview, name)
        found = self._coming[action.location].result()[action.id]
        while len(self._coming) > 2 * AHEAD:
            self._coming.popitem(last=False)
        self.unread += found.unread
        return found


@contextmanager
def whole_differences(
    plan: Plan, shown: Plan, config: Config, undoes: Place | None = None, observer: Observer = NOBODY
) -> Iterator[WholeReader]:
    """Connect for reading. `shown`: the part of the plan; `undoes`: as for `apply`. Raises RefusedError for a plan that leads to what is not ours to show."""
    bounds = bounds_of(config)
    check_shown(plan, bounds, undoes)
    with open_readers(config, None, observer) as readers, pool_of(AHEAD, "show") as pool:
        yield reader_of(plan, shown, readers, bounds, pool)


def _every(plan: Plan) -> Iterator[Action]:
    yield from plan.actions
    yield from (held.action for held in plan.withheld)


def check_shown(plan: Plan, bounds: Bounds, undoes: Place | None) -> None:
    """A plan may have been made by anybody: what it names of other places must not get onto a page that others see."""
    for one in _every(plan):
        alone = one.model_copy(update={"after": ()})
        check_bounds(plan.model_copy(update={"actions": (alone,)}), bounds)
    check_images(plan, undoes)


def reader_of(
    plan: Plan,
    shown: Plan,
    readers: Readers,
    bounds: Bounds,
    pool: Executor,
    open_place: Callable[[str], Archive] | None = None,
) -> WholeReader:
    """The reader on open systems. `open_place`: opens an archive; None: a folder of this machine, or objects in S3."""

    def here_or_in_s3(place: str) -> Archive:
        return open_archive(place, lambda: (readers.objects, _NoWriter()), Everywhere())

    evidence = Evidence(readers, bounds.originals_folder, lambda: datetime.now(UTC))
    searching = Lock()

    @cache
    def searched() -> tuple[DataAsset, ...]:
        reader = readers.data_assets
        return () if reader is None else tuple(one for page in reader.mounted() for one in page)

    def mounted() -> tuple[DataAsset, ...]:
        with searching:  # one search for all assets: it is slow, and a plan may be of thousands
            return searched()

    by_asset: dict[str, list[Action]] = {}
    for one in _every(plan):
        by_asset.setdefault(one.location, []).append(one)
    asked = {one.id for one in _every(shown)}

    def preview(name: str) -> Mapping[str, Whole]:
        location = parse_location(name)
        if location is None:
            raise UsageError("The plan names no usable location", name, "Plan again.")
        seen = _SeenObjects(readers.objects)
        asset = AssetPreview(
            location,
            by_asset[name],
            seen,
            readers.records,
            Sources(seen, readers.records, open_place or here_or_in_s3),
            evidence,
            tuple(bounds.collections),
            mounted,
        )
        return {one.id: asset.of(one) for one in by_asset[name] if one.id in asked}

    return WholeReader(tuple(_every(shown)), preview, pool)


class _SeenObjects:
    """S3 of one asset, where a file that was read is read no second time."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._held: dict[tuple[str, str], ObjectBody | None] = {}

    def prefixes(self, bucket: str) -> Iterator[tuple[str, ...]]:
        return self._reader.prefixes(bucket)

    def listing(self, bucket: str, prefix: str) -> Listing:
        return self._reader.listing(bucket, prefix)

    def listed(self, bucket: str, prefix: str) -> Listing | WireListing:
        return self._reader.listed(bucket, prefix)

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        if (bucket, key) not in self._held:
            self._held[bucket, key] = self._reader.get(bucket, key)
        return self._held[bucket, key]

    def server_time(self, bucket: str) -> datetime | None:
        return self._reader.server_time(bucket)


class _NoWriter:
    """An archive is only read here."""

    def put(self, bucket: str, key: str, body: bytes, etag: str | None) -> str | PreconditionFailed:
        raise AssertionError(f"nothing is written to show a plan: {bucket}, {key}, {len(body)}, {etag}")

    def delete(self, bucket: str, key: str, etag: str) -> PreconditionFailed | None:
        raise AssertionError(f"nothing is deleted to show a plan: {bucket}, {key}, {etag}")
