"""The doctor with the policies of docs/permissions.md, as they stand there, on an S3 that enforces them."""

from __future__ import annotations

import json
from contextlib import closing

import pymongo
from test_least_privilege import (
    BUCKET,
    RESULTS,
    Cloud,
    add_user,
    cloud,  # noqa: F401 - a fixture
    documented,
    enforce,
    moto_endpoint,  # noqa: F401 - a fixture
)

PROBE = "s3-conditional-writes"


def statuses(cloud: Cloud, user: str, *arguments: str) -> tuple[int, dict[tuple[str, str], str]]:  # noqa: F811
    """Exit code, and status by check and what it is about."""
    done = cloud.run(user, "doctor", "--format", "json", *arguments)
    assert "Traceback" not in done.stderr
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {(one["name"], one["about"]): one["status"] for one in checks}


def add_users(cloud: Cloud) -> None:  # noqa: F811
    """Those that the page adds for the doctor, beside the planner."""
    reading, _, looking, probing, *_ = documented()
    enforce(cloud.endpoint, 1_000_000)
    with closing(cloud.client("admin", "iam")) as iam:
        cloud.keys["doctor"] = add_user(iam, "doctor", [reading, looking])
        cloud.keys["prober"] = add_user(iam, "prober", [reading, looking, probing])
    with closing(pymongo.MongoClient(cloud.docdb_uri)) as client:
        client["metadata_index"]["data_assets"].create_index("location")
    enforce(cloud.endpoint, 0)


def test_each_policy_of_the_page_allows_what_it_is_for(cloud: Cloud) -> None:  # noqa: F811
    """The planner's is enough; with the second nothing is unknown; with the third the probe works and is gone."""
    add_users(cloud)
    before = cloud.objects()
    code, found = statuses(cloud, "planner")
    assert (code, found["s3-list", BUCKET], found["s3-get", BUCKET]) == (0, "ok", "ok")
    assert found["s3-versioning", BUCKET] == "warning"
    done = cloud.run("planner", "doctor")
    assert f"{BUCKET}: unknown: S3 denies access: get the versioning" in done.stdout
    done = cloud.run("doctor", "doctor")
    assert (done.returncode, "S3 denies access" in done.stdout) == (0, False)
    code, found = statuses(cloud, "prober", "--write-probe")
    assert (code, found[PROBE, BUCKET]) == (0, "ok")
    assert cloud.objects() == before


def test_who_may_not_write_cannot_probe_and_who_may_not_list_is_told(cloud: Cloud) -> None:  # noqa: F811
    """A denied probe is an error of that check only; a stranger's list is denied, bucket by bucket."""
    add_users(cloud)
    before = cloud.objects()
    code, found = statuses(cloud, "doctor", "--write-probe")
    assert (code, found[PROBE, BUCKET], found["s3-get", BUCKET]) == (1, "error", "ok")
    code, found = statuses(cloud, "stranger")
    assert (code, found["s3-list", BUCKET], found["s3-get", BUCKET]) == (1, "error", "not-tried")
    assert found["docdb-collection", "metadata_index.data_assets"] == "ok"
    assert cloud.objects() == before


def test_the_probe_s_policy_touches_no_asset_and_no_result() -> None:
    """Its keys lie in no folder, and in managed buckets only."""
    _, _, looking, probing, *_ = documented()
    assert RESULTS not in json.dumps(probing)
    assert all(one["Action"] == ["s3:PutObject", "s3:DeleteObject"] for one in probing["Statement"])
    assert not any("Put" in action for one in looking["Statement"] for action in one["Action"])
