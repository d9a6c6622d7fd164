"""`indexer approve`: sign a plan that was looked at, or see who has."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from indexer.cli import completion
from indexer.cli.apply import ApprovalsFolder
from indexer.cli.options import ConfigPath
from indexer.cli.streams import check_stdout
from indexer.cli.talk import Talk, data, paint_for, printed

if TYPE_CHECKING:
    from indexer.config_approvals import ApprovalSettings
    from indexer.model.place import Place
    from indexer.runs.approve import AskedApproval
    from indexer.runs.loading import PlanFile

SUMMARY = "Sign a plan, or see who has."
REFUSED = 5

ApprovedPlan = Annotated[
    str, typer.Argument(metavar="PLAN", help="The plan: a path, or s3://BUCKET/KEY; - is stdin.")
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Sign nothing: say who approved what. Exits with 5 where that is not enough."
    ),
]
KeyName = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="What signs: a private key in PEM, one of OpenSSH's (or the .pub of one that an agent holds), env:VARIABLE, "
        "or awskms:KEY.",
    ),
]
PassphraseFrom = Annotated[
    str | None,
    typer.Option(
        "--passphrase-from",
        metavar="VARIABLE",
        help="The variable that holds the key's passphrase. Default: ask.",
    ),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Who signs. Default: whose key it is, by approvals.people."),
]
ScopeWord = Annotated[
    Literal["all", "all-but-deletions"],
    typer.Option("--scope", help="all-but-deletions: nothing that deletes, archives or removes links."),
]
ForReason = Annotated[
    list[str] | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        autocompletion=completion.facet("reason"),
        help="Only actions for this reason. Repeatable.",
    ),
]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="How long it holds.")]
NoteText = Annotated[str, typer.Option("--note", metavar="TEXT", help="What whoever reads it should know.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal: sign.")]
ApprovalFormat = Annotated[
    Literal["text", "json"], typer.Option("--format", help="With --verify: what goes to stdout.")
]


@dataclass(frozen=True, slots=True)
class SayingOptions:
    """What is said of the plan, and who says it."""

    scope: ScopeWord = "all"
    reason: ForReason = None
    days: Days = 7
    note: NoteText = ""
    as_: As = None

    def asked(self) -> AskedApproval:
        """As it is signed."""
        from indexer.cli.options import known
        from indexer.model.reasons import REASONS
        from indexer.runs.approve import AskedApproval

        reasons = known(self.reason, tuple(REASONS), "--reason")
        if reasons and self.scope != "all":
            raise typer.BadParameter("name reasons or a scope, not both", param_hint="--reason")
        return AskedApproval("reasons" if reasons else self.scope, reasons, self.days, self.note, self.as_)


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What signs, and whether a person is asked first."""

    key: KeyName = None
    passphrase_from: PassphraseFrom = None
    yes: Yes = False


def command(
    talk: Talk,
    plan: ApprovedPlan,
    saying: SayingOptions,
    signing: KeyOptions,
    approvals: ApprovalsFolder = None,
    verify: Verify = False,
    output: ApprovalFormat = "text",
    config: ConfigPath = None,
) -> None:
    """Sign a plan: show what it takes away, and write an approval beside it. With --verify: say who approved what.

    `apply` counts it where [approvals] names the key. It is of this plan alone, and of exactly these bytes.
    """
    from indexer import load_plan
    from indexer.model.place import parse_place
    from indexer.runs.config_file import load_approvals

    place = None if approvals is None else parse_place(approvals)
    if verify:
        raise typer.Exit(_verified(load_plan(plan), place, load_approvals(config), output))
    asked = saying.asked()
    reviewed, settings = load_plan(plan), load_approvals(config)
    if signing.key is None:
        raise typer.BadParameter("name the key that signs (`indexer keys new` makes one)", param_hint="--key")
    _look(talk, reviewed, yes=signing.yes)
    file, told = _signed(reviewed, place, signing, asked, settings)
    talk.say(told, "bold", approval=file)
    talk.steps(
        [f"indexer approve {shlex.quote(plan)} --verify  # who approved what, and whether it is enough"]
    )


def _look(talk: Talk, reviewed: PlanFile, *, yes: bool) -> None:
    """What would be signed, losses first; on a terminal it is asked for."""
    from indexer.errors import UsageError
    from indexer.render.of_approvals import losses_first
    from indexer.render.of_plan import plan_report
    from indexer.render.text import outline

    if not reviewed.plan.actions:
        raise UsageError(
            "The plan cannot be approved", "it has no actions", "Nothing is applied by it either."
        )
    talk.lines(losses_first(reviewed.plan, talk.paint))
    talk.lines(outline(plan_report(reviewed.plan), talk.paint, talk.columns))
    if talk.on_terminal and sys.stdin.isatty() and not yes and not typer.confirm("Sign it?", err=True):
        raise UsageError("Nothing is signed", "you said no", "`indexer show` tells more.")


def _signed(
    reviewed: PlanFile,
    place: Place | None,
    signing: KeyOptions,
    asked: AskedApproval,
    settings: ApprovalSettings | None,
) -> tuple[str, str]:
    """The file, and what is said of it."""
    from datetime import UTC, datetime

    from indexer.render.of_approvals import scope_words
    from indexer.render.safe import safe
    from indexer.runs.approve import save_approval, signed_approval, signer_of

    signer = signer_of(str(signing.key), ask_passphrase, passphrase_in(signing.passphrase_from))
    approval = signed_approval(reviewed, signer, asked, settings, datetime.now(UTC))
    file = save_approval(approval, reviewed, place)
    said = approval.statement.predicate
    return str(
        file
    ), f"Approved by {said.person}: {safe(scope_words(said))}, until {said.expires_at}. Written: {file}"


def passphrase_in(variable: str | None) -> str | None:
    """The passphrase in a variable; None where none is named."""
    from indexer.errors import UsageError
    from indexer.masking import hide

    if variable is None:
        return None
    held = os.environ.get(variable)
    if held is None:
        raise UsageError(
            "There is no passphrase",
            f"the variable {variable} is not set",
            "Set it, or leave the option out.",
        )
    hide(held)
    return held


def ask_passphrase(named: str) -> str | None:
    """What a person types; None where there is no terminal."""
    if not sys.stdin.isatty():
        return None
    return str(typer.prompt(f"Passphrase of {named}", hide_input=True, err=True))


def _verified(reviewed: PlanFile, place: Place | None, settings: ApprovalSettings | None, output: str) -> int:
    """Who approved what, on stdout; the exit status."""
    from datetime import UTC, datetime

    from indexer.render.of_approvals import approval_notes, approval_verdict
    from indexer.render.safe import safe
    from indexer.runs.approvals import told_approvals
    from indexer.runs.files import document_text

    check_stdout()
    found = told_approvals(reviewed, place, settings, datetime.now(UTC))
    if output == "json":
        data(document_text(found.document(reviewed.plan.plan_id)))
    else:
        paint = paint_for(sys.stdout)
        printed(safe(one) for one in approval_notes(found))
        printed([paint(approval_verdict(found), "bold" if found.enough else "alarm")])
    return 0 if found.enough else REFUSED
