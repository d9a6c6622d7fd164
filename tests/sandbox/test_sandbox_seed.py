"""The seed fills a sandbox with assets in step and with every kind of drift and finding."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from indexer_sandbox import Sandbox, running
from indexer_sandbox.scenario import Seeded
from indexer_sandbox.seed import seed

REASONS = {
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
    "asset-gone",
    "asset-unregistered",
    "links-stale",
    "result-unregistered",
    "result-gone",
}
FINDINGS = {
    "location-invalid",
    "location-duplicate",
    "name-mismatch",
    "raw-unregistered",
    "data-level-unknown",
    "data-description-missing",
    "data-description-corrupt",
    "core-file-corrupt",
    "value-unserialisable",
    "links-invalid",
    "result-not-ready",
    "result-without-computation",
}
CORE = (
    "subject",
    "data_description",
    "procedures",
    "session",
    "rig",
    "processing",
    "acquisition",
    "instrument",
)
CORE += ("quality_control", "model")
GENERATIONS = {"v1": "metadata_index", "v2": "metadata_index_v2"}


class Contents:
    """Everything that a sandbox holds, read once."""

    def __init__(self, sandbox: Sandbox) -> None:
        buckets = ("aind-open-data", "aind-private-data", "codeocean-results")
        self.objects = {
            f"s3://{bucket}/{key}": body
            for bucket in buckets
            for key, body in sandbox.s3.objects(bucket).items()
        }
        self.data_assets = sandbox.codeocean.data_assets()
        self.records: dict[str, list[dict[str, Any]]] = {}
        with MongoClient[dict[str, Any]](sandbox.docdb_uri) as client:
            for generation, database in GENERATIONS.items():
                self.records[generation] = list(client[database]["data_assets"].find().sort("_id", 1))

    def record(self, location: str, generation: str = "v1") -> dict[str, Any]:
        """The one record at a location."""
        found = [row for row in self.records[generation] if str(row.get("location")).rstrip("/") == location]
        assert len(found) == 1, location
        return found[0]

    def folder(self, location: str) -> dict[str, bytes]:
        """The objects of an asset's folder by the rest of their keys."""
        start = f"{location}/"
        return {key.removeprefix(start): body for key, body in self.objects.items() if key.startswith(start)}

    def mounts(self, location: str) -> list[str]:
        """The unarchived external data assets at a location."""
        return sorted(
            asset_id
            for asset_id, asset in self.data_assets.items()
            if not asset["archived"]
            and (source := asset.get("source_bucket"))
            and f"s3://{source['bucket']}/{source['prefix']}".rstrip("/") == location
        )


def in_our_bytes(value: Any) -> bytes:
    return json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True).encode("utf-8")


@pytest.fixture(scope="session")
def seeded(seeded_sandbox: tuple[Sandbox, Seeded]) -> Seeded:
    return seeded_sandbox[1]


@pytest.fixture(scope="session")
def contents(seeded_sandbox: tuple[Sandbox, Seeded]) -> Contents:
    return Contents(seeded_sandbox[0])


def test_every_reason_and_every_finding_is_there(seeded: Seeded) -> None:
    """At least one asset for each, `undo` and failed reads apart."""
    assert {reason for scenario in seeded.scenarios for reason in scenario.all_reasons()} == REASONS
    assert {finding for scenario in seeded.scenarios for finding in scenario.findings} == FINDINGS
    assert all(seeded.with_reason(reason) for reason in REASONS)
    assert all(seeded.with_finding(finding) for finding in FINDINGS)


def test_names_and_locations_are_unique(seeded: Seeded) -> None:
    """A scenario is found by its name; no asset plays two parts."""
    names = [scenario.name for scenario in seeded.scenarios]
    assert len(set(names)) == len(names)
    locations = [scenario.location for scenario in seeded.scenarios if scenario.location] + list(
        seeded.in_step
    )
    assert [location for location, count in Counter(locations).items() if count > 1] == []
    assert seeded.location("core-file-stale") in seeded.with_reason("core-file-stale")
    with pytest.raises(KeyError):
        seeded.scenario("no such thing")


def test_assets_in_step_are_in_step(seeded: Seeded, contents: Contents) -> None:
    """Files to the byte, originals of all of them, links as a set."""
    assert len(seeded.in_step) >= 30
    for location in seeded.in_step:
        folder = contents.folder(location)
        generation = "v1" if location in {row.get("location") for row in contents.records["v1"]} else "v2"
        record = contents.record(location, generation)
        assert folder["metadata.nd.json"] == in_our_bytes(record)
        assert record["name"] == location.rpartition("/")[2]
        for field in CORE:
            originals = [key for key in folder if key.startswith(f"original_metadata/{field}.")]
            if record.get(field) is None:
                assert f"{field}.json" not in folder
                assert originals == []
            else:
                assert folder[f"{field}.json"] == in_our_bytes(record[field])
                assert len(originals) == 1
        links = record["external_links" if generation == "v1" else "other_identifiers"]
        assert links == {"Code Ocean": contents.mounts(location)}


