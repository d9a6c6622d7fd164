"""What is known of past runs of `apply`, from what they left behind."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from indexer.model.content import FileModel, Said
from indexer.model.outcome import Status
from indexer.model.plan import FORMAT_VERSION

RunState = Literal["done", "in-part", "running", "died", "unended", "unknown"]
TakenBack = Literal["no", "in-part", "yes"]


class Trouble(FileModel):
    """One action that was stale or failed."""

    status: Status = Field(description="`stale` or `failed`.")
    action_id: str = Field(description="Its id in the plan.")
    action: str = Field(default="", description="Its kind, where the plan is at hand.")
    location: str = Field(default="", description="Its asset, where the plan is at hand.")
    detail: Said = Field(default="", description="Why it did not succeed.")


class PastRun(FileModel):
    """What the runs of one plan left in a folder; the last of them where there are several."""

    place: str = Field(description="The folder, or the prefix in S3.")
    state: RunState = Field(
        description="`done`: all that was asked for succeeded. `in-part`: not all. `running`: it goes on. `died`: it did not get "
        "to its end. `unended`: one of the two, and no lock tells which. `unknown`: what is left of it does not say."
    )
    plan_id: str | None = Field(default=None, description="The plan that was applied.")
    run_id: str | None = Field(default=None, description="The last run.")
    runs: int = Field(default=0, description="So many times the plan was applied there.")
    started_at: AwareDatetime | None = Field(default=None, description="When the last run began.")
    ended_at: AwareDatetime | None = Field(default=None, description="When it was last heard of.")
    buckets: tuple[str, ...] = Field(default=(), description="The plan's.")
    actions: int | None = Field(default=None, description="How many actions the plan has.")
    summary: dict[str, int] = Field(
        default_factory=dict,
        description="Actions by status: of the last run, and of earlier ones for what it was not asked for.",
    )
    to_do: int = Field(default=0, description="So many actions no run was asked for, or none succeeded in.")
    trouble: tuple[Trouble, ...] = Field(
        default=(), description="The first that are stale or failed; `summary` counts all."
    )
    applied_by: str | None = Field(
        default=None, description="Who applied it last, by the word of their configuration."
    )
    approved_by: tuple[str, ...] = Field(default=(), description="Whose approvals counted then.")
    undoes: str | None = Field(default=None, description="The id of the run that this one takes back.")
    taken_back: TakenBack = Field(
        default="no",
        description="Whether a run that was found there has taken it back, and was not taken back itself.",
    )
    taken_back_by: str | None = Field(default=None, description="The folder of that run.")
    undo: str | None = Field(
        default=None, description="The command that plans the way back; absent: nothing to take back."
    )
    damaged: tuple[Said, ...] = Field(default=(), description="What cannot be read of it.")


class PastRuns(FileModel):
    """All runs in a place, newest first."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    tool_version: str = Field(description="The version of indexer.")
    place: str = Field(description="Where they were looked for.")
    runs: tuple[PastRun, ...] = Field(description="Newest first; those whose time is not known last.")
