"""Managed buckets out of step: one asset for each kind of drift between records and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from indexer_sandbox.scenario import Scenario
from indexer_sandbox.shapes import Asset, file_bytes, record
from indexer_sandbox.stage import Draft, Stage, in_step, unregistered

NOT_JSON = b'{"subject_id": "7128'
TOO_LARGE = 2**70

_CORRUPT = "core-file-corrupt|core-file-unrecorded"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of drift: how to push an asset that is in step out of it, and what a plan says then."""

    name: str
    alter: Callable[[Draft], None]
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def edited(value: Any) -> bytes:
    """A core file that somebody changed by hand, in our bytes."""
    return file_bytes({**value, "notes": "von Hand geändert – 2 µm tiefer"})


def _nothing(draft: Draft) -> None:
    """Leave the asset in step."""


def _row_yes_yes_no(draft: Draft) -> None:
    draft.drop(draft.original_key("procedures"))


def _row_yes_yes_no_edited(draft: Draft) -> None:
    _row_yes_yes_no(draft)
    _core_file_stale(draft)


def _row_yes_no_yes(draft: Draft) -> None:
    draft.drop(draft.key("procedures"))


def _row_yes_no_no(draft: Draft) -> None:
    draft.drop(draft.key("procedures"), draft.original_key("procedures"))


def _row_no_yes_yes(draft: Draft) -> None:
    draft.held()["procedures"] = None
    draft.write_metadata()


def _row_no_yes_no(draft: Draft) -> None:
    value = draft.held()["procedures"]
    _row_no_yes_yes(draft)
    draft.drop(draft.original_key("procedures"))
    draft.put(draft.key("procedures"), json.dumps(value).encode())


def _row_no_corrupt_no(draft: Draft) -> None:
    _row_no_yes_no(draft)
    draft.put(draft.key("procedures"), NOT_JSON)


def _row_no_null_no(draft: Draft) -> None:
    _row_no_yes_no(draft)
    draft.put(draft.key("procedures"), b"null")


def _row_no_no_yes(draft: Draft) -> None:
    _row_no_yes_yes(draft)
    draft.drop(draft.key("procedures"))


def _row_no_no_no(draft: Draft) -> None:
    _row_no_no_yes(draft)
    draft.drop(draft.original_key("procedures"))


def _core_file_stale(draft: Draft) -> None:
    draft.put(draft.key("procedures"), edited(draft.held()["procedures"]))


def _core_file_format(draft: Draft) -> None:
    draft.put(draft.key("subject"), json.dumps(draft.held()["subject"], indent=4).encode() + b"\n")


def _core_file_format_bom(draft: Draft) -> None:
    draft.put(draft.key("subject"), b"\xef\xbb\xbf" + file_bytes(draft.held()["subject"]))


def _core_file_corrupt(draft: Draft) -> None:
    draft.put(draft.key("subject"), NOT_JSON)


def _metadata_missing(draft: Draft) -> None:
    draft.drop(draft.metadata_key)


def _metadata_stale(draft: Draft) -> None:
    draft.put(draft.metadata_key, file_bytes({**draft.held(), "metadata_status": "Unknown"}))


def _metadata_format(draft: Draft) -> None:
    draft.put(draft.metadata_key, json.dumps(draft.held(), sort_keys=True).encode())


def _everything(draft: Draft) -> None:
    """Several at once, as after a year without a sync."""
    _core_file_stale(draft)
    draft.drop(draft.key("rig"), draft.original_key("session"))
    draft.put(draft.key("subject"), json.dumps(draft.held()["subject"]).encode())
    _metadata_stale(draft)


def _folder_marker(draft: Draft) -> None:
    draft.objects.clear()
    draft.put(f"{draft.asset.name}/", b"")


def _gone(draft: Draft) -> None:
    draft.objects.clear()


def _name_mismatch(draft: Draft) -> None:
    draft.held()["name"] = draft.asset.name.replace("_", "-")
    draft.write_metadata()


