"""Data-asset actions of a batch of assets. Code Ocean has no conditions: it is read again just before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.applier.evidence import Evidence
from indexer.applier.guard import stale
from indexer.applier.ledger import Ledger
from indexer.errors import SystemFaultError
from indexer.model.action import ArchiveDataAsset, CreateDataAsset, DataAssetAction, DeleteDataAsset
from indexer.model.location import parse_location
from indexer.model.outcome import AfterImage, BeforeImage
from indexer.model.ports import DataAssetReader, DataAssetWriter
from indexer.model.snapshot import DataAsset
from indexer.model.values import canonical

ATTEMPTS = 5
"""How often a creation whose answer was lost is looked for and sent again."""


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
                    self.ledger.settle(action, "failed", f"{exc.summary}: {exc.detail}")
            return
        for action in actions:
            if not self.ledger.ready(action):
                continue
            try:
                match action:
                    case CreateDataAsset():
                        self._create(action, mounted)
                    case ArchiveDataAsset() | DeleteDataAsset():
                        self._remove(action, mounted)
            except SystemFaultError as exc:
                self.ledger.settle(action, "failed", f"{exc.summary}: {exc.detail}")

    def _mounted(self) -> list[DataAsset]:
        return [one for page in self.reader.mounted() for one in page]

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
        found = mounted
        if isinstance(action, ArchiveDataAsset) and not action.archive:
            found = [one for page in self.reader.mounted(archived=True) for one in page]
        live = next((one for one in found if one.id == target_id), None)
        if live is None:
            self.ledger.settle(action, "satisfied", after=AfterImage(data_asset_id=target_id))
            return
        if str(live.location) != action.location:
            self.ledger.judged(action, stale("the data asset mounts another location by now"))
            return
        against = self.evidence.against(action.location, action.precondition.gone)
        if against:
            self.ledger.judged(action, stale(against))
            return
        image = {"id": live.id, "name": live.name, "location": str(live.location), "state": live.state}
        self.ledger.intend(action, BeforeImage(kind="data-asset", archive=self.ledger.keep(canonical(image))))
        if isinstance(action, ArchiveDataAsset):
            self.writer.archive(target_id, action.archive)
        else:
            self.writer.delete(target_id)
        self.ledger.settle(action, "applied", after=AfterImage(data_asset_id=target_id))
