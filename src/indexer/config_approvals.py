"""The table of the configuration that says who must have signed a plan before it is applied."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from indexer.model.approval import PERSON
from indexer.model.settings import SettingsTable


def _without_comment(key: Any) -> Any:
    """OpenSSH puts one behind a key: two such lines are one key."""
    if not isinstance(key, str):
        return key
    return " ".join(key.split()[:2]) if key.startswith(("ssh-", "sk-")) else key.strip()


PersonName = Annotated[str, Field(pattern=PERSON)]
PublicKeyText = Annotated[str, BeforeValidator(_without_comment)]


class ApprovalSettings(SettingsTable):
    """Who must have signed a plan before `apply` takes it."""

    required: bool = Field(
        default=True,
        description="Whether `apply` refuses a plan without enough approvals. False: they are shown, and nothing is refused. Without "
        "a table `[approvals]` nobody is asked.",
    )
    people: dict[PersonName, Annotated[tuple[PublicKeyText, ...], Field(min_length=1)]] = Field(
        description="Who may approve: a name and the public keys of each person, in PEM, as a line of OpenSSH, or as `awskms:KEY`.",
    )
    deletions: int = Field(
        default=2,
        ge=0,
        description="So many people must approve what deletes, archives or removes links.",
    )
    changes: int = Field(default=1, ge=0, description="So many people must approve everything else.")
    max_age_days: int | None = Field(
        default=None, ge=1, description="An approval that is older does not count, whatever it says itself."
    )
    applier: PersonName | None = Field(
        default=None,
        description="Who applies: recorded in the result. Set it where `apply` runs, for example from the name that CI knows.",
    )
    applier_counts: bool = Field(
        default=True, description="Whether the approval of the person who applies counts."
    )
    undo_by_applier: bool = Field(
        default=False,
        description="Whether an undo of the last run in its folder needs no approval, if `applier` is who applied that run, and names it "
        "(`apply --undoes`).",
    )

    @model_validator(mode="after")
    def _each_once(self) -> ApprovalSettings:
        owners: dict[str, str] = {}
        for person, keys in self.people.items():
            for key in keys:
                if key in owners:
                    raise ValueError(
                        f"a key of {person} is there twice, {owners[key]} has it too: it is one person's"
                    )
                owners[key] = person
        return self

    @model_validator(mode="after")
    def _can_be_met(self) -> ApprovalSettings:
        """What nobody can ever fulfil is a mistake, and better told now."""
        needed = max(self.deletions, self.changes)
        if self.required and needed > len(self.people):
            raise ValueError(f"{needed} people must approve, and people has {len(self.people)}")
        return self