def _trailing_slash(draft: Draft) -> None:
    draft.held()["location"] = draft.asset.location + "/"
    draft.write_metadata()


def _unserialisable(draft: Draft) -> None:
    draft.held()["quality_control"] = None
    draft.write_metadata()
    draft.drop(draft.original_key("quality_control"))
    draft.put(draft.key("quality_control"), json.dumps({"value": TOO_LARGE}).encode())


def _field_of_others(draft: Draft) -> None:
    draft.held()["dandi"] = {"größe": 1e-07, "ids": ["000123"]}
    draft.write_metadata()


CASES: tuple[Case, ...] = (
    Case("row-yes-yes-yes", _nothing),
    Case("row-yes-yes-no", _row_yes_yes_no, ("original-missing",)),
    Case("row-yes-yes-no-edited", _row_yes_yes_no_edited, ("original-missing", "core-file-stale")),
    Case("row-yes-no-yes", _row_yes_no_yes, ("core-file-missing",)),
    Case("row-yes-no-no", _row_yes_no_no, ("core-file-missing", "original-missing")),
    Case("row-no-yes-yes", _row_no_yes_yes, ("core-file-unrecorded",)),
    Case("row-no-yes-no", _row_no_yes_no, ("field-missing", "core-file-format", "metadata-file-stale")),
    Case("row-no-corrupt-no", _row_no_corrupt_no, (_CORRUPT,)),
    Case("row-no-null-no", _row_no_null_no, (_CORRUPT,)),
    Case("row-no-no-yes", _row_no_no_yes),
    Case("row-no-no-no", _row_no_no_no),
    Case("core-file-stale", _core_file_stale, ("core-file-stale",)),
    Case("core-file-format", _core_file_format, ("core-file-format",)),
    Case("core-file-format-bom", _core_file_format_bom, ("core-file-format",)),
    Case("core-file-corrupt", _core_file_corrupt, ("core-file-stale|core-file-corrupt",)),
    Case("metadata-file-missing", _metadata_missing, ("metadata-file-missing",)),
    Case("metadata-file-stale", _metadata_stale, ("metadata-file-stale",)),
    Case("metadata-file-format", _metadata_format, ("metadata-file-format",)),
    Case(
        "several-at-once",
        _everything,
        (
            "core-file-stale",
            "core-file-missing",
            "original-missing",
            "core-file-format",
            "metadata-file-stale",
        ),
    ),
    Case("folder-marker-only", _folder_marker, ("core-file-missing", "metadata-file-missing")),
    Case("asset-gone", _gone, ("asset-gone",)),
    Case("asset-gone-both-generations", _gone, ("asset-gone",)),
    Case("name-mismatch", _name_mismatch, (), ("name-mismatch",)),
    Case("location-trailing-slash", _trailing_slash),
    Case("location-duplicate", _nothing, (), ("location-duplicate",)),
    Case("value-unserialisable", _unserialisable, (), ("value-unserialisable",)),
    Case("field-of-others", _field_of_others),
    Case("both-generations", _nothing),
)

# In every one of them procedures.json is stale: what is written must reach exactly this key.
AWKWARD_NAMES = (
    "behavior 712815 first+last_2024-05-22_10-00-26",
    "ecephys_100%25_2024-05-22_10-00-26",
    "größe_日本語_2024-05-22_10-00-26",
    ".hidden_712815_2024-05-22_10-00-26",
)


