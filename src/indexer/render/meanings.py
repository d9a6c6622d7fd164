"""What each reason and each finding means, and what to do: for reports, and for the tables in `docs/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.model.action import Reason
from indexer.model.plan import FindingKind


@dataclass(frozen=True, slots=True)
class Meaning:
    """One word of a plan, in Markdown of one line."""

    found: str
    to_do: str


REASON_MEANINGS: Mapping[Reason, Meaning] = {
    "core-file-missing": Meaning(
        "The record has the field; the root file is not there. The file is written.",
        "Nothing. If there are many, find out who deletes core files.",
    ),
    "core-file-stale": Meaning(
        "The root file holds another value than the record. The file is overwritten.",
        "Read `changes`. Is the file right and the record wrong, correct the record in DocDB and plan again.",
    ),
    "core-file-format": Meaning(
        "The same value, in other bytes. The file is written in our bytes.", "Nothing; no value changes."
    ),
    "core-file-unrecorded": Meaning(
        "The record does not have the field, and there is an original already, in JSON. The root file is deleted.",
        "Should the record have it, put it there and plan again.",
    ),
    "core-file-corrupt": Meaning(
        "The root file is not JSON. It is overwritten with the record's value, or, where the record has none, copied to the originals and deleted.",
        "Look at the finding of the same name, and repair it at its source.",
    ),
    "original-missing": Meaning(
        "A root file has no original. It is copied there before it is overwritten, or once it is written.",
        "Nothing.",
    ),
    "field-missing": Meaning(
        "The record does not have the field; the root file does, and has no original yet (it is new), or one that is not JSON (the upload was repaired; that original stays). The record takes over its value.",
        "Check that the value belongs to the asset.",
    ),
    "metadata-file-missing": Meaning("There is no metadata file. It is written.", "Nothing."),
    "metadata-file-stale": Meaning(
        "The metadata file is not what the (desired) record says. It is overwritten.",
        "Read `changes`; it usually follows a change of the record.",
    ),
    "metadata-file-format": Meaning(
        "The same record, in other bytes. It is written in our bytes.", "Nothing; no value changes."
    ),
    "metadata-file-retired": Meaning(
        "There is a metadata file, and `s3.metadata_file` is `remove`. It is deleted, unless nothing else is in its folder: the asset would look gone. The record holds all of it.",
        "Raise the limits for deletions for the plan that retires them all; who still reads these files should be known.",
    ),
    "asset-gone": Meaning(
        "S3 has no key under the prefix any more; the listing was complete. The records are deleted in every generation, and the data assets archived, deleted or kept (`codeocean.on_missing`).",
        "Was the asset deleted on purpose? If not, restore the folder and plan again.",
    ),
    "asset-unregistered": Meaning(
        "A derived asset without a record. The record is inserted, and a data asset created where that is switched on.",
        "Nothing.",
    ),
    "links-stale": Meaning(
        "The ids of the external data assets that mount the location are not those in the record. The links are set.",
        "Are links removed that you miss, see whether the token sees all data assets (docs/permissions.md).",
    ),
    "links-format": Meaning(
        "A v1 record holds the right ids in the older form, a list, and the asset has a v2 record: the upgrader, which takes over only an object, would empty v2's links again and again. The list is folded into one object; no id changes.",
        "Nothing.",
    ),
    "result-unregistered": Meaning("A wanted result without a record. The record is inserted.", "Nothing."),
    "result-gone": Meaning(
        "A record in the results bucket whose result is not wanted any more: deleted, archived, or no longer tagged. The record is deleted.",
        "Was the tag removed by mistake, put it back and plan again.",
    ),
    "undo": Meaning(
        "In a plan that takes a run back: what that run wrote is restored.",
        "Compare it with the result of that run.",
    ),
}

FINDING_MEANINGS: Mapping[FindingKind, Meaning] = {
    "location-invalid": Meaning(
        "A record's location is missing, no string, not `s3://`, without a prefix, or of more than one path component. Nothing else is done with it.",
        "Correct `location` in DocDB, or delete the record.",
    ),
    "location-duplicate": Meaning(
        "Two records of one collection have one location. Nothing is planned for that location.",
        "Decide which one is right; delete or correct the other.",
    ),
    "name-mismatch": Meaning(
        "A record's name is not the prefix. The asset is synced all the same.", "Correct `name`, or leave it."
    ),
    "raw-unregistered": Meaning(
        "A raw asset without a record. Counted in `summary` only.",
        "Nothing here: raw assets are registered on upload.",
    ),
    "data-level-unknown": Meaning(
        "An asset without a record whose `data_level` is neither raw nor derived.",
        "Correct its data description.",
    ),
    "data-description-missing": Meaning(
        "A folder without a record and without `data_description.json`.",
        "Upload one, or move the folder elsewhere.",
    ),
    "data-description-corrupt": Meaning(
        "The same, with one that is not a JSON object.", "Upload a good one."
    ),
    "core-file-corrupt": Meaning(
        "A core file is not JSON (the literal `null` is not either), where its value was wanted. No record takes it over; in a managed bucket it becomes an original.",
        "Put the right value into the record.",
    ),
    "value-unserialisable": Meaning(
        "A value that the other side cannot hold: Decimal128 or binary in a record; in a file an integer beyond 64 bits, a lone surrogate, a key with a NUL. Or what there is no room for: a record over 16 MB, an object's key over 1,024 bytes. That field's files are left alone, and the metadata file where it would hold it. Or an `_id` that no plan can name: the whole asset is left alone.",
        "Change the value at its source; give the record another `_id`.",
    ),
    "links-invalid": Meaning(
        "The links field of a record, of any age, holds something that is no links. It is left alone.",
        "Correct it in DocDB.",
    ),
    "result-not-ready": Meaning(
        "A wanted result is not in state `ready`. It is not registered; a record that it has already is left alone.",
        "Wait, or look at it in Code Ocean.",
    ),
    "result-without-computation": Meaning(
        "A wanted result names no computation. The same.", "Look at it in Code Ocean."
    ),
    "generation-unconfigured": Meaning(
        "A new derived asset or result whose record would be one of v1, and v1 is not configured. It is not registered.",
        "Give its data description `schema_version` 2 or newer, upgraded, or configure `[docdb.v1]`.",
    ),
    "read-incomplete": Meaning(
        "A read failed or was cut short, or an asset changed while it was being read. What rests on it is not planned.",
        "Look at `detail`; plan again.",
    ),
    "read-suspiciously-empty": Meaning(
        'A read answered "nothing" where another system shows that there should be something, or a collection holds no record at all, of any bucket (a mistyped or retired database looks so). It counts as incomplete; while a collection is doubted, nothing is registered.',
        "Look whether the name in the configuration is right; if nothing is there indeed, plan again with `--allow-empty` and the system's name. Leave out the table of a generation that you do not have.",
    ),
}
