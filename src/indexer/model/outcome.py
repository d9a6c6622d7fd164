"""What came of each action: the journal's lines and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from indexer.model.approvals import AcceptedApproval
from indexer.model.content import FileModel, Said
from indexer.model.meaning import Meaning
from indexer.model.plan import FORMAT_VERSION

Status = Literal["applied", "satisfied", "stale", "failed", "skipped"]
OUTCOMES: Mapping[Status, Meaning] = {
    "applied": Meaning(
        "Written by this run.", "Nothing.", "The plan asked for it, and all that it rests on still held."
    ),
    "satisfied": Meaning(
        "Already as desired; nothing was written.",
        "Nothing.",
        "An earlier run of the plan, or somebody else, did it. It is nobody's write of this run, so an undo leaves it alone.",
    ),
    "stale": Meaning(
        "Somebody else changed the target, or what the action rests on, since the plan. It was left alone.",
        "Plan again.",
        "A person or another program wrote between plan and apply.",
    ),
    "failed": Meaning(
        "The system refused the write, or did not answer.",
        "Look at `detail`, then apply the same plan again.",
        "A permission is missing, a system is down, or it cannot hold the value.",
    ),
    "skipped": Meaning(
        "An action that it rests on did not succeed, or the run was interrupted before it.",
        "As for the action that it rests on; apply again after an interruption.",
        "Each step of an asset is taken only if the ones before it succeeded.",
    ),
}
SUCCEEDED: frozenset[Status] = frozenset({"applied", "satisfied"})


class BeforeImage(FileModel):
    """What a write replaced or deleted, kept so that it can be undone."""

    kind: Literal["absent", "object", "record", "data-asset"] = Field(
        description="What was there before the write."
    )
    archive: str | None = Field(
        default=None, description="The sha256 that names the body in the run's archive."
    )
    place: str | None = Field(
        default=None,
        description="The archive that holds it: a folder, from the result's on, or an `s3://` prefix. Absent: the "
        "result's `archive`.",
    )
    etag: str | None = Field(default=None, description="Of the S3 object that was there.")


class AfterImage(FileModel):
    """What a write left behind, nothing where it deleted: an undo takes it back only while it is still so."""

    key: str | None = Field(default=None, description="S3 key, if it was known only after apply.")
    etag: str | None = Field(default=None, description="Of the S3 object.")
    sha256: str | None = Field(
        default=None, description="Of the object's bytes, or the record's fingerprint."
    )
    modified: str | None = Field(default=None, description="The record's last-modified field.")
    data_asset_id: str | None = Field(
        default=None, description="Empty if only the lost answer to its creation would have told."
    )


class Outcome(FileModel):
    """What came of one action."""

    action_id: str = Field(description="The action's id in the plan.")
    status: Status = Field(description="What came of it; see below.")
    detail: Said = Field(default="", description="Why it did not succeed.")
    started_at: AwareDatetime = Field(description="When its write began, or when it was settled without one.")
    ended_at: AwareDatetime = Field(description="When its outcome was known.")
    attempts: int = Field(default=1, description="How often the write was tried.")
    before: BeforeImage | None = Field(
        default=None,
        description="The before-image of a write that was carried out, by this run or by an earlier one of the plan.",
    )
    after: AfterImage | None = Field(default=None, description="What the write left behind.")


@dataclass(frozen=True, slots=True)
class OurWrite:
    """A write of ours: what it replaced, and what it left, as far as that is known."""

    before: BeforeImage
    after: AfterImage | None
    sure: bool
    """It was carried out; else its answer was lost, and it may have been."""
    at: datetime | None = None
    """When it was intended, or was known to be carried out."""
    twins: tuple[str, ...] = ()
    """Data assets that two runs at the same moment created beside this one."""

    def twins_beside(self, other: AfterImage | None, last: AfterImage | None) -> tuple[str, ...]:
        """All that were created, here or in `other`, but the one in `last`."""
        ids = (*self.twins, *(one.data_asset_id for one in (self.after, other) if one is not None))
        return tuple(one for one in dict.fromkeys(ids) if one and (last is None or one != last.data_asset_id))

    def shows_in(self, live: AfterImage | None) -> bool:
        """Is what is there now what this write left? A record tells by its time, a file by its bytes."""
        left, live = self.after or AfterImage(), live or AfterImage()
        # By its time, not its fingerprint: other fields may have been changed since, and the write is still ours.
        if left.modified is not None:
            return left.modified == live.modified
        if left.sha256 is not None:
            return left.sha256 == live.sha256
        if left.data_asset_id is not None:  # empty: a new one's, which only the answer would have told
            return bool(live.data_asset_id) and left.data_asset_id in ("", live.data_asset_id)
        return live == AfterImage()


class PartOfPlan(FileModel):
    """What a run was asked for, where that was not the whole plan."""

    only: tuple[str, ...] = Field(
        default=(), description="What was to be carried out, as in `reason=links-stale`; empty: everything."
    )
    excepted: tuple[str, ...] = Field(default=(), description="What was to be left out, in the same form.")
    brought_along: tuple[str, ...] = Field(
        default=(), description="Ids of actions that nobody named, and that named ones rest on."
    )
    left_out: tuple[str, ...] = Field(
        default=(), description="Ids of actions that were left out since they rest on excepted ones."
    )
    not_selected: int = Field(description="So many actions of the plan the run was not asked for.")
    earlier: tuple[Outcome, ...] = Field(
        default=(),
        description="What came of those in earlier runs of the plan in the same folder, where any was.",
    )


class Result(FileModel):
    """One run of `apply`."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    run_id: str = Field(description="A new id for each run of `apply`.")
    plan_id: str = Field(description="The plan that was applied.")
    plan_digest: str = Field(description="Its digest.")
    tool_version: str = Field(description="The version of indexer that applied it.")
    started_at: AwareDatetime = Field(description="The beginning of the run, UTC.")
    ended_at: AwareDatetime = Field(description="Its end.")
    summary: dict[str, int] = Field(description="Actions by status.")
    archive: str = Field(
        default="archive", description="Where the before-images are: beside the result, or an `s3://` prefix."
    )
    selection: PartOfPlan | None = Field(
        default=None, description="Which part of the plan the run was asked for. Absent: all of it."
    )
    applied_by: str | None = Field(
        default=None,
        description="Who applied it, by the word of their own configuration (`approvals.applier`).",
    )
    approvals: tuple[AcceptedApproval, ...] = Field(
        default=(), description="The approvals that counted, whole: they can be verified again."
    )
    approvals_waived: str | None = Field(
        default=None, description="Why it was applied with fewer approvals than are required."
    )
    outcomes: tuple[Outcome, ...] = Field(
        description="One for each action of the plan, or of the part of it that was asked for, in its order."
    )

    @property
    def told(self) -> tuple[Outcome, ...]:
        """All outcomes that it tells of: of this run, and of earlier ones for what it was not asked for."""
        return (*self.outcomes, *(self.selection.earlier if self.selection else ()))

    @property
    def to_do(self) -> int:
        """So many actions of the plan neither this run nor an earlier one was asked for, or none of them succeeded in."""
        if self.selection is None:
            return 0
        return self.selection.not_selected - sum(one.status in SUCCEEDED for one in self.selection.earlier)

    @property
    def complete(self) -> bool:
        """Every action succeeded."""
        return self.summary.keys() <= SUCCEEDED