def stage_files(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """Put every case on the stage, in this bucket; each a day after the one before."""
    for number, case in enumerate(CASES):
        draft = in_step(_asset(bucket, number, start_at))
        case.alter(draft)
        stage.drafts.append(draft)
        yield Scenario(case.name, draft.asset.location, case.reasons, case.findings)
        if case.name in ("asset-gone-both-generations", "both-generations"):
            stage.records.append(("v2", record(replace(draft.asset, generation="v2"), [])))
        if case.name == "location-duplicate":
            twin = record(replace(draft.asset, acquired_at=start_at), [])
            twin |= {"_id": "c0ffee00-0000-4000-8000-000000000001", "location": draft.asset.location + "/"}
            stage.records.append(("v1", twin))
    for name in AWKWARD_NAMES:
        draft = in_step(Asset(name, bucket, acquired_at=start_at))
        _core_file_stale(draft)
        stage.drafts.append(draft)
        yield Scenario(f"awkward-name {name}", draft.asset.location, ("core-file-stale",))
    stage.loose.append((bucket, "README.txt", b"An object at the top level is no asset.\n"))


def stage_locations(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """Records whose location cannot be used; none of them has a folder."""
    nested = f"s3://{bucket}/ecephys_720001_2024-05-22_10-00-26/nested"
    for number, (name, location) in enumerate(
        (("nested", nested), ("missing", None), ("not-a-string", 720003), ("empty", f"s3://{bucket}/"))
    ):
        held = record(_asset(bucket, 200 + number, start_at), [])
        if location is None:
            del held["location"]
        else:
            held["location"] = location
        stage.records.append(("v1", held))
        shown = location if isinstance(location, str) else ""
        yield Scenario(f"location-{name}", shown, (), ("location-invalid",), held["_id"])
    other = record(_asset(f"{bucket}-two", 210, start_at), [])
    stage.records.append(("v1", other))
    yield Scenario("location-in-another-bucket", other["location"], record_id=other["_id"])


def stage_unregistered(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """Folders without a record in any generation."""
    for number, (name, level, reasons, findings) in enumerate(
        (
            ("unregistered-derived", "derived", ("asset-unregistered",), ()),
            ("unregistered-derived-v2", "derived", ("asset-unregistered",), ()),
            (
                "unregistered-derived-corrupt-subject",
                "derived",
                ("asset-unregistered",),
                ("core-file-corrupt",),
            ),
            ("unregistered-raw", "raw", (), ("raw-unregistered",)),
            ("data-level-unknown", "simulated", (), ("data-level-unknown",)),
            ("data-description-missing", "derived", (), ("data-description-missing",)),
            ("data-description-corrupt", "derived", (), ("data-description-corrupt",)),
        )
    ):
        asset = replace(_asset(bucket, 300 + number, start_at), data_level=level)
        if level == "derived":
            asset = replace(asset, name=f"{asset.name}_sorted_2024-06-01_12-00-00")
        if name == "unregistered-derived-v2":
            asset = replace(asset, generation="v2")
        draft = unregistered(asset)
        match name:
            case "unregistered-derived-corrupt-subject":
                draft.put(draft.key("subject"), NOT_JSON)
            case "data-description-missing":
                draft.drop(draft.key("data_description"))
            case "data-description-corrupt":
                draft.put(draft.key("data_description"), NOT_JSON)
        stage.drafts.append(draft)
        yield Scenario(name, asset.location, reasons, findings)


def stage_v2_only(stage: Stage, bucket: str, start_at: datetime) -> Iterator[Scenario]:
    """A v2 asset whose files are out of step, which is nobody's business while v2 is not synced."""
    draft = in_step(replace(_asset(bucket, 400, start_at), generation="v2"))
    _core_file_stale(draft)
    _metadata_stale(draft)
    stage.drafts.append(draft)
    yield Scenario("v2-not-synced", draft.asset.location)


def _asset(bucket: str, number: int, start_at: datetime) -> Asset:
    acquired_at = start_at + timedelta(days=number % 60, minutes=7 * number, seconds=13 * number)
    subject_id = str(700100 + number)
    return Asset(
        f"ecephys_{subject_id}_{acquired_at:%Y-%m-%d_%H-%M-%S}",
        bucket,
        subject_id=subject_id,
        acquired_at=acquired_at,
    )
