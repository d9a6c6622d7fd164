"""What is to be told of a result: what came of each action, and why, of those that did not succeed."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping

from indexer.model.action import Action
from indexer.model.outcome import BeforeImage, Outcome, Result, Status
from indexer.model.vocabulary import Word, every_word
from indexer.render.entries import tallied
from indexer.render.of_approvals import accepted_words
from indexer.render.report import Alarm, Entry, Fact, Group, Report, Section, Step, Table
from indexer.render.words import bucket_of, counted, detail_words, target, took

STATUSES: dict[Status, tuple[str, str]] = {
    "applied": ("green", "written now"),
    "satisfied": ("green", "was so already"),
    "stale": ("yellow", "changed by somebody else since the plan; left alone"),
    "failed": ("red", "refused by the system"),
    "skipped": ("yellow", "not tried"),
}
UNSUCCESSFUL: tuple[Status, ...] = ("failed", "stale", "skipped")
WORST_FIRST: tuple[Status, ...] = (*UNSUCCESSFUL, "applied", "satisfied")
"""Causes before what was skipped for them."""
Actions = Mapping[str, Action]
"""By id; empty where the plan of a result is not at hand."""


def result_report(
    result: Result, actions: Actions, again: str = "plan.json", part_of: int | None = None, file: str = ""
) -> Report:
    """The report. `again`: what `apply` is to be given to go on. `part_of`: so many outcomes has the whole result.

    `file`: the result, as it is typed.
    """
    held = {status: [one for one in result.outcomes if one.status == status] for status in STATUSES}
    unhappy = [one for one in UNSUCCESSFUL if held[one]]
    lines = tuple(f"{len(held[one]):,} {one}: {STATUSES[one][1]}" for one in unhappy)
    lasted = took(result.started_at, result.ended_at)
    return Report(
        title=(("indexer apply", result.run_id[:8]), ("of plan", result.plan_id[:8])),
        name=f"Run {result.run_id[:8]} of plan {result.plan_id[:8]}",
        headline=_headline(result, part_of),
        state="loud" if unhappy else "calm",
        at=result.started_at,
        made=f"{result.started_at:%Y-%m-%d %H:%M:%S} UTC, {lasted}, by indexer {result.tool_version}",
        alarms=(Alarm("Done in part.", " Without success:", lines, told=True),) if unhappy else (),
        notes=(
            *_allowed(result),
            *_selection(result),
            *(() if part_of is None else (_part(result, part_of),)),
        ),
        table=_table(result, actions),
        groups=tuple(_group(status, held[status], actions) for status in STATUSES),
        facts=(
            Fact("Run", result.run_id),
            Fact("Plan", result.plan_id),
            Fact("Before-images", result.archive),
        ),
        steps=tuple(_steps(result, actions, again)),
        words=tuple(_words(result, actions)),
        shown_by=f"indexer show {file}" if file else "",
        tool_version=result.tool_version,
    )


def _words(result: Result, actions: Actions) -> Iterator[Word]:
    """What a reader may not know: statuses, and the reasons of what did not succeed."""
    used: dict[str, set[str]] = {
        "Statuses": {one.status for one in result.outcomes},
        "Reasons": {
            actions[one.action_id].reason
            for one in result.outcomes
            if one.status in UNSUCCESSFUL and one.action_id in actions
        },
    }
    yield from (one for one in every_word() if one.word in used.get(one.group.title, ()))


def _headline(result: Result, part_of: int | None) -> str:
    """How it went, in one sentence."""
    if part_of and not result.outcomes:
        return f"None of its {counted(part_of, 'action')} was asked for."
    counts = result.summary
    parts = ", ".join(f"{counts[one]:,} {one}" for one in STATUSES if counts.get(one))
    if (chosen := result.selection) is not None and part_of is None:
        total = counted(len(result.outcomes) + chosen.not_selected, "action")
        to_do = f"{result.to_do:,} still to do" if result.to_do else "nothing of the plan is left to do"
        return f"{len(result.outcomes):,} of {total}{f': {parts}' if parts else ''}; {to_do}."
    return f"{counted(len(result.outcomes), 'action')}: {parts}." if parts else "no action."


def _selection(result: Result) -> Iterator[str]:
    """Which part of the plan the run was asked for, what came along or was left out for it, and what is known of the rest."""
    if (chosen := result.selection) is None:
        return
    asked = [f"--only {word}" for word in chosen.only] + [f"--except {word}" for word in chosen.excepted]
    told = [f"A part of the plan: {' '.join(asked)}"]
    if chosen.brought_along:
        told.append(f"{len(chosen.brought_along):,} brought along by what rests on it")
    if chosen.left_out:
        told.append(f"{len(chosen.left_out):,} left out with what was excepted")
    yield f"{'; '.join(told)}."
    counts = Counter(one.status for one in chosen.earlier)
    before = ", ".join(f"{counts[one]:,} {one}" for one in STATUSES if counts[one])
    others = counted(chosen.not_selected, "other action")
    yield f"Of the plan's {others}, earlier runs have: {before}." if before else f"Not carried out: {others}."


def _allowed(result: Result) -> Iterator[str]:
    """By whose word it was applied."""
    if result.applied_by:
        yield f"Applied by {result.applied_by}, by the word of their configuration."
    yield from map(accepted_words, result.approvals)
    if result.approvals_waived:
        yield f"It needed no more approvals: {result.approvals_waived}."


def _part(result: Result, part_of: int) -> str:
    return f"Only what was asked for: {len(result.outcomes):,} of {counted(part_of, 'action')}."


def _table(result: Result, actions: Actions) -> Table:
    """Outcomes by reason and status; only the statuses that occur."""
    held = {one.status for one in result.outcomes}
    shown = [one for one in STATUSES if one in held]
    counts: dict[str, Counter[str]] = {}
    for one in result.outcomes:
        action = actions.get(one.action_id)
        counts.setdefault(action.reason if action else "(plan not at hand)", Counter())[one.status] += 1
    return Table("status", tuple((one, STATUSES[one][0]) for one in shown), tallied(counts, shown))


def _group(status: Status, outcomes: list[Outcome], actions: Actions) -> Group:
    urgent = status in UNSUCCESSFUL
    return Group(
        "outcome",
        len(outcomes),
        lambda: [Section(_entry(one, actions) for one in outcomes)],
        title=status,
        words=STATUSES[status][1],
        noun="action" if urgent else "",
        tail=" without success",
        opened=True,
        rank=WORST_FIRST.index(status),
        urgent=urgent,
    )


def _entry(outcome: Outcome, actions: Actions) -> Entry:
    """What and where, and why it did not succeed."""
    action = actions.get(outcome.action_id)
    return Entry(
        of=action or outcome,
        mark=outcome.status,
        style=STATUSES[outcome.status][0],
        text=f"{action.kind} {action.location} {target(action)}" if action else f"action {outcome.action_id}",
        why=detail_words(outcome.detail, actions),
        tries=counted(outcome.attempts, "attempt") if outcome.attempts > 1 else "",
        facts=tuple(_facts(outcome)),
        status=outcome.status,
    )


def _facts(outcome: Outcome) -> Iterator[str]:
    if outcome.ended_at > outcome.started_at:
        yield f"took {took(outcome.started_at, outcome.ended_at)}"
    if outcome.attempts > 1:
        yield counted(outcome.attempts, "attempt")
    if outcome.before:
        yield _before(outcome.before)


def _before(image: BeforeImage) -> str:
    """What was there, and by which name the archive keeps it."""
    if image.kind == "absent":
        return "nothing was there before"
    kept = f"is kept as {image.archive[:12]}…" if image.archive else "is not kept"
    return f"the {image.kind.replace('-', ' ')} from before {kept}"


def _steps(result: Result, actions: Actions, again: str) -> Iterator[Step]:
    """What to type after an apply: the words of `apply` itself."""
    held = {one.status for one in result.outcomes}
    buckets = sorted(
        {bucket_of(actions[one.action_id]) for one in result.outcomes if one.action_id in actions}
    )
    scope = shlex.join(word for bucket in buckets for word in ("--bucket", bucket)) or "--all"
    if held & {"failed", "skipped"}:
        yield Step(f"indexer apply {again}", "again: goes on with what is left")
    elif result.to_do:
        yield Step(f"indexer apply {again}", f"the rest: {counted(result.to_do, 'action')}")
    if "stale" in held:
        yield Step(f"indexer plan {scope}", "plans anew what was stale")
    if not held & set(UNSUCCESSFUL) and not result.to_do:
        yield Step(f"indexer plan {scope}", "see that all is in step")
