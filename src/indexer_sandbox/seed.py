"""Fill a sandbox with assets in step and with every kind of drift and finding there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from indexer_sandbox.scenario import Scenario, Seeded
from indexer_sandbox.seed_codeocean import stage_links, stage_results
from indexer_sandbox.seed_files import stage_files, stage_locations, stage_unregistered, stage_v2_only
from indexer_sandbox.shapes import Asset, file_bytes
from indexer_sandbox.stack import MANAGED_BUCKETS, RESULTS_BUCKET, Sandbox
from indexer_sandbox.stage import Draft, Stage, data_asset, data_asset_id, in_step

START_AT = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
IN_STEP_V2 = 12
PRIVATE_IN_STEP = 8

# What follows a shared beginning sorts before "/" in S3 and after the end in DocDB.
_SORT_TRAP_ENDINGS = ("", " part 2", "+2", "-2", "_processed_2024-04-02_08-00-00")


def seed(sandbox: Sandbox, *, assets: int = 40, start_at: datetime = START_AT) -> Seeded:
    """Fill an empty sandbox; the same arguments give the same bytes.

    `assets` is the number of v1 assets in step in the first bucket, beside the others. With fewer than 30
    the deletions among the drift may exceed the default limits. The first acquisition is at `start_at`, the
    others in the days after it.
    """
    opened, private = MANAGED_BUCKETS
    stage = Stage((*MANAGED_BUCKETS, RESULTS_BUCKET))
    for draft in _in_step(opened, private, assets, start_at):
        stage.drafts.append(draft)
        stage.data_assets.extend(data_asset(asset_id, draft.asset) for asset_id in _links(draft.asset))
    linked = {draft.asset.location for draft in stage.drafts}
    multipart = _multipart(opened, start_at)
    stage.drafts.append(multipart)
    scenarios = (
        *stage_files(stage, opened, start_at),
        *stage_locations(stage, opened, start_at),
        *stage_unregistered(stage, opened, start_at),
        *stage_v2_only(stage, opened, start_at),
        *stage_links(stage, opened, start_at),
        *stage_results(stage, RESULTS_BUCKET, start_at),
        *_second_bucket(stage, opened, private, start_at),
        Scenario("multipart-etag", multipart.asset.location),
    )
    _mount_gone(stage, scenarios)
    stage.load(sandbox)
    _upload_in_parts(sandbox, multipart)
    return Seeded(scenarios, tuple(sorted(linked - {scenario.location for scenario in scenarios})))


def _in_step(opened: str, private: str, assets: int, start_at: datetime) -> Iterator[Draft]:
    """Assets of all kinds that are linked and in step."""
    for number in range(assets):
        yield _linked(_plain(opened, number, start_at))
    for number in range(PRIVATE_IN_STEP):
        yield _linked(_plain(private, number, start_at))
    for number in range(IN_STEP_V2):
        at, subject_id = start_at + timedelta(hours=5 * number), str(730815 + number)
        name = f"behavior_{subject_id}_{at:%Y-%m-%d_%H-%M-%S}"
        yield _linked(Asset(name, opened, "v2", subject_id=subject_id, acquired_at=at))
    for ending in _SORT_TRAP_ENDINGS:
        level = "derived" if "processed" in ending else "raw"
        name = f"ecephys_699999_2024-04-01_08-00-00{ending}"
        yield _linked(Asset(name, opened, data_level=level, subject_id="699999", acquired_at=start_at))


def _plain(bucket: str, number: int, start_at: datetime) -> Asset:
    """One of the many: every fourth is derived, every fifth from another platform."""
    at = start_at + timedelta(hours=7 * number, seconds=61 * number)
    subject_id = str(712815 + number)
    derived = number % 4 == 3
    spim = number % 5 == 4
    name = f"{'SmartSPIM' if spim else 'ecephys'}_{subject_id}_{at:%Y-%m-%d_%H-%M-%S}"
    if derived:
        done_at = at + timedelta(days=9)
        name += f"_{'stitched' if spim else 'sorted'}_{done_at:%Y-%m-%d_%H-%M-%S}"
    return Asset(
        name,
        bucket,
        platform="SmartSPIM" if spim else "ecephys",
        data_level="derived" if derived else "raw",
        subject_id=subject_id,
        acquired_at=at,
    )


def _links(asset: Asset) -> list[str]:
    """The data assets that mount an asset: for some of them two."""
    count = 2 if asset.subject_id.endswith("7") else 1
    return sorted(data_asset_id("mount", asset.location, str(number)) for number in range(count))


def _linked(asset: Asset) -> Draft:
    return in_step(asset, _links(asset))


def _multipart(bucket: str, start_at: datetime) -> Draft:
    return in_step(
        Asset("ecephys_699998_2024-04-01_08-00-00", bucket, subject_id="699998", acquired_at=start_at)
    )


def _upload_in_parts(sandbox: Sandbox, draft: Draft) -> None:
    """Upload `metadata.nd.json` once more as one part of many may be, so that its ETag is no MD5 of its bytes."""
    import boto3

    names = sandbox.environment()
    client = boto3.client(
        "s3",
        endpoint_url=sandbox.s3_endpoint,
        region_name=names["AWS_DEFAULT_REGION"],
        aws_access_key_id=names["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=names["AWS_SECRET_ACCESS_KEY"],
    )
    bucket, key = draft.asset.bucket, draft.metadata_key
    upload_id = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = client.upload_part(
        Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=file_bytes(draft.held())
    )
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=key,
        UploadId=upload_id,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    client.close()


def _second_bucket(stage: Stage, opened: str, private: str, start_at: datetime) -> Iterator[Scenario]:
    """The second bucket: the same prefix as in the first one, stale only here."""
    twin = _plain(opened, 0, start_at)
    draft = next(
        draft for draft in stage.drafts if draft.asset.bucket == private and draft.asset.name == twin.name
    )
    draft.put(draft.key("subject"), file_bytes({"subject_id": "nobody"}))
    yield Scenario("second-bucket-stale", draft.asset.location, ("core-file-stale",))


def _mount_gone(stage: Stage, scenarios: tuple[Scenario, ...]) -> None:
    """Give an asset that is gone an external data asset, which has to be archived with it."""
    location = next(scenario.location for scenario in scenarios if scenario.name == "asset-gone")
    draft = next(draft for draft in stage.drafts if draft.asset.location == location)
    stage.data_assets.append(data_asset(data_asset_id("gone", location), draft.asset))
