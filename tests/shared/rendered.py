"""Plans and results to be rendered, built from as little as a test has to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from indexer.model.action import Action, DeleteRecord, PutObject, with_id
from indexer.model.content import (
    Absent,
    AsRead,
    Change,
    Content,
    HasEtag,
    ObjectTarget,
    RecordFieldSource,
    RecordTarget,
)
from indexer.model.outcome import Outcome, Result, Status
from indexer.model.plan import CoverageRow, Finding, Plan, Scope, Summary, Withheld

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
BUCKET = "bucket"


def put(prefix: str = "asset", *changes: Change, etag: str | None = "0123456789abcdef") -> PutObject:
    """A core file to be written: over one that has this ETag, or (None) where there is none."""
    return with_id(
        PutObject(
            location=f"s3://{BUCKET}/{prefix}",
            reason="core-file-missing" if etag is None else "core-file-stale",
            target=ObjectTarget(bucket=BUCKET, key=f"{prefix}/subject.json"),
            precondition=Absent() if etag is None else HasEtag(etag=etag),
            content=Content(
                source=RecordFieldSource(generation="v1", field="subject"), sha256="0" * 64, size=1234
            ),
            changes=changes,
        )
    )


def delete(prefix: str = "gone") -> DeleteRecord:
    """A record to be deleted, its asset being gone."""
    return with_id(
        DeleteRecord(
            location=f"s3://{BUCKET}/{prefix}",
            reason="asset-gone",
            target=RecordTarget(
                generation="v1", database="metadata_index", collection="data_assets", record_id=f"id-{prefix}"
            ),
            precondition=AsRead(fields={"location": "x"}, record="y"),
        )
    )


def plan_of(
    actions: Sequence[Action] = (),
    findings: Sequence[Finding] = (),
    withheld: Sequence[Withheld] = (),
    unread: str = "",
) -> Plan:
    """A plan; `unread`: why the bucket's listing is incomplete."""
    row = CoverageRow(system="s3", scope=f"folders of {BUCKET}", complete=not unread, count=0, why=unread)
    return Plan(
        plan_id="f00dcafe" * 4,
        created_at=AT,
        tool_version="1.2.3",
        scope=Scope(buckets=(BUCKET,), max_deletes=100, max_delete_percent=10, config_sha256="c"),
        coverage=(row,),
        summary=Summary(
            assets=10,
            records=10,
            actions=dict(Counter(action.kind for action in actions)),
            reasons=dict(Counter(action.reason for action in actions)),
            findings=dict(Counter(finding.kind for finding in findings)),
            withheld=len(withheld),
            complete=not unread,
        ),
        actions=tuple(actions),
        withheld=tuple(withheld),
        findings=tuple(findings),
    )


def result_of(*outcomes: tuple[Action, Status, str]) -> Result:
    """A result: each action, what came of it, and why."""
    return Result(
        run_id="5eed" * 8,
        plan_id="f00dcafe" * 4,
        plan_digest="d",
        tool_version="1.2.3",
        started_at=AT,
        ended_at=AT + timedelta(seconds=5),
        summary=dict(Counter(status for _, status, _ in outcomes)),
        outcomes=tuple(
            Outcome(action_id=action.id, status=status, detail=detail, started_at=AT, ended_at=AT)
            for action, status, detail in outcomes
        ),
    )
