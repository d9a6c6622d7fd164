"""Data-asset actions of a batch of assets. Code Ocean has no conditions: it is read again just before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence, is_fresh
from indexer.applier.guard import SATISFIED, stale
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import ArchiveDataAsset, CreateDataAsset, DataAssetAction, DeleteDataAsset
from indexer.model.location import Location, parse_location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import DataAssetReader, DataAssetWriter
from indexer.model.snapshot import DataAsset
from indexer.model.values import canonical

ATTEMPTS = 5
"""How often a write whose answer was lost is looked for and sent again: archiving twice does no harm."""
LOOKS_S = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Pauses between the looks for a data asset whose creation was not answered: a search lags behind, and two of one asset
are worse than none."""
NOT_SHOWN = "the data asset is there, and Code Ocean's search does not show it: apply again later"
LAGS = timedelta(minutes=10)
"""For so long what an earlier run created, or may have, can still come to light."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Look:
    """What a search has shown, and what was created since."""

    began_at: datetime
    mounted: list[DataAsset]


@dataclass(frozen=True, slots=True)
class DataAssetApplier:
    """Carries out data-asset actions."""

    reader: DataAssetReader
    writer: DataAssetWriter
    evidence: Evidence
    ledger: Ledger
    pause: Callable[[float], None]
    """Waits so many seconds."""

    def apply(self, actions: Sequence[DataAssetAction]) -> None:
        """A batch of actions, in order, on one fresh search, which is spared where all are settled already."""
        look: _Look | None = None
        for action in actions:
            while self.ledger.ready(action):
                try:
                    # Old by the second action where a machine slept. What was created here since, a search may not show
                    # yet: no other action of the batch is about that location.
                    if look is None or not is_fresh(look.began_at, self.ledger.clock()):
                        look = _Look(self.ledger.clock(), self._mounted(actions))
                except SystemFaultError as exc:
                    for one in filter(self.ledger.ready, actions):
                        self.ledger.failed(one, exc.what)
                    return
                with carrying_out(action.id):
                    self._carry_out(action, look)

    def _carry_out(self, action: DataAssetAction, look: _Look) -> None:
        """Settled after it, unless the look had grown old before the write was sent: then it was not sent."""
        try:
            match action:
                case CreateDataAsset():
                    self._create(action, look)
                case ArchiveDataAsset() | DeleteDataAsset():
                    self._remove(action, look)
        except SystemFaultError as exc:  # counted where Code Ocean was asked; it may be S3's
            self.ledger.failed(action, exc.what)

    def _intended(self, action: DataAssetAction, look: _Look, before: BeforeImage, after: AfterImage) -> bool:
        """Journal that this write comes next. False where a machine has slept since the look: it must not be sent."""
        self.ledger.intend(action, before, after)
        if is_fresh(look.began_at, self.ledger.clock()):
            return True
        self.ledger.refused(action)
        return False

    def _mounted(self, actions: Sequence[DataAssetAction]) -> list[DataAsset]:
        """What is mounted. What an undo deletes was created lately: it is waited for, since a search lags behind."""
        wanted = {
            one.target.data_asset_id or ""
            for one in actions
            if isinstance(one, DeleteDataAsset) and one.reason == "undo"
        }
        found = self._search(archived=False)
        for pause_s in LOOKS_S:
            if wanted <= {one.id for one in found}:
                break
            self.pause(pause_s)
            found = self._search(archived=False)
        return found

    def _search(self, *, archived: bool) -> list[DataAsset]:
        return self._asked(lambda: [one for page in self.reader.mounted(archived=archived) for one in page])

    def _asked(self, ask: Callable[[], T]) -> T:
        """Its answer. A system that does not answer is not asked for ever."""
        try:
            answer = ask()
        except SystemFaultError as exc:
            self.ledger.noted("codeocean", exc)
            raise
        self.ledger.noted("codeocean")
        return answer

    def _create(self, action: CreateDataAsset, look: _Look) -> None:
        """Look before creating: one that mounts the location already is as good, and never are there two."""
        location = parse_location(action.location)
        if location is None:
            raise AssertionError("bounds let only usable locations pass")
        there = _mounting(look.mounted, location)
        if there is not None:
            self.ledger.judged(action, SATISFIED, there)
            return
        if self._sent_lately(action, location):
            return
        if against := self.evidence.against(action):
            self.ledger.judged(action, stale(against))
            return
        # Not None, which would say that the write leaves nothing: there will be an id, and only the answer tells it.
        if not self._intended(action, look, BeforeImage(kind="absent"), AfterImage(data_asset_id="")):
            return
        try:
            created = self.writer.create(location, action.content.name, action.content.tags)
        except SystemFaultError as exc:
            self.ledger.noted("codeocean", exc)
            if exc.refused:
                self.ledger.refused(action)
                raise
            if not self._comes_to_light(action, location):
                self.ledger.failed(action, f"{exc.what}; {_look_for(location)}")
            return
        look.mounted.append(created)  # the search is the batch's: the next action must see it
        self.ledger.written(action, AfterImage(data_asset_id=created.id))

    def _sent_lately(self, action: CreateDataAsset, location: Location) -> bool:
        """An earlier run has sent it, and the search may not show it yet. Settled where nothing may be sent now."""
        earlier = self.ledger.sent_before(action)
        if earlier is None or earlier.at is None or self.ledger.clock() - earlier.at >= LAGS:
            return False
        if self._comes_to_light(action, location):
            return True
        if earlier.sure:
            self.ledger.failed(
                action, f"an earlier run created it, and no search shows it; {_look_for(location)}"
            )
        return earlier.sure

    def _comes_to_light(self, action: CreateDataAsset, location: Location) -> bool:
        """An answer was lost: look several times, for a bounded time. Settled where it was carried out."""
        for pause_s in (*LOOKS_S, 0.0):  # the last look is not waited after
            there = _mounting(self._search(archived=False), location)
            if there is not None:
                self.ledger.judged(action, SATISFIED, there)
                return True
            self.pause(pause_s)
        return False

    def _remove(self, action: ArchiveDataAsset | DeleteDataAsset, look: _Look) -> None:
        """As wanted is satisfied; what was deleted cannot come out of the archive again."""
        target_id = action.target.data_asset_id or ""
        back = isinstance(action, ArchiveDataAsset) and not action.archive
        if back:
            look = _Look(self.ledger.clock(), self._search(archived=True))
        for attempt in range(1, ATTEMPTS + 1):
            live = _by_id(look.mounted, target_id)
            if live is None:
                self._not_there(action, back=back)
                return
            # The id is only the plan's word: a forged one could name any data asset. What it mounts must fit, too.
            if str(live.location) != action.location:
                self.ledger.judged(action, stale("the data asset mounts another location by now"))
                return
            if against := self.evidence.against(action):
                self.ledger.judged(action, stale(against))
                return
            image = {"id": live.id, "name": live.name, "location": str(live.location), "state": live.state}
            before = self.ledger.kept("data-asset", canonical(image))
            if not self._intended(action, look, before, _left(action)):
                return
            try:
                if isinstance(action, ArchiveDataAsset):
                    self.writer.archive(target_id, action.archive)
                else:
                    self.writer.delete(target_id)
            except SystemFaultError as exc:
                self.ledger.noted("codeocean", exc)
                if attempt == ATTEMPTS:
                    raise
                # The answer may have been lost after the work was done: the next round looks before it sends again.
                look = _Look(self.ledger.clock(), self._search(archived=back))
                continue
            self.ledger.written(action, _left(action), attempts=attempt)
            return

    def _not_there(self, action: ArchiveDataAsset | DeleteDataAsset, *, back: bool) -> None:
        """It is not where it was: it is as wanted, or it was deleted, or the search shows a part of what there is."""
        target_id = action.target.data_asset_id or ""
        # Asked by its id: a search that shows a part must not pass for a deletion (DOMAIN, "What must never happen" 1).
        if self._asked(lambda: self.reader.exists(target_id)):
            if _by_id(self._search(archived=not back), target_id) is None:
                self.ledger.failed(action, NOT_SHOWN)
            else:
                self.ledger.judged(action, SATISFIED, _left(action))
        elif back:
            self.ledger.judged(action, stale("the data asset was deleted, and cannot come back"))
        else:  # gone for good: nothing of it is left to archive, and nothing of ours
            left = _left(action) if isinstance(action, DeleteDataAsset) else AfterImage()
            self.ledger.judged(action, SATISFIED, left)


def _left(action: ArchiveDataAsset | DeleteDataAsset) -> AfterImage:
    return AfterImage(data_asset_id=action.target.data_asset_id)


def _by_id(found: Sequence[DataAsset], data_asset_id: str) -> DataAsset | None:
    return next((one for one in found if one.id == data_asset_id), None)


def _mounting(found: Sequence[DataAsset], location: Location) -> AfterImage | None:
    """The first of those that mount the location."""
    there = sorted(one.id for one in found if one.location == location)  # of twins always the same one
    return AfterImage(data_asset_id=there[0]) if there else None


def _look_for(location: Location) -> str:
    return (
        f"whether it was created is not known: look in Code Ocean for a data asset that mounts {location}, "
        "and plan again"
    )