@pytest.mark.parametrize(
    ("row", "recorded", "root", "original"),
    [
        ("row-yes-yes-yes", True, True, True),
        ("row-yes-yes-no", True, True, False),
        ("row-yes-yes-no-edited", True, True, False),
        ("row-yes-no-yes", True, False, True),
        ("row-yes-no-no", True, False, False),
        ("row-no-yes-yes", False, True, True),
        ("row-no-yes-no", False, True, False),
        ("row-no-corrupt-no", False, True, False),
        ("row-no-null-no", False, True, False),
        ("row-no-no-yes", False, False, True),
        ("row-no-no-no", False, False, False),
    ],
)
def test_every_row_of_the_decision_table_is_there(
    seeded: Seeded, contents: Contents, row: str, recorded: bool, root: bool, original: bool
) -> None:
    """Record, root file and original copy of the procedures stand as the row says; metadata.nd.json agrees."""
    location = seeded.location(row)
    record, folder = contents.record(location), contents.folder(location)
    assert (record["procedures"] is not None) == recorded
    assert ("procedures.json" in folder) == root
    assert any(key.startswith("original_metadata/procedures.") for key in folder) == original
    assert folder["metadata.nd.json"] == in_our_bytes(record)


def test_assets_that_are_gone_have_no_folder(seeded: Seeded, contents: Contents) -> None:
    """One has a data asset to archive, one has a record in both generations."""
    for location in seeded.with_reason("asset-gone"):
        assert contents.folder(location) == {}
    assert contents.mounts(seeded.location("asset-gone"))
    both = seeded.location("asset-gone-both-generations")
    assert contents.record(both, "v1")["_id"] != contents.record(both, "v2")["_id"]


def test_new_folders_have_no_record(seeded: Seeded, contents: Contents) -> None:
    """What may be registered is in no generation; the shapes differ."""
    known = {str(row.get("location")).rstrip("/") for rows in contents.records.values() for row in rows}
    for location in (*seeded.with_reason("asset-unregistered"), *seeded.with_reason("result-unregistered")):
        assert location not in known
        assert contents.folder(location)
    for name, major in (("unregistered-derived", "1"), ("unregistered-derived-v2", "2")):
        description = json.loads(contents.folder(seeded.location(name))["data_description.json"])
        assert description["schema_version"].split(".")[0] == major
        assert description["data_level"] == "derived"


def test_deletions_stay_below_the_default_limits(seeded: Seeded, contents: Contents) -> None:
    """Of each bucket's records in each collection less than a tenth goes."""
    gone = {*seeded.with_reason("asset-gone"), *seeded.with_reason("result-gone")}
    for rows in contents.records.values():
        locations = [row["location"] for row in rows if isinstance(row.get("location"), str)]
        for bucket in ("aind-open-data", "aind-private-data", "codeocean-results"):
            own = [location for location in locations if location.startswith(f"s3://{bucket}/")]
            assert sum(location in gone for location in own) * 10 < max(len(own), 1)


def test_records_are_large_and_hold_awkward_values(seeded: Seeded, contents: Contents) -> None:
    """Tens of kB, text beyond ASCII, floats and integers that are easily spoilt on the way."""
    sizes = [
        len(in_our_bytes(contents.record(location))) for location in seeded.with_reason("core-file-stale")
    ]
    assert min(sizes) > 20_000
    text = in_our_bytes(contents.record(seeded.location("core-file-stale"))).decode()
    for part in (
        "größe µm",
        "🐭",
        "1e-07",
        "0.30000000000000004",
        "2.5e+22",
        "-0.0",
        "9007199254740993",
        "5e-324",
    ):
        assert part in text


def test_one_file_was_uploaded_in_parts(seeded: Seeded, seeded_sandbox: Any, s3_client_for: Any) -> None:
    """Its bytes are in step although its ETag is not their MD5."""
    bucket, _, prefix = seeded.location("multipart-etag").removeprefix("s3://").partition("/")
    answer = s3_client_for(seeded_sandbox[0].s3_endpoint).get_object(
        Bucket=bucket, Key=f"{prefix}/metadata.nd.json"
    )
    assert answer["ETag"].endswith('-1"')


def test_results_are_in_every_state(seeded: Seeded, contents: Contents) -> None:
    """Known or not, ready or not, with a computation or without, archived, untagged."""

    def shown(name: str) -> dict[str, Any] | None:
        return contents.data_assets.get(seeded.location(name).rpartition("/")[2])

    states = {name: (shown(name) or {}).get("state") for name in ("result-unregistered", "result-not-ready")}
    assert states == {"result-unregistered": "ready", "result-not-ready": "draft"}
    assert shown("result-gone") is None
    assert (shown("result-archived") or {})["archived"] is True
    assert "computation" not in (shown("result-without-computation") or {})["provenance"]
    assert all(
        "source_bucket" not in asset for asset in contents.data_assets.values() if asset["type"] == "result"
    )


def test_seeding_stands_in_no_log(seeded: Seeded, contents: Contents, seeded_sandbox: Any) -> None:
    """Apart from the upload in parts, a test's own requests are the only ones it finds."""
    assert {request.key for request in seeded_sandbox[0].s3.log.writes()} == {
        f"{seeded.location('multipart-etag').partition('aind-open-data/')[2]}/metadata.nd.json"
    }
    assert seeded_sandbox[0].codeocean.log.since() == ()


@pytest.fixture
def second_sandbox(empty_directory: Path) -> Iterator[Sandbox]:
    with running(empty_directory) as servers:
        yield servers


def test_the_same_seed_gives_the_same_bytes(
    seeded: Seeded, contents: Contents, second_sandbox: Sandbox
) -> None:
    """Records, objects, data assets and what is said of them."""
    assert seed(second_sandbox, assets=30) == seeded
    again = Contents(second_sandbox)
    assert again.objects == contents.objects
    assert repr(again.records) == repr(contents.records)
    assert again.data_assets == contents.data_assets
