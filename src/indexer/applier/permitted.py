"""What the applier's own configuration permits, whatever the plan says. Beyond it, the plan is refused whole.

A plan may have been made before the configuration said so, or under another one.

| configuration                     | refused                                                                   | an undo may |
|-----------------------------------|---------------------------------------------------------------------------|-------------|
| `policy.mode = "upsert-only"`     | what deletes or archives                                                  | not         |
| `policy.mode = "create-only"`     | what changes anything that exists                                         | not         |
| no `[codeocean]`                  | data assets, links, new records with links, results                       | links, results |
| `codeocean.on_missing = "archive"`| data assets deleted                                                       | yes         |
| `codeocean.on_missing = "keep"`   | data assets archived or deleted                                           | yes         |
| `codeocean.register_assets` off   | data assets created                                                       | yes         |
| `docdb.….sync_to_s3` off          | files written or deleted for that generation's record, fields it adopts   | yes         |
| `sync_to_s3` off in all           | files written, copied or deleted                                          | yes         |
| `s3.metadata_file = "leave"`      | `metadata.nd.json` written or deleted                                     | yes         |
| `s3.metadata_file = "remove"`     | `metadata.nd.json` written                                                | yes         |
| `s3.metadata_file = "sync"`       | `metadata.nd.json` deleted                                                | yes         |
| `policy.enforce_at_apply`         | a plan whose own limits are wider                                         | not         |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.errors import RefusedError
from indexer.model.action import (
    Action,
    ArchiveDataAsset,
    CopyObject,
    CreateDataAsset,
    DeleteDataAsset,
    DeleteObject,
    InsertRecord,
    PutObject,
    UpdateRecord,
)
from indexer.model.content import (
    FieldOfRecord,
    InlineSource,
    NewRecordContent,
    RecordFieldSource,
    RecordSource,
    RestsOn,
)
from indexer.model.counting import counted
from indexer.model.generation import GENERATIONS, METADATA_FILE, GenerationName
from indexer.model.limits import Limits, mode_hold, over_limits
from indexer.model.plan import Plan
from indexer.model.settings import MetadataFile, OnMissing

HINT = "Nothing was written. Plan again under this configuration; --policy overrides its policy.mode."
LIMITS_HINT = (
    "Plan again within these limits, or say that more is right with --max-deletes and --max-delete-percent."
)


@dataclass(frozen=True, slots=True)
class Permissions:
    """The applier's own configuration, with the options that go over it."""

    limits: Limits
    enforce_limits: bool
    codeocean: bool
    on_missing: OnMissing
    register_data_assets: bool
    synced: frozenset[GenerationName]
    """The generations whose records rule files."""
    metadata_file: MetadataFile
    config_sha256: str


def check_permitted(plan: Plan, permissions: Permissions) -> None:
    """Raise RefusedError unless every action is permitted, and the plan's own limits where they are enforced."""
    for action in plan.actions:
        problem = next(_problems(action, permissions), "")
        if problem:
            detail = f"{action.kind} {action.id} of {action.location}: {problem}"[:500]
            raise RefusedError("The plan asks for what this configuration forbids", detail, HINT)
    wider = wider_limits(plan, permissions)
    if wider and permissions.enforce_limits:
        raise RefusedError("The plan's own limits are wider than those here", wider, LIMITS_HINT)


def check_own_limits(plan: Plan) -> None:
    """Raise RefusedError where a plan takes away more than its own limits let it: what they hold is not in `actions`."""
    limits = Limits.of(plan.scope)
    # Counted here as the planner counts: actions moved by hand out of `withheld` would show.
    held = over_limits(plan.actions, plan.summary.by_bucket, limits)
    for action in plan.actions:
        hold = held.get(action.id) or mode_hold(action, limits.mode)
        if hold is not None:
            detail = f"{hold.policy}: {hold.detail}; {action.kind} {action.id} is among its actions"
            hint = "Nothing was written. What a plan withholds is never moved by hand: plan again."
            raise RefusedError("The plan goes beyond its own limits", detail, hint)


