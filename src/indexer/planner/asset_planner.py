"""How one asset is planned, and where: here, or on other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from indexer.model.plan import Finding
from indexer.model.ports import Readers
from indexer.model.snapshot import Asset
from indexer.model.values import HiddenTypeError
from indexer.planner.asset import AssetPlan, plan_asset
from indexer.planner.assets import Unread, read_assets
from indexer.planner.memo import Memo
from indexer.planner.register import plan_registration
from indexer.planner.results import plan_result
from indexer.planner.rules import Rules, WholeReads
from indexer.planner.whole_records import AssetToRead


@dataclass(frozen=True, slots=True)
class AssetPlanner:
    """How the assets of one bucket are planned; it crosses to other machines."""

    bucket: str
    rules: Rules
    whole: WholeReads
    results: bool = False
    """It is the bucket of results: nothing is written to it."""

    def decide(self, asset: Asset) -> AssetPlan:
        """One asset's plan. Raises MustReadError for what it must see."""
        try:
            return self._decided(asset)
        except HiddenTypeError as exc:
            # A write to its record would rest on it, and the asset's other writes on that one.
            detail = f"{exc}: nothing of the asset is planned"
            return AssetPlan(
                findings=(Finding(kind=exc.finding, location=str(asset.location), detail=detail),)
            )

    def _decided(self, asset: Asset) -> AssetPlan:
        if self.results:
            return plan_result(asset, self.rules, self.whole)
        if asset.rows:
            return plan_asset(asset, self.rules, self.whole)
        return plan_registration(asset, self.rules, self.whole)


PlanAssets = Callable[[Iterable[AssetToRead], AssetPlanner], Iterator[AssetPlan | Unread]]
"""Reads assets and plans each; what comes out is in the order of what goes in."""


def plan_here(readers: Readers, parallel: int, memo: Memo | None = None) -> PlanAssets:
    """In this process."""

    def plan_assets(work: Iterable[AssetToRead], planner: AssetPlanner) -> Iterator[AssetPlan | Unread]:
        recall = memo.of(planner, AssetPlan()) if memo is not None else None
        return read_assets(readers, work, planner.decide, planner.rules, parallel, recall)

    return plan_assets
