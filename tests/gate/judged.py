"""Rules of expected drift, and verdicts on plans built from as little as a test has to say."""

from __future__ import annotations

from datetime import date
from typing import Any

from indexer.model.content import Change
from indexer.model.drift import ExpectedDrift, Rule, Verdict
from indexer.model.plan import Finding, Withheld
from indexer.planner.gate import judge
from shared.rendered import delete, plan_of, put

TODAY = date(2026, 11, 22)
HOSTILE = "\x1b[31m</failure>]]>%0A::error::🐭\u202eevil\ufffe`|"


def rule(asset: str = "*", **narrowed: Any) -> Rule:
    """A rule that holds until the end of the year, unless said otherwise."""
    given = {"owner": "data-infra", "why": "moved by hand", "until": date(2026, 12, 31)}
    return Rule.model_validate({"asset": asset, **given, **narrowed})


def rules(*given: Rule) -> ExpectedDrift:
    return ExpectedDrift(rule=given)


def busy_verdict(*, strict: bool = False, unread: str = "") -> Verdict:
    """A verdict with everything in it: unexpected, expected and withheld actions, findings, every state of rule."""
    plan = plan_of(
        [
            put("asset", Change(path=HOSTILE, before=HOSTILE, after=HOSTILE)),
            put("known"),
            put("new", etag=None),
        ],
        [Finding(kind="name-mismatch", location=f"s3://bucket/{HOSTILE}", detail=HOSTILE)],
        [Withheld(action=delete(), policy="max_deletes", detail="1 of 0")],
        unread=unread,
    )
    expected = rules(
        rule("known", reason="core-file-stale"),
        rule("asset", reason="core-file-stale", until=date(2026, 11, 21), why=HOSTILE),
        rule("nothing-*"),
    )
    return judge(plan, expected, TODAY, strict=strict, lines=(3, 10, 17))


def calm_verdict() -> Verdict:
    """A verdict on a plan without anything to do."""
    return judge(plan_of(), rules(), TODAY)


def blind_verdict() -> Verdict:
    """A verdict on a plan that was asked for some assets, of which there are none."""
    plan = plan_of()
    scope = plan.scope.model_copy(update={"assets": (HOSTILE, "s3://bucket/other")})
    summary = plan.summary.model_copy(update={"assets": 0})
    return judge(plan.model_copy(update={"scope": scope, "summary": summary}), rules(), TODAY)
