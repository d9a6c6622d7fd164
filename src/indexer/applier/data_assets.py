"""Data-asset actions of a batch of assets. Code Ocean has no conditions: it is read again just before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.applier.current import carrying_out
from indexer.applier.evidence import Evidence
from indexer.applier.guard import SATISFIED, stale
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import ArchiveDataAsset, CreateDataAsset, DataAssetAction, DeleteDataAsset
from indexer.model.location import parse_location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import DataAssetReader, DataAssetWriter
from indexer.model.snapshot import DataAsset
from indexer.model.values import canonical

ATTEMPTS = 5
"""How often a write whose answer was lost is looked for and sent again."""


@dataclass(frozen=True, slots=True)
class DataAssetApplier:
    """Carries out data-asset actions."""

    reader: DataAssetReader
    writer: DataAssetWriter
    evidence: Evidence
    ledger: Ledger

    def apply(self, actions: Sequence[DataAssetAction]) -> None:
        """A batch of actions, in order, on one fresh search."""
        if not actions:
            return
        try:
            mounted = self._mounted()
        except SystemFaultError as exc:
            for action in actions:
                if self.ledger.ready(action):
                    self.ledger.settle(action, "failed", exc.what)
            return
        for action in actions:
            if self.ledger.ready(action):
                with carrying_out(action.id):
                    self._carry_out(action, mounted)

    def _carry_out(self, action: DataAssetAction, mounted: list[DataAsset]) -> None:
        try:
            match action:
                case CreateDataAsset():
                    self._create(action, mounted)
                case ArchiveDataAsset() | DeleteDataAsset():
                    self._remove(action, mounted)
        except SystemFaultError as exc:
            self.ledger.settle(action, "failed", exc.what)

    def _mounted(self, *, archived: bool = False) -> list[DataAsset]:
        return [one for page in self.reader.mounted(archived=archived) for one in page]

    def _create(self, action: CreateDataAsset, mounted: list[DataAsset]) -> None:
        """Look before creating: one that mounts the location already is as good, and never are there two."""
        location = parse_location(action.location)
        if location is None:
            raise AssertionError("bounds let only usable locations pass")
        for attempt in range(1, ATTEMPTS + 1):
            there = sorted(one.id for one in mounted if one.location == location)
            if there:
                self.ledger.settle(action, "satisfied", after=AfterImage(data_asset_id=there[0]))
                return
            if against := self.evidence.against(action):
                self.ledger.judged(action, stale(against))
                return
            self.ledger.intend(action, BeforeImage(kind="absent"))
            try:
                created = self.writer.create(location, action.content.name, action.content.tags)
            except SystemFaultError:
                if attempt == ATTEMPTS:
                    raise
                mounted[:] = self._mounted()
                continue
            mounted.append(created)
            after = AfterImage(data_asset_id=created.id)
            self.ledger.settle(action, "applied", after=after, attempts=attempt)
            return

    def _remove(self, action: ArchiveDataAsset | DeleteDataAsset, mounted: list[DataAsset]) -> None:
        """As wanted, or gone, is satisfied; one that mounts another location by now is stale."""
        target_id = action.target.data_asset_id or ""
        back = isinstance(action, ArchiveDataAsset) and not action.archive
        found = self._mounted(archived=True) if back else mounted
        done = AfterImage(data_asset_id=target_id)
        for attempt in range(1, ATTEMPTS + 1):
            live = next((one for one in found if one.id == target_id), None)
            against = self._against(action, live)
            if live is None or against:
                self.ledger.judged(action, stale(against) if against else SATISFIED, done)
                return
            image = {"id": live.id, "name": live.name, "location": str(live.location), "state": live.state}
            kept = self.ledger.keep(canonical(image))
            self.ledger.intend(action, BeforeImage(kind="data-asset", archive=kept))
            try:
                if isinstance(action, ArchiveDataAsset):
                    self.writer.archive(target_id, action.archive)
                else:
                    self.writer.delete(target_id)
            except SystemFaultError:
                if attempt == ATTEMPTS:
                    raise
                found = self._mounted(archived=back)
                continue
            self.ledger.settle(action, "applied", after=done, attempts=attempt)
            return

    def _against(self, action: ArchiveDataAsset | DeleteDataAsset, live: DataAsset | None) -> str:
        """What speaks against it by now."""
        if live is not None and str(live.location) != action.location:
            return "the data asset mounts another location by now"
        return self.evidence.against(action) if live is not None else ""
