"""What an action must say that it rests on in other systems; one that leaves it out would be carried out unseen.

| kind                    | for                | rests on                                                           |
|-------------------------|--------------------|--------------------------------------------------------------------|
| delete-object           | a root file        | the record lacks the field, and an original is there               |
|                         | a retired file     | another key is in the folder                                       |
|                         | undo: an original  | its root file is there                                             |
| insert-record           | asset-unregistered | `data_description.json` as planned, and what mounts its location   |
|                         | result-unregistered| the result is wanted                                               |
| update-record           | links              | what mounts the location                                           |
|                         | undo: an adoption  | there is no original in JSON of the fields that are taken out      |
| delete-record           | asset-gone         | the folder is gone                                                 |
|                         | result-gone        | the result is gone                                                 |
| create-data-asset       |                    | `data_description.json` as planned                                 |
| archive-, delete-data-asset | asset-gone     | the folder is gone                                                 |

Source: DOMAIN, "What must never happen" 6.
"""

from __future__ import annotations

from indexer.model.action import (
    Action,
    ArchiveDataAsset,
    CopyObject,
    CreateDataAsset,
    DeleteDataAsset,
    DeleteObject,
    DeleteRecord,
    InsertRecord,
    PutObject,
    UpdateRecord,
)
from indexer.model.content import InlineSource, NewRecordContent, RestsOn
from indexer.model.generation import CORE_FIELDS, GENERATIONS, METADATA_FILE, core_file, original_field
from indexer.model.location import Location

UNSAID = "it does not say what must still hold in the other systems"


def grounds_problem(action: Action, location: Location, originals_folder: str) -> str:
    """What the action should say and does not; empty where it says all."""
    says = action.rests_on or RestsOn()
    match action:
        case PutObject() | CopyObject():
            return ""
        case DeleteObject():
            said = _delete_object(action, location, originals_folder, says)
        case InsertRecord():
            said = _insert(action, says)
        case UpdateRecord():
            said = _update(action, says)
        case DeleteRecord():
            said = _gone(action.reason, says)
        case CreateDataAsset():
            said = says.described is not None
        case ArchiveDataAsset() | DeleteDataAsset():
            said = _gone(action.reason, says)
    return "" if said else UNSAID


def _delete_object(action: DeleteObject, location: Location, originals_folder: str, says: RestsOn) -> bool:
    originals, key = location.key(f"{originals_folder}/"), action.target.key
    if key.startswith(originals):
        field = original_field(key.removeprefix(originals))
        return field is not None and says.root == location.key(core_file(field))
    # What an undo deletes is what the run itself wrote there, and its precondition pins that.
    if action.reason == "undo":
        return True
    if key == location.key(METADATA_FILE):
        return says.folder == "kept"
    if says.lacks is None or says.original is None or not says.original.startswith(originals):
        return False
    # All three must be of one field: another field's original would prove nothing for this file.
    fields = {says.lacks.field, original_field(says.original.removeprefix(originals))}
    return {key} == {location.key(core_file(field)) for field in fields if field}


def _insert(action: InsertRecord, says: RestsOn) -> bool:
    if not isinstance(action.content, NewRecordContent):
        return True  # a record that comes back was there before: it rests on its archive
    if action.reason == "result-unregistered":
        return says.result == "wanted"
    links = action.content.links
    return says.described is not None and (not links or sorted(says.mounts or ()) == sorted(links))


def _update(action: UpdateRecord, says: RestsOn) -> bool:
    links_field = GENERATIONS[action.target.generation].links_field
    relinks = any(
        one.field == links_field and isinstance(one.source, InlineSource) for one in action.content.fields
    )
    taken_out = set(action.content.unset) & set(CORE_FIELDS)
    return (not relinks or says.mounts is not None) and taken_out <= set(says.no_original or ())


def _gone(reason: str, says: RestsOn) -> bool:
    match reason:
        case "asset-gone":
            return says.folder == "gone"
        case "result-gone":
            return says.result == "gone"
    return True
