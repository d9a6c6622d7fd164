"""Plans and results to be shown as HTML, built from as little as a test has to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.model.action import Action, ArchiveDataAsset, DeleteRecord, PutObject, UpdateRecord, with_id
from indexer.model.content import (
    Absent,
    AsRead,
    Change,
    Content,
    DataAssetTarget,
    FieldContent,
    HasEtag,
    Mounted,
    ObjectSource,
    ObjectTarget,
    RecordContent,
    RecordFieldSource,
    RecordTarget,
    RestsOn,
)
from indexer.model.drift import ExpectedDrift, Rule
from indexer.model.outcome import BeforeImage, Outcome, Result, Status
from indexer.model.plan import CoverageRow, Finding, Plan, Scope, Summary, Withheld
from indexer.model.settings import PolicyMode
from indexer.planner.compare import compare
from indexer.planner.gate import judge
from indexer.render.html import report_html
from indexer.render.of_comparison import comparison_report
from indexer.render.of_plan import plan_report
from indexer.render.of_result import result_report
from indexer.render.of_verdict import verdict_report

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BUCKET = "aind-open-data"
OTHER = "aind-private-data"
IN_PART: tuple[Status, ...] = ("failed", "skipped", "stale", "applied", "satisfied", "applied")


def put(asset: str, *changes: Change, bucket: str = BUCKET, new: bool = False, omitted: int = 0) -> PutObject:
    """A core file to be written: a new one, or over the one that is there."""
    return with_id(
        PutObject(
            location=f"s3://{bucket}/{asset}",
            reason="core-file-missing" if new else "core-file-stale",
            target=ObjectTarget(bucket=bucket, key=f"{asset}/subject.json"),
            precondition=Absent() if new else HasEtag(etag="0123456789abcdef"),
            content=Content(
                source=RecordFieldSource(generation="v1", field="subject"), sha256="0" * 64, size=1234
            ),
            changes=changes,
            changes_omitted=omitted,
        )
    )


def update(asset: str, *changes: Change, bucket: str = BUCKET) -> UpdateRecord:
    """A record whose field is to be set from a core file."""
    source = ObjectSource(bucket=bucket, key=f"{asset}/session.json", etag="e")
    return with_id(
        UpdateRecord(
            location=f"s3://{bucket}/{asset}",
            reason="field-missing",
            target=record_of(asset),
            precondition=AsRead(fields={"session": "x"}),
            content=RecordContent(fields=(FieldContent(field="session", source=source, sha256="0" * 64),)),
            changes=changes,
        )
    )


def delete(asset: str, bucket: str = BUCKET) -> DeleteRecord:
    """A record to be deleted, its asset being gone."""
    return with_id(
        DeleteRecord(
            location=f"s3://{bucket}/{asset}",
            reason="asset-gone",
            target=record_of(asset),
            precondition=AsRead(fields={"location": "x"}, record="y"),
        )
    )


def archive(asset: str, bucket: str = BUCKET) -> ArchiveDataAsset:
    """A data asset to be archived, its asset being gone."""
    target = DataAssetTarget(data_asset_id=f"co-{asset}", bucket=bucket, prefix=asset)
    return with_id(
        ArchiveDataAsset(
            location=f"s3://{bucket}/{asset}",
            reason="asset-gone",
            target=target,
            precondition=Mounted(),
            rests_on=RestsOn(folder="gone"),
        )
    )


def record_of(asset: str) -> RecordTarget:
    return RecordTarget(
        generation="v1", database="metadata_index", collection="data_assets", record_id=f"id-{asset}"
    )


def plan_of(
    actions: Sequence[Action] = (),
    findings: Sequence[Finding] = (),
    withheld: Sequence[Withheld] = (),
    unread: str = "",
    only_counted: int = 0,
    policy: PolicyMode = "sync",
    assets: Sequence[str] = (),
) -> Plan:
    """A plan; `unread`: why one listing is incomplete; `only_counted`: findings of each kind not listed."""
    kinds = Counter(finding.kind for finding in findings)
    return Plan(
        plan_id="f00dcafe" * 4,
        created_at=AT,
        tool_version="1.2.3",
        scope=Scope(
            buckets=(BUCKET, OTHER),
            assets=tuple(assets),
            policy=policy,
            max_deletes=100,
            max_delete_percent=10,
            config_sha256="c",
        ),
        coverage=(
            CoverageRow(
                system="s3", scope=f"folders of {BUCKET}", complete=not unread, count=1200, why=unread
            ),
            CoverageRow(system="docdb", scope=f"v1 records of {BUCKET}", complete=True, count=1187),
            CoverageRow(system="codeocean", scope="external data assets", complete=True, count=990),
        ),
        summary=Summary(
            assets=1200,
            records=1187,
            actions=dict(Counter(action.kind for action in actions)),
            reasons=dict(Counter(action.reason for action in actions)),
            findings={kind: count + only_counted for kind, count in kinds.items()},
            withheld=len(withheld),
            complete=not unread,
        ),
        actions=tuple(sorted(actions, key=lambda action: action.location)),
        withheld=tuple(withheld),
        findings=tuple(findings),
    )


def held(action: Action) -> Withheld:
    """An action that the limit of deletions held back."""
    detail = "41 of 120 records (34 %) exceed the limit of 10 %"
    return Withheld(action=action, policy="max_delete_percent", detail=detail)


def result_of(*outcomes: tuple[Action, Status, str]) -> Result:
    """A result: each action, what came of it, and why; what failed was tried three times."""
    return Result(
        run_id="5eed" * 8,
        plan_id="f00dcafe" * 4,
        plan_digest="d",
        tool_version="1.2.3",
        started_at=AT,
        ended_at=AT + timedelta(seconds=192),
        summary=dict(Counter(status for _, status, _ in outcomes)),
        outcomes=tuple(
            Outcome(
                action_id=action.id,
                status=status,
                detail=detail,
                started_at=AT,
                ended_at=AT + timedelta(seconds=1.5),
                attempts=3 if status == "failed" else 1,
                before=BeforeImage(kind="object", archive="ab12" * 16) if status == "applied" else None,
            )
            for action, status, detail in outcomes
        ),
    )


def result_in_part(statuses: Sequence[Status] = IN_PART) -> tuple[Result, dict[str, Action]]:
    """What came of `everything`, with its actions by id: some failed, were stale or skipped."""
    actions = everything().actions
    words: dict[Status, str] = {
        "failed": "S3 answered 403 AccessDenied: no permission for s3:PutObject",
        "stale": "its ETag is 9999",
        "skipped": f"rests on action {actions[0].id}",
    }
    outcomes = [(one, status, words.get(status, "")) for one, status in zip(actions, statuses, strict=True)]
    return result_of(*outcomes), {action.id: action for action in actions}


def change(path: str = "subject.sex", before: Any = '"Female"', after: Any = '"Male"') -> Change:
    return Change(path=path, before=before, after=after)


def everything() -> Plan:
    """A plan with some of all there is: three systems, two buckets, withheld actions and findings."""
    return plan_of(
        actions=[
            put(
                "ecephys_700102_2024-03-03_09-44-26",
                change(),
                change("notes", '"2 µm deeper"', None),
                omitted=7,
            ),
            update("ecephys_700102_2024-03-03_09-44-26", change("session", None, '{"start": "09:44"}')),
            put("behavior_700103_2024-04-01_10-00-00", new=True),
            put("SmartSPIM_700104_2024-05-02_11-00-00", change("subject.species", '"mouse"'), bucket=OTHER),
            delete("ecephys_700105_2024-06-03_12-00-00"),
            archive("ecephys_700105_2024-06-03_12-00-00"),
        ],
        findings=[
            Finding(
                kind="name-mismatch", location=f"s3://{BUCKET}/ecephys_700102", detail="the name differs"
            ),
            Finding(kind="location-invalid", detail="record 5f: location 'ftp://x' is no S3 location"),
        ],
        withheld=[held(delete("ecephys_700106_2024-07-04_13-00-00"))],
        only_counted=40,
    )


def large(count: int) -> Plan:
    """So many actions, four to an asset, with two differences each."""
    made: list[Action] = []
    for number in range(count):
        asset = f"ecephys_{number // 4:06d}_2024-03-03_09-44-26"
        differences = (
            change(f"subject.{number}.genotype", f'"wt/wt {number}"', f'"Ai14/wt {number}"'),
            change(f"acquisition.streams[{number % 9}].start_time", f'"09:{number % 60:02d}"'),
        )
        build = put if number % 2 else update
        made.append(build(asset, *differences, bucket=(BUCKET, OTHER)[number // 4 % 2]))
    return plan_of(made)


def plan_html(plan: Plan, part_of: int | None = None) -> str:
    """The page of a plan."""
    return report_html(plan_report(plan, part_of))


def result_html(result: Result, actions: Mapping[str, Action]) -> str:
    """The page of a result."""
    return report_html(result_report(result, actions))


def comparison_html(newer: Plan, older: Plan) -> str:
    """The page of two plans side by side."""
    found = compare(newer, older)
    return report_html(comparison_report(found, "indexer show plan.json --against older.json"))


def verdict_html(plan: Plan, *rules: Rule) -> str:
    """The page of the gate's verdict on a plan."""
    return report_html(verdict_report(judge(plan, ExpectedDrift(rule=rules), AT.date())))
