"""The stream that a run writes for programs: JSON lines of stable types, in the order in which things happen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from indexer.model.action import Action, ActionKind
from indexer.model.content import FileModel
from indexer.model.findings import FindingKind
from indexer.model.outcome import Status
from indexer.model.plan import FORMAT_VERSION
from indexer.model.reasons import Reason
from indexer.model.snapshot import SystemName


class _Event(FileModel):
    at: AwareDatetime = Field(description="When it was written, UTC.")


class RunStarted(_Event):
    """The first line."""

    type: Literal["run-started"] = "run-started"
    format_version: str = Field(
        default=FORMAT_VERSION, description="Of the stream: readers ignore types and fields they do not know."
    )
    command: Literal["plan", "apply"] = Field(description="What was called.")
    tool_version: str = Field(description="The version of indexer.")


class StageStarted(_Event):
    """A stage of work begins."""

    type: Literal["stage-started"] = "stage-started"
    stage: str = Field(description="For people; its words may change.")
    total: int | None = Field(default=None, description="Steps, where their number is known.")


class StageProgress(_Event):
    """How far the stage is; at most every two seconds."""

    type: Literal["stage-progress"] = "stage-progress"
    stage: str = Field(description="As it was started.")
    done: int = Field(description="Steps so far.")
    total: int | None = Field(default=None, description="Steps in all, where their number is known.")
    found: int = Field(description="Actions planned, or written.")


class ReadFinished(_Event):
    """`plan`: how far one read got."""

    type: Literal["read-finished"] = "read-finished"
    system: SystemName = Field(description="`s3`, `docdb` or `codeocean`.")
    scope: str = Field(description="What was read.")
    complete: bool = Field(description="It got to its end.")
    count: int = Field(description="Rows that were read.")
    why: str = Field(default="", description="Why it is incomplete.")


class ActionPlanned(_Event):
    """`plan`: an action of the finished plan."""

    type: Literal["action-planned"] = "action-planned"
    action_id: str = Field(description="The action's id in the plan.")
    kind: ActionKind = Field(description="What it does.")
    location: str = Field(description="The asset.")
    reason: Reason = Field(description="Why.")
    withheld_by: str | None = Field(default=None, description="The policy that holds it back.")


class FindingMade(_Event):
    """`plan`: something that a person must look at."""

    type: Literal["finding-made"] = "finding-made"
    kind: FindingKind = Field(description="What is wrong.")
    location: str | None = Field(default=None, description="The asset, if it has a usable location.")
    detail: str = Field(default="", description="Which record, file or value.")


class ActionSettled(_Event):
    """`apply`: what came of an action, as soon as the journal has it."""

    type: Literal["action-settled"] = "action-settled"
    action_id: str = Field(description="The action's id in the plan.")
    kind: ActionKind = Field(description="What it does.")
    location: str = Field(description="The asset.")
    reason: Reason = Field(description="Why.")
    status: Status = Field(description="As in the result.")
    detail: str = Field(default="", description="Why it did not succeed.")
    started_at: AwareDatetime = Field(description="When its write began.")
    ended_at: AwareDatetime = Field(description="When its outcome was known.")
    attempts: int = Field(default=1, description="How often the write was tried.")


def fields_of_action(action: Action) -> dict[str, str]:
    """By what an event names an action."""
    return {
        "action_id": action.id,
        "kind": action.kind,
        "location": action.location,
        "reason": action.reason,
    }


class RunFailed(_Event):
    """The error that ended the run; `run-finished` follows."""

    type: Literal["run-failed"] = "run-failed"
    summary: str = Field(description="What.")
    detail: str = Field(default="", description="Which.")
    hint: str = Field(default="", description="What to do next.")


class RunFinished(_Event):
    """The last line. If it is missing, the run was killed."""

    type: Literal["run-finished"] = "run-finished"
    exit_code: int = Field(description="The process's.")
    plan_id: str | None = Field(default=None, description="The plan that was made, or applied.")
    file: str | None = Field(default=None, description="The plan or the result that was written.")
    complete: bool | None = Field(default=None, description="`plan`: every read got to its end.")
    counts: dict[str, int] = Field(
        default_factory=dict, description="`plan`: actions by kind; `apply`: actions by status."
    )


AnyEvent = (
    RunStarted
    | StageStarted
    | StageProgress
    | ReadFinished
    | ActionPlanned
    | FindingMade
    | ActionSettled
    | RunFailed
    | RunFinished
)
Event = Annotated[AnyEvent, Field(discriminator="type")]
"""One line."""
