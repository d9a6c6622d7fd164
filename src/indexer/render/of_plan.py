"""What is to be told of a plan: what it would do, what policy holds back, what a person must look at."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator

from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, effect
from indexer.model.plan import Plan
from indexer.model.vocabulary import Word, every_word
from indexer.model.whole import Whole
from indexer.render.entries import (
    action_entry,
    by_asset,
    effects_table,
    findings_by_kind,
    read_by,
    reads,
    telling,
)
from indexer.render.report import Alarm, Fact, Group, Report, State, Step
from indexer.render.words import counted

ReadWhole = Callable[[Action], Whole]
WAYS_OUT = {
    "max_deletes": "a higher --max-deletes",
    "max_delete_percent": "a higher --max-delete-percent",
    "upsert-only": "--policy sync",
    "create-only": "--policy sync",
}


def plan_report(
    plan: Plan,
    part_of: int | None = None,
    again: str = "plan.json",
    whole: ReadWhole | None = None,
    approvals: tuple[str, ...] = (),
) -> Report:
    """The report. `part_of`: so many actions has the plan that this one is a part of. `again`: the plan, as typed.

    `whole`: reads all of an action's difference, to be shown instead of what the plan tells of it. `approvals`: who approved it.
    """
    complete, read = plan.summary.complete, tuple(reads(plan.coverage))
    unread = tuple(one.told for one in read if not one.complete)
    alarm = Alarm("Not everything could be read.", " What rests on these reads was not planned:", unread)
    part = f"Only what was asked for: {len(plan.actions):,} of {counted(part_of or 0, 'action')}."
    state: State = "todo" if plan.actions or plan.withheld else "calm"
    return Report(
        title=(("indexer plan", plan.plan_id[:8]),),
        name=f"Plan {plan.plan_id[:8]}",
        headline=_headline(plan, part_of),
        state=state if complete else "loud",
        at=plan.created_at,
        made=f"made {plan.created_at:%Y-%m-%d %H:%M} UTC by indexer {plan.tool_version}",
        alarms=() if complete else (alarm,),
        notes=(*approvals, *(() if part_of is None else (part,)), *read_by(plan.via)),
        table=effects_table(plan.actions),
        groups=(_actions(plan, whole), _findings(plan), _withheld(plan, whole)),
        facts=tuple(_facts(plan)),
        reads=read,
        steps=tuple(_steps(plan, part_of, again)),
        words=tuple(_words(plan)),
        shown_by=f"indexer show {again}",
        applied_by=f"indexer apply {again}" if plan.actions and part_of is None else "",
        tool_version=plan.tool_version,
    )


def _words(plan: Plan) -> Iterator[Word]:
    """What a reader may not know: reasons, findings, and what holds actions back."""
    used: dict[str, set[str]] = {
        "Reasons": {*(one.reason for one in plan.actions), *(one.action.reason for one in plan.withheld)},
        "Findings": {*plan.summary.findings},
        "Policies and limits": {one.policy for one in plan.withheld},
    }
    yield from (one for one in every_word() if one.word in used.get(one.group.title, ()))


def _headline(plan: Plan, part_of: int | None) -> str:
    """What would happen, in one sentence."""
    if not plan.actions:
        if part_of:
            return _beside_actions(plan, part_of)
        if plan.withheld:
            return f"Nothing to do: {counted(len(plan.withheld), 'action')} withheld by policy."
        if not plan.summary.complete:
            return "Nothing to do in what could be read, and not everything could be read."
        return f"Nothing to do: {counted(plan.summary.assets, 'asset')} looked at, no drift."
    totals = Counter(map(effect, plan.actions))
    parts = ", ".join(f"{totals[one]:,} {one}" for one in EFFECTS if totals[one])
    where = counted(len({action.location for action in plan.actions}), "asset")
    return f"{counted(len(plan.actions), 'action')} on {where} of {plan.summary.assets:,}: {parts}."


def _beside_actions(plan: Plan, part_of: int) -> str:
    """What was asked for, where none of the actions was."""
    counts = {"withheld action": len(plan.withheld), "finding": sum(plan.summary.findings.values())}
    held = " and ".join(counted(count, noun) for noun, count in counts.items() if count)
    none = f"one of its {counted(part_of, 'action')} was asked for."
    return f"{held}; n{none}" if held else f"N{none}"


def _actions(plan: Plan, whole: ReadWhole | None) -> Group:
    return Group(
        "action",
        len(plan.actions),
        lambda: by_asset(action_entry(one, whole=whole) for one in plan.actions),
        first=telling(plan.actions),
        noun="action",
        opened=True,
    )


def _findings(plan: Plan) -> Group:
    """By kind; those that are only counted by their number."""
    counts = plan.summary.findings
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Group(
        "finding",
        sum(counts.values()),
        lambda: findings_by_kind(plan.findings, counts),
        name="findings",
        title="Findings",
        words="for a person to look at: nothing is written for them",
        brief=f"for a person to look at: {', '.join(f'{count:,} {kind}' for kind, count in most_first)}",
        noun="finding",
        nested=True,
    )


def why_withheld(plan: Plan) -> tuple[str, ...]:
    """How many actions each limit or mode holds back."""
    counts = sorted(Counter((one.policy, one.detail) for one in plan.withheld).items())
    return tuple(
        f"{counted(count, 'action')} withheld by {policy}: {detail}" for (policy, detail), count in counts
    )


def way_out(plan: Plan) -> str:
    """What to do where what is withheld is right; empty where nothing is."""
    ways = sorted({WAYS_OUT[one.policy] for one in plan.withheld if one.policy in WAYS_OUT})
    return f"If that is right, plan again with {' and '.join(ways)}." if ways else ""


def _withheld(plan: Plan, whole: ReadWhole | None) -> Group:
    """Why, and then each action with the differences it would make."""
    return Group(
        "action",
        len(plan.withheld),
        lambda: by_asset(
            action_entry(one.action, withheld=f"{one.policy}: {one.detail}", whole=whole)
            for one in plan.withheld
        ),
        name="withheld",
        title="Withheld by policy",
        words="`apply` leaves these alone",
        intro=why_withheld(plan),
        way_out=way_out(plan),
        noun="action",
        tail=" withheld",
    )


def _facts(plan: Plan) -> Iterator[Fact]:
    """What was asked for, and under which limits."""
    scope, buckets, assets = plan.scope, ", ".join(plan.scope.buckets), ", ".join(plan.scope.assets)
    excluded = ", ".join(scope.exclude)
    age = "of any age" if scope.lookback_days is None else f"of {scope.lookback_days} days"
    yield Fact("Plan", plan.plan_id)
    yield Fact("Configuration", f"sha256 {scope.config_sha256}, without its secrets")
    yield Fact("Buckets", buckets, f"buckets {buckets}")
    yield Fact("Assets", assets or "all", f"assets {assets}" if assets else "")
    if excluded:
        yield Fact("Excluded", excluded, f"but not {excluded}")
    yield Fact("Records", age, f"records {age}")
    yield Fact("Policy", scope.policy, f"policy {scope.policy}")
    if plan.undoes:
        yield Fact("Takes back", f"run {plan.undoes}", f"takes back run {plan.undoes[:8]}")
    limits = f"{counted(scope.max_deletes, 'deletion')}, {scope.max_delete_percent:g} % of a bucket"
    yield Fact("Limits", limits)
    if scope.allow_empty:
        yield Fact("May be empty", ", ".join(scope.allow_empty))
    looked_at = f"{counted(plan.summary.assets, 'asset')}, {counted(plan.summary.records, 'record')}"
    yield Fact("Looked at", looked_at)


def _steps(plan: Plan, part_of: int | None, again: str) -> Iterator[Step]:
    """What to type after reading it: first what makes it whole."""
    words = plan.scope.arguments()
    words += [] if plan.scope.policy == "sync" else ["--policy", plan.scope.policy]
    if not plan.summary.complete:
        yield Step(f"indexer plan {shlex.join(words)}", "again, once everything can be read")
    if plan.actions:
        whole = "" if part_of is None else f": all {counted(part_of, 'action')}, not only these"
        by_whom = ", with a configuration that may write" if plan.via else ""
        yield Step(f"indexer apply {again}", f"carries out the plan{whole}{by_whom}")
