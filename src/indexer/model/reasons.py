"""Why an action is planned: each reason with what was found, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from indexer.model.meaning import Meaning

Reason = Literal[
    "core-file-missing",
    "core-file-stale",
    "core-file-format",
    "core-file-unrecorded",
    "core-file-corrupt",
    "original-missing",
    "field-missing",
    "metadata-file-missing",
    "metadata-file-stale",
    "metadata-file-format",
    "metadata-file-retired",
    "asset-gone",
    "asset-unregistered",
    "links-stale",
    "links-format",
    "result-unregistered",
    "result-gone",
    "undo",
]

REASONS: Mapping[Reason, Meaning] = {
    "core-file-missing": Meaning(
        "The record has the field; the root file is not there. The file is written.",
        "Nothing. If there are many, find out who deletes core files.",
        "Somebody deleted or renamed the file, or a curator added the field to the record: S3 follows it.",
    ),
    "core-file-stale": Meaning(
        "The root file holds another value than the record. The file is overwritten.",
        "Read `changes`. If the file is right and the record wrong, correct the record in DocDB and plan again.",
        "Usually a curator corrected the record. Sometimes a person or a program wrote the file and not the record, although the record is what counts.",
    ),
    "core-file-format": Meaning(
        "The same value, in other bytes (`changes` say in what they differ). The file is written in our bytes.",
        "Nothing; no value changes.",
        "Another program wrote the file with its own indent, order of keys or escapes, or with a byte order mark; `show` says which.",
    ),
    "core-file-unrecorded": Meaning(
        "The record does not have the field, and there is an original already, in JSON. The root file is deleted.",
        "If the record should have it, put it there and plan again.",
        "The field was taken out of the record after the asset had been registered: the original is the proof that there once was one.",
    ),
    "core-file-corrupt": Meaning(
        "The root file is not JSON. It is overwritten with the record's value. If the record has none, it is copied to the originals and deleted.",
        "Look at the finding of the same name, and repair the file at its source.",
        "An upload was cut short, or the file was edited by hand.",
    ),
    "original-missing": Meaning(
        "A root file has no original. It is copied there before it is overwritten, or once it is written.",
        "Nothing.",
        "The asset is new, or its file was written by a program that keeps no originals.",
    ),
    "field-missing": Meaning(
        "The record does not have the field; the root file does. The root file has no original yet (it is new), or one that is not JSON (the upload was repaired; that original stays). The record adopts its value.",
        "Check that the value belongs to the asset.",
        "The file was uploaded after the asset had been registered, or an upload that could not be read was repaired.",
    ),
    "metadata-file-missing": Meaning(
        "There is no metadata file. It is written.",
        "Nothing.",
        "The asset is new, or somebody deleted the file.",
    ),
    "metadata-file-stale": Meaning(
        "The metadata file is not what the (desired) record says. It is overwritten.",
        "Read `changes`; it usually follows a change of the record.",
        "The record was changed, by a curator, by another program or by this plan, and the file is a copy of it.",
    ),
    "metadata-file-format": Meaning(
        "The same record, in other bytes (`changes` say in what they differ). It is written in our bytes.",
        "Nothing; no value changes.",
        "Another program wrote the file with its own indent, order of keys or escapes, or with a byte order mark; `show` says which.",
    ),
    "metadata-file-retired": Meaning(
        "There is a metadata file, and `s3.metadata_file` is `remove`. It is deleted, unless nothing else is in its folder: then the asset would look gone. The record holds everything that was in it.",
        "Raise the limits for deletions for the plan that retires them all. Know who still reads these files.",
        "The configuration says that nobody reads these files any more.",
    ),
    "asset-gone": Meaning(
        "S3 has no key under the prefix any more, and the listing was complete. The records are deleted in every generation. The data assets are archived, deleted or kept (`codeocean.on_missing`).",
        "Was the asset deleted on purpose? If not, restore the folder and plan again.",
        "Somebody deleted the folder, or moved it to another bucket or name.",
    ),
    "asset-unregistered": Meaning(
        "A derived asset without a record. The record is inserted, and a data asset is created if that is switched on.",
        "Nothing.",
        "A pipeline wrote its results into the bucket: derived assets are registered here, raw ones on upload.",
    ),
    "links-stale": Meaning(
        "The ids of the external data assets that mount the location are not those in the record. The links are set.",
        "If links are removed that should stay, check whether the token sees all data assets (docs/permissions.md).",
        "Somebody created, archived or deleted an external data asset in Code Ocean.",
    ),
    "links-format": Meaning(
        "A v1 record holds the right ids in the older form, a list, and the asset has a v2 record. The upgrader copies only an object, so it would empty v2's links again and again. The list is folded into one object; no id changes.",
        "Nothing.",
        "An older program wrote links as a list.",
    ),
    "result-unregistered": Meaning(
        "A wanted result without a record. The record is inserted.",
        "Nothing.",
        "A computation in Code Ocean was captured as a result and tagged.",
    ),
    "result-gone": Meaning(
        "A record in the results bucket whose result is not wanted any more: deleted, archived, or no longer tagged. The record is deleted.",
        "If the tag was removed by mistake, put it back and plan again.",
        "Somebody deleted or archived the result in Code Ocean, or took away its tag.",
    ),
    "undo": Meaning(
        "In a plan that takes a run back: what that run wrote is restored.",
        "Compare it with the result of that run.",
        "Somebody asked for it with `indexer undo`.",
    ),
}
