"""What a command's exit status means: the same for every command, so that a job knows without reading what was printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.model.meaning import Meaning


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One exit status."""

    meaning: Meaning
    commands: str
    """Which commands exit with it, in Markdown."""


EXIT_CODES: Mapping[int, ExitCode] = {
    0: ExitCode(
        Meaning(
            "Fine. In step, or done; of a part of a plan, all that was chosen. A plan whose reads were incomplete is still written, says so loudly, and is 0, too: what is safe goes on.",
            "Nothing.",
            "Everything that was asked for was done.",
        ),
        "every command",
    ),
    1: ExitCode(
        Meaning(
            "An error, in words on stderr; this includes a closed stdout when there was something to write to it. Or a gate that could not see everything, or that was given an `--asset` that no asset matches; or `show --full` could not read every difference; or an audit found what does not hold. Or a run whose results folder another run is using; nothing was written then.",
            "What the last line on stderr says.",
            "A system is down or denies access, a file cannot be read or written, or a name matches nothing.",
        ),
        "every command; `drift` and `plan --detailed-exitcode` on incomplete reads",
    ),
    2: ExitCode(
        Meaning(
            "Wrong usage, or a configuration or a file of rules that is not valid.",
            "Correct what is named; `--help` has the options.",
            "A word, an option or a setting is not known, or two of them contradict each other.",
        ),
        "every command",
    ),
    3: ExitCode(
        Meaning(
            "There is drift. For `drift` that is drift that no rule expects, or an expired rule; for `plan` it is anything to do, whether or not everything could be read.",
            "`indexer plan`, review, `indexer apply`; or expect it with a rule (docs/drift.md).",
            "Somebody changed one of the systems, and the others have not followed.",
        ),
        "`drift`; `plan --detailed-exitcode`",
    ),
    4: ExitCode(
        Meaning(
            "Done in part: something was stale, failed or was skipped; an undo leaves something out.",
            "`indexer show` on the result; plan again for what was stale, apply again for what failed.",
            "Somebody else wrote in between, a system refused, or the run was interrupted.",
        ),
        "`apply`, `undo`",
    ),
    5: ExitCode(
        Meaning(
            "Refused: the plan is not valid, was changed since it was written, or asks for something that is out of bounds, beyond its own limits, forbidden by the configuration, or approved by too few people. Nothing was written.",
            "Plan again; where approvals are missing, `indexer approve`.",
            "The plan was edited, was made for another configuration, is older than a setting that forbids it, or waits for a signature.",
        ),
        "`apply`, `show`, `drift --plan`, `undo`, `approve`",
    ),
}
