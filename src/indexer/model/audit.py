"""What an audit of a run shows: who applied what, by whose word, what it took away, what holds, and what does not."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from indexer.model.action import ActionKind
from indexer.model.approvals import AcceptedApproval
from indexer.model.content import FileModel, Said
from indexer.model.outcome import Status
from indexer.model.plan import FORMAT_VERSION
from indexer.model.reasons import Reason

FaultAbout = Literal["plan", "journal", "result", "image", "approval"]
ImageState = Literal["kept", "missing", "nothing"]
SignatureState = Literal["good", "bad", "unknown"]
CANNOT_SHOW = (
    "The journal and the result are not signed: whoever can write to this folder can write others that hold together.",
    "It tells what these runs say that they wrote: not what is there now, nor what anybody else wrote.",
    "A signature shows that a key signed, not who held it, when that was, nor that they looked.",
)


class AuditFault(FileModel):
    """Something that no run of ours leaves behind."""

    about: FaultAbout = Field(description="What it is about.")
    detail: Said = Field(description="What is wrong.")


class AuditedRun(FileModel):
    """One run of the plan."""

    run_id: str = Field(description="Its id.")
    started_at: AwareDatetime | None = Field(default=None, description="When it began.")
    ended_at: AwareDatetime | None = Field(
        default=None, description="When it ended; absent: it does not say that it did."
    )
    applied_by: str | None = Field(
        default=None, description="Who applied, by the word of their configuration."
    )
    waived: str | None = Field(default=None, description="Why it needed no more approvals.")


class AuditedApproval(FileModel):
    """An approval that a run says it was given."""

    run_id: str = Field(description="The run.")
    approval: AcceptedApproval = Field(description="As that run recorded it.")
    signature: SignatureState = Field(
        description="`good`: by a key of the configuration here. `unknown`: that has no such key. `bad`: it is not that key's."
    )


class AuditedLoss(FileModel):
    """Something that was taken away, or may have been."""

    action_id: str = Field(description="The action.")
    action: ActionKind = Field(description="Its kind.")
    reason: Reason = Field(description="Why it was planned.")
    location: str = Field(description="The asset.")
    target: Said = Field(description="What of it.")
    sure: bool = Field(description="It was carried out; else its answer was lost, and it may have been.")
    at: AwareDatetime | None = Field(default=None, description="When.")
    status: Status | None = Field(default=None, description="What the result says of it.")
    image: ImageState = Field(description="Whether what was there is kept: whether it can be had back.")
    archive: str | None = Field(default=None, description="By which name.")
    allowed_by: tuple[str, ...] = Field(default=(), description="Whose approvals speak of it.")


class Audit(FileModel):
    """What an audit shows, and what it cannot show."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    tool_version: str = Field(description="The version of indexer.")
    place: str = Field(description="The run's folder.")
    plan_id: str | None = Field(default=None, description="The plan.")
    plan_digest: str | None = Field(default=None, description="Its digest.")
    holds: bool = Field(description="Nothing is wrong with what was left behind.")
    faults: tuple[AuditFault, ...] = Field(default=(), description="What is wrong with it.")
    notes: tuple[Said, ...] = Field(default=(), description="What nobody can tell from it.")
    runs: tuple[AuditedRun, ...] = Field(default=(), description="Of the plan in this folder, in order.")
    approvals: tuple[AuditedApproval, ...] = Field(default=(), description="By whose word they wrote.")
    written: int = Field(default=0, description="So many actions were carried out, or may have been.")
    images: int = Field(default=0, description="So many before-images were read, and hash to their names.")
    losses: tuple[AuditedLoss, ...] = Field(
        default=(), description="What was deleted or archived, and links that were removed."
    )
    undo: str | None = Field(default=None, description="The command that plans the way back.")
    cannot_show: tuple[str, ...] = Field(
        default=CANNOT_SHOW, description="What no audit of these files can show."
    )
