"""The gate: a plan against the rules of expected drift.

| reads      | unexpected actions, expired rules, (strict) unexpected findings | verdict    | exit |
|------------|------------------------------------------------------------------|------------|------|
| incomplete | any                                                              | incomplete | 1    |
| complete   | some                                                             | drift      | 3    |
| complete   | none                                                             | in-step    | 0    |

Where the plan was asked for some assets and none matched, nobody can say either: as incomplete. So it is where one of
several globs matches nothing: it may be mistyped, and what it was to guard would never fail the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from indexer.model.approvals import Approvals
from indexer.model.drift import DriftedAction, ExpectedDrift, JudgedFinding, Rule, RuleUse, Totals, Verdict
from indexer.model.plan import Finding, Plan


def judge(
    plan: Plan,
    expected: ExpectedDrift,
    today: date,
    *,
    strict: bool = False,
    lines: Sequence[int] = (),
    approvals: Approvals | None = None,
) -> Verdict:
    """The verdict on a plan. `lines`: where each rule begins in its file, where that is known.

    `approvals`: what enough people approved passes, as if a rule expected it.
    """
    rules = expected.rule
    matched = [0] * len(rules)

    def expecting(covers: Callable[[Rule], bool], count: int = 1) -> int | None:
        covering = [index for index, rule in enumerate(rules) if covers(rule)]
        # All that cover it are in use, the first that holds expects it: an expired rule must not hide a valid one.
        for index in covering:
            matched[index] += count
        return next((index for index in covering if rules[index].holds(today)), None)

    drifted = [(one, None) for one in plan.actions] + [(one.action, one.policy) for one in plan.withheld]
    actions = tuple(
        DriftedAction(
            action=action,
            withheld_by=policy,
            expected_by=expecting(lambda rule, action=action: rule.covers(action)),  # type: ignore[misc]
            # What is withheld is not applied, so nobody's approval is of it.
            approved=approvals is not None and policy is None and approvals.covers(action),
        )
        for action, policy in drifted
    )
    findings = tuple(
        JudgedFinding(
            finding=finding,
            count=count,
            expected_by=expecting(lambda rule, one=finding: rule.covers_finding(one), count),  # type: ignore[misc]
        )
        for finding, count in _found(plan)
    )
    uses = tuple(
        RuleUse(
            rule=rule,
            line=lines[index] if len(lines) == len(rules) else None,
            expired=not rule.holds(today),
            matched=matched[index],
        )
        for index, rule in enumerate(rules)
    )
    totals = _totals(actions, findings, uses)
    fails = totals.unexpected or totals.expired_rules or (strict and totals.unexpected_findings)
    incomplete = tuple(row for row in plan.coverage if not row.complete)
    complete = plan.summary.complete and not incomplete and not plan.unmatched
    return Verdict(
        plan_id=plan.plan_id,
        planned_at=plan.created_at,
        judged_on=today,
        strict=strict,
        approvals=approvals.accepted if approvals else (),
        refused_approvals=approvals.refused if approvals else (),
        missing_approvals=approvals.missing if approvals else (),
        status="incomplete" if not complete else "drift" if fails else "in-step",
        exit_code=1 if not complete else 3 if fails else 0,
        buckets=plan.scope.buckets,
        assets=plan.summary.assets,
        incomplete=incomplete,
        via=plan.via or None,
        unmatched=plan.unmatched,
        totals=totals,
        rules=uses,
        actions=actions,
        findings=findings,
    )


def _found(plan: Plan) -> Iterator[tuple[Finding, int]]:
    """Each finding; of a kind that is counted and not listed, one for them all."""
    yield from ((finding, 1) for finding in plan.findings)
    listed = Counter(finding.kind for finding in plan.findings)
    for kind, count in sorted(plan.summary.findings.items()):
        if count > listed[kind]:  # type: ignore[index]
            rest = count - listed[kind]  # type: ignore[index]
            # Unchecked: a later version's plan may count kinds that this one has no word for.
            yield Finding.model_construct(kind=kind, detail=f"{rest:,} counted, not listed"), rest  # type: ignore[arg-type]


def _totals(
    actions: Sequence[DriftedAction], findings: Sequence[JudgedFinding], rules: Sequence[RuleUse]
) -> Totals:
    unexpected = [one for one in actions if one.unexpected]
    expected = sum(one.expected_by is not None for one in actions)
    return Totals(
        unexpected=len(unexpected),
        expected=expected,
        approved=len(actions) - len(unexpected) - expected,
        unexpected_findings=sum(one.count for one in findings if one.expected_by is None),
        expected_findings=sum(one.count for one in findings if one.expected_by is not None),
        expired_rules=sum(one.expired for one in rules),
        unused_rules=sum(not one.matched for one in rules),
        reasons=dict(sorted(Counter(one.action.reason for one in unexpected).items())),
    )
