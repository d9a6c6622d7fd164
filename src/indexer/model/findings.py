"""What a person must look at: each kind of finding with what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from indexer.model.meaning import Meaning

FindingKind = Literal[
    "location-invalid",
    "location-duplicate",
    "name-mismatch",
    "raw-unregistered",
    "data-level-unknown",
    "data-description-missing",
    "data-description-corrupt",
    "core-file-corrupt",
    "value-unserialisable",
    "type-hidden",
    "links-invalid",
    "result-not-ready",
    "result-without-computation",
    "generation-unconfigured",
    "fought-over",
    "read-incomplete",
    "read-suspiciously-empty",
]

FINDINGS: Mapping[FindingKind, Meaning] = {
    "location-invalid": Meaning(
        "A record's location is missing, is not text or not `s3://`, has no prefix, or has more than one path component. Nothing else is done with it.",
        "Correct `location` in DocDB, or delete the record.",
        "A person or a program wrote it: DocDB checks nothing.",
    ),
    "location-duplicate": Meaning(
        "Two records of one collection have one location. Nothing is planned for that location.",
        "Decide which one is right; delete or correct the other.",
        "The asset was registered twice under different ids, or a record was copied.",
    ),
    "name-mismatch": Meaning(
        "A record's name is not the prefix. The asset is synced anyway.",
        "Correct `name`, or leave it.",
        "The folder or the record was renamed, and the other was not.",
    ),
    "raw-unregistered": Meaning(
        "A raw asset without a record. Counted in `summary` only.",
        "Nothing here: raw assets are registered on upload.",
        "It was uploaded a moment ago, or its registration failed.",
    ),
    "data-level-unknown": Meaning(
        "An asset without a record whose `data_level` is neither raw nor derived.",
        "Correct its data description.",
        "The field is missing, misspelt, or of a newer schema.",
    ),
    "data-description-missing": Meaning(
        "A folder without a record and without `data_description.json`.",
        "Upload one, or move the folder elsewhere.",
        "The upload is not finished, or the folder is not a data asset.",
    ),
    "data-description-corrupt": Meaning(
        "A folder without a record whose `data_description.json` is not a JSON object.",
        "Upload a good one.",
        "An upload was cut short, or the file was edited by hand.",
    ),
    "core-file-corrupt": Meaning(
        "A core file whose value was wanted is not JSON (nor is the literal `null`). No record adopts it; in a managed bucket it becomes an original.",
        "Put the right value into the record.",
        "An upload was cut short, or the file was edited by hand.",
    ),
    "value-unserialisable": Meaning(
        "A value that the other side cannot hold: Decimal128 or binary in a record; in a file an integer beyond 64 bits, a lone surrogate, a key with a NUL. Or there is no room for it: a record over 16 MB, an object's key over 1,024 bytes. That field's files are left alone, and so is the metadata file if it would hold the value. Or an `_id` that no plan can name: the whole asset is left alone.",
        "Change the value at its source; give the record another `_id`.",
        "A driver stored a type of its own, or a file holds what DocDB does not take.",
    ),
    "type-hidden": Meaning(
        "Records were read over the HTTP gateway (`docdb.url`), and a value may have a type that JSON hides: a date, an ObjectId or another of BSON's, or plain data that looks like one. What rests on it is not planned: the files of that field and the metadata file; all of the asset where it stands in the `_id`, or where a write to the record would rest on it.",
        "Plan over MongoDB's wire protocol (`docdb.uri`), which has types; or leave it.",
        "JSON has no dates and no ObjectIds, and what the gateway makes of them is not documented.",
    ),
    "links-invalid": Meaning(
        "The links field of a record, of any age, holds something that cannot be read as links. It is left alone.",
        "Correct it in DocDB.",
        "A person or a program wrote something else into the field.",
    ),
    "result-not-ready": Meaning(
        "A wanted result is not in state `ready`. It is not registered; a record that it already has is left alone.",
        "Wait, or look at it in Code Ocean.",
        "Its computation still runs, or has failed.",
    ),
    "result-without-computation": Meaning(
        "A wanted result names no computation. It is not registered; a record that it already has is left alone.",
        "Look at it in Code Ocean.",
        "It was uploaded or imported, and not computed in Code Ocean.",
    ),
    "generation-unconfigured": Meaning(
        "A new derived asset or result whose record would belong to v1, and v1 is not configured. It is not registered.",
        "Upgrade its data description to `schema_version` 2 or newer, or configure `[docdb.v1]`.",
        "A pipeline still writes data descriptions of an older schema.",
    ),
    "fought-over": Meaning(
        "The plan wants to write what a run of ours wrote already, and somebody else has undone it since (`plan --history`). It says when, and how often. The action is planned all the same.",
        "Find out who else writes there, and let one of the two stop: they will go on undoing each other.",
        "Another program writes the same file, record or links, by other rules.",
    ),
    "read-incomplete": Meaning(
        "A read failed or was cut short, or an asset changed while it was being read. What rests on it is not planned.",
        "Look at `detail`; plan again.",
        "A system was down, slow, or did not allow it; or somebody was writing at the same time.",
    ),
    "read-suspiciously-empty": Meaning(
        'A read answered "nothing" although another system shows that there should be something, or a collection holds no record at all, of any bucket (a mistyped or retired database looks like that). It counts as incomplete; while a collection is doubted, nothing is registered.',
        "Check whether the name in the configuration is right. If there really is nothing, plan again with `--allow-empty` and the system's name. Leave out the table of a generation that you do not have.",
        "A name is mistyped, a database is retired, a token sees too little; or everything is indeed gone.",
    ),
}