def wider_limits(plan: Plan, permissions: Permissions) -> str:
    """In which the plan lets more be taken away than this configuration; empty where in nothing."""
    own, here = Limits.of(plan.scope), permissions.limits
    wider = []
    if own.max_deletes > here.max_deletes:
        wider.append(f"up to {counted(own.max_deletes, 'deletion')}, here {here.max_deletes}")
    if not own.max_delete_percent <= here.max_delete_percent:  # a forged NaN is no number, and no limit
        wider.append(f"up to {own.max_delete_percent:g} %, here {here.max_delete_percent:g} %")
    return "; ".join(wider)


def warnings(plan: Plan, permissions: Permissions) -> Iterator[str]:
    """What a person should know before the plan is carried out."""
    wider = wider_limits(plan, permissions)
    if wider:
        yield f"The plan's own limits are wider than those here: {wider}."
    if plan.scope.config_sha256 != permissions.config_sha256:
        yield "The plan was made under another configuration than this one."


def _problems(action: Action, permissions: Permissions) -> Iterator[str]:
    """Row by row, as the table above has them."""
    hold = mode_hold(action, permissions.limits.mode)
    if hold is not None:
        yield hold.detail
    if not permissions.codeocean and _rests_on_codeocean(action):
        yield "it rests on Code Ocean, which is not configured"
    if action.reason == "undo":
        return  # it brings back what was there, whatever is kept in step by now
    yield from _data_asset_problems(action, permissions)
    yield from _file_problems(action, permissions)


def _rests_on_codeocean(action: Action) -> bool:
    """Without a configuration nobody can look there; what an undo does to records, it takes from its archive."""
    match action:
        case CreateDataAsset() | ArchiveDataAsset() | DeleteDataAsset():
            return True
        case _ if action.reason in ("result-unregistered", "result-gone"):
            return True
        case _ if action.rests_on is not None and (
            action.rests_on.mounts is not None or action.rests_on.result
        ):
            return True
        case UpdateRecord(content=content):
            return any(isinstance(one.source, InlineSource) for one in content.fields)
        case InsertRecord(content=NewRecordContent(links=links, known_after_apply=unknown)):
            return bool(links) or GENERATIONS[action.target.generation].links_field in unknown
    return False


def _data_asset_problems(action: Action, permissions: Permissions) -> Iterator[str]:
    match action:
        case DeleteDataAsset() if permissions.on_missing != "delete":
            yield f"codeocean.on_missing is {permissions.on_missing}"
        case ArchiveDataAsset() if permissions.on_missing == "keep":
            yield "codeocean.on_missing is keep"
        case CreateDataAsset() if not permissions.register_data_assets:
            yield "codeocean.register_assets is off"


def _file_problems(action: Action, permissions: Permissions) -> Iterator[str]:
    generation = _ruled_by(action)
    if generation is not None and generation not in permissions.synced:
        yield f"docdb.{generation}.sync_to_s3 is off"
    if isinstance(action, PutObject | CopyObject | DeleteObject):
        if not permissions.synced:
            yield "no generation's sync_to_s3 is on"
        if action.target.key.rpartition("/")[2] == METADATA_FILE:
            allowed = "remove" if isinstance(action, DeleteObject) else "sync"
            if permissions.metadata_file != allowed:
                yield f"s3.metadata_file is {permissions.metadata_file}"


def _ruled_by(action: Action) -> GenerationName | None:
    """The generation whose record must rule files for this; None where any may."""
    match action:
        case PutObject(content=content) if isinstance(content.source, RecordSource | RecordFieldSource):
            return content.source.generation
        case UpdateRecord(reason="field-missing", target=target):
            return target.generation
        case DeleteObject(rests_on=RestsOn(lacks=FieldOfRecord(generation=generation))):
            return generation
    return None
