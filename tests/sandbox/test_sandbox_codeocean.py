"""The Code Ocean server answers the SDK as the real one does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from codeocean import CodeOcean
from codeocean.data_asset import (
    AWSS3Source,
    DataAssetParams,
    DataAssetSearchOrigin,
    DataAssetSearchParams,
    DataAssetState,
    DataAssetType,
    Source,
)
from codeocean.error import Error

from indexer_sandbox import Fault, Sandbox
from indexer_sandbox.codeocean import CodeOceanServer


def stored(sandbox: Sandbox, **changes: Any) -> str:
    """Put one data asset into the server."""
    asset: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "created": 1,
        "name": "größe",
        "mount": "größe",
        "last_used": 1,
        "owner": "o",
        "state": "ready",
        "type": "dataset",
        "tags": ["raw"],
        "source_bucket": {"origin": "aws", "bucket": "b", "prefix": "p", "external": True},
    }
    asset |= changes
    sandbox.codeocean.put({name: value for name, value in asset.items() if value is not None})
    return str(asset["id"])


def found(client: CodeOcean, **search: Any) -> list[str]:
    """The ids that a search finds, over all pages, in its order."""
    rows = client.data_assets.search_data_assets_iterator(DataAssetSearchParams(**search))
    return [row.id for row in rows]


def test_a_data_asset_is_created_and_ready_at_the_next_look(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """As on the real one the answer says `draft`; it mounts the prefix from outside."""
    source = Source(aws=AWSS3Source(bucket="b", prefix="größe 1+2", keep_on_external_storage=True))
    made = code_ocean.data_assets.create_data_asset(
        DataAssetParams(name="größe", tags=["derived", "ecephys"], mount="größe", source=source)
    )
    assert made.state == DataAssetState.Draft
    seen = code_ocean.data_assets.get_data_asset(made.id)
    assert (seen.state, seen.name, seen.tags) == (DataAssetState.Ready, "größe", ["derived", "ecephys"])
    assert seen.source_bucket is not None
    assert (seen.source_bucket.bucket, seen.source_bucket.prefix) == ("b", "größe 1+2")
    assert seen.source_bucket.external is True


def test_archiving_hides_from_searches_and_can_be_undone(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """The API never says whether a data asset is archived; the searches and the server do."""
    asset_id = stored(sandbox)
    external = {"origin": DataAssetSearchOrigin.External}
    code_ocean.data_assets.archive_data_asset(asset_id, True)
    assert (found(code_ocean, **external, archived=False), found(code_ocean, **external, archived=True)) == (
        [],
        [asset_id],
    )
    assert "archived" not in code_ocean.session.get(f"data_assets/{asset_id}").json()
    assert sandbox.codeocean.data_assets()[asset_id]["archived"] is True
    code_ocean.data_assets.archive_data_asset(asset_id, False)
    assert found(code_ocean, **external, archived=False) == [asset_id]


def test_deleting_makes_it_unknown(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """What is gone is 404 for every operation."""
    asset_id = stored(sandbox)
    code_ocean.data_assets.delete_data_asset(asset_id)
    for call in (
        lambda: code_ocean.data_assets.get_data_asset(asset_id),
        lambda: code_ocean.data_assets.delete_data_asset(asset_id),
        lambda: code_ocean.data_assets.archive_data_asset(asset_id, True),
    ):
        with pytest.raises(Error) as caught:
            call()
        assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"query": "tag:derived"}, {"result", "external"}),
        ({"query": "tag:Processed"}, {"result"}),
        ({"query": "tag:derived tag:raw"}, {"result", "external", "raw"}),
        ({"query": "tag:derived name:sorted"}, {"result"}),
        ({"query": 'name:"big SORTED"'}, {"result"}),
        ({"type": DataAssetType.Result}, {"result"}),
        ({"origin": DataAssetSearchOrigin.Internal}, {"result"}),
        ({"origin": DataAssetSearchOrigin.External}, {"external", "raw"}),
        ({"query": "tag:none"}, set()),
    ],
)
def test_searches_filter(sandbox: Sandbox, code_ocean: CodeOcean, search: Any, expected: set[str]) -> None:
    """Terms of one field are alternatives, fields add up, case is ignored."""
    ids = {
        stored(
            sandbox, type="result", name="Big sorted", tags=["Derived", "processed"], source_bucket=None
        ): "result",
        stored(sandbox, tags=["derived"]): "external",
        stored(sandbox): "raw",
        stored(sandbox, tags=["derived", "processed"], archived=True): "archived",
    }
    assert {ids[asset_id] for asset_id in found(code_ocean, **search)} == expected


@pytest.mark.parametrize("repeat", [False, True])
def test_searches_come_in_pages(repeat: bool) -> None:
    """Every data asset comes, in order; with repetition the first of a page may be known already."""
    server = CodeOceanServer(max_page=7, repeat_across_pages=repeat)
    client = CodeOcean(domain=server.domain, token=server.token)
    try:
        for number in range(20):
            server.put(
                {"id": f"{number:02}", "created": 1, "name": "n", "mount": "n", "last_used": 1, "owner": "o"}
            )
            server.put(server.data_assets()[f"{number:02}"] | {"state": "ready", "type": "dataset"})
        ids = found(client, limit=1000)
        assert list(dict.fromkeys(ids)) == [f"{number:02}" for number in range(20)]
        assert len(ids) == (22 if repeat else 20)
        assert server.log.counts() == {"SearchDataAssets": 3}
        assert len(found(client, limit=5)) == (23 if repeat else 20)
    finally:
        client.session.close()
        server.close()


def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    """401, and nothing is done."""
    asset_id = stored(sandbox)
    client = CodeOcean(domain=sandbox.codeocean_domain, token="wrong")
    with pytest.raises(Error) as caught:
        client.data_assets.delete_data_asset(asset_id)
    client.session.close()
    assert caught.value.status_code == 401
    assert asset_id in sandbox.codeocean.data_assets()
    sandbox.codeocean.remove(asset_id)


def test_a_chosen_page_fails(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """The second page of a search breaks off; the next search is whole again."""
    for _ in range(3):
        stored(sandbox)
    sandbox.codeocean.faults.add(Fault("SearchDataAssets", 503, after=1))
    with pytest.raises(Error) as caught:
        found(code_ocean, limit=1)
    assert caught.value.status_code == 503
    assert len(found(code_ocean, limit=1)) == 3


def test_a_limited_rate_says_when_to_come_again(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """429 with Retry-After."""
    sandbox.codeocean.faults.add(Fault("*", 429, retry_after_s=7))
    with pytest.raises(Error) as caught:
        found(code_ocean)
    assert caught.value.http_err.response.headers["Retry-After"] == "7"
    assert caught.value.status_code == 429


def test_a_token_can_expire(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """From a chosen request on everything is 401, until the faults are cleared."""
    sandbox.codeocean.faults.add(Fault("*", 401, after=1, count=None))
    assert found(code_ocean) == []
    for _ in range(3):
        with pytest.raises(Error) as caught:
            found(code_ocean)
        assert caught.value.status_code == 401
    sandbox.codeocean.faults.clear()
    assert found(code_ocean) == []


def test_searches_are_no_writes(sandbox: Sandbox, code_ocean: CodeOcean) -> None:
    """The log tells reads from writes by what they do, not by their method."""
    asset_id = stored(sandbox)
    start = len(sandbox.codeocean.log)
    found(code_ocean)
    code_ocean.data_assets.get_data_asset(asset_id)
    assert sandbox.codeocean.log.writes(start) == ()
    code_ocean.data_assets.archive_data_asset(asset_id, True)
    written = sandbox.codeocean.log.writes(start)
    assert [(row.operation, row.data_asset_id, row.status) for row in written] == [
        ("ArchiveDataAsset", asset_id, 204)
    ]


def test_a_page_holds_a_thousand_at_most(code_ocean: CodeOcean) -> None:
    """More is refused, not cut."""
    assert found(code_ocean, limit=1000) == []
    with pytest.raises(Error) as caught:
        found(code_ocean, limit=1001)
    assert caught.value.status_code == 400
