"""What is known of a plan's approvals: those that count, those that do not and why, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, Field

from indexer.model.action import Action
from indexer.model.approval import Covers
from indexer.model.content import FileModel, Said
from indexer.model.limits import takes_away
from indexer.model.reasons import Reason

APPROVALS_VERSION = "1.0"


class AcceptedApproval(FileModel):
    """An approval that counted."""

    person: str = Field(description="Whose key signed it, by the configuration of who applied.")
    key: str = Field(description="That key's fingerprint: the SHA-256 of its public half.")
    approved_at: AwareDatetime = Field(description="When it was signed, by the word of who signed.")
    expires_at: AwareDatetime = Field(description="Until when it holds.")
    covers: Covers = Field(description="`all`, `all-but-deletions` or `reasons`.")
    reasons: tuple[Reason, ...] = Field(default=(), description="With `reasons`: for which.")
    note: Said = Field(default="", description="What the person wanted to be known.")
    source: str = Field(description="The file that it was read from.")
    envelope: str = Field(description="That file, whole: its signature can be verified again.")


class RefusedApproval(FileModel):
    """An approval that did not count."""

    source: str = Field(description="The file that it was read from.")
    why: Said = Field(description="What is wrong with it.")
    person: str | None = Field(default=None, description="Whose it says it is, which nothing proves.")


class MissingApproval(FileModel):
    """Actions of a plan that too few people have approved."""

    deletions: bool = Field(description="They delete, archive or remove links.")
    reason: Reason = Field(description="Why they are planned.")
    actions: int = Field(description="So many there are.")
    needed: int = Field(description="So many people must approve them.")
    people: tuple[str, ...] = Field(default=(), description="Who did.")


@dataclass(frozen=True, slots=True)
class Approvals:
    """What is said of a plan, and whether that is enough."""

    accepted: tuple[AcceptedApproval, ...] = ()
    refused: tuple[RefusedApproval, ...] = ()
    missing: tuple[MissingApproval, ...] = ()

    @property
    def enough(self) -> bool:
        """May the plan be applied?"""
        return not self.missing

    def covers(self, action: Action) -> bool:
        """Did enough people approve this action?"""
        sort = (takes_away(action), action.reason)
        return sort not in {(one.deletions, one.reason) for one in self.missing}

    def document(self, plan_id: str) -> dict[str, Any]:
        """All of it, for programs."""
        parts = {"accepted": self.accepted, "refused": self.refused, "missing": self.missing}
        told = {
            name: [one.model_dump(mode="json", exclude_none=True) for one in held]
            for name, held in parts.items()
        }
        return {"format_version": APPROVALS_VERSION, "plan_id": plan_id, "enough": self.enough, **told}
