"""Code Ocean's ports: in memory, and the SDK on the sandbox's server."""

from __future__ import annotations

import pytest
from contract_handles import DataAssets

from indexer.errors import AccessDeniedError, SystemFaultError
from indexer.model.snapshot import DataAsset
from shared.builders import location, stored_mount, stored_result
from shared.memory.stored import StoredDataAsset

TAGS = ("derived", "processed")


def mounted(data_assets: DataAssets) -> list[DataAsset]:
    return [one for page in data_assets.reader.mounted() for one in page]


def results(data_assets: DataAssets) -> list[DataAsset]:
    return [one for page in data_assets.reader.results(TAGS) for one in page]


def test_mounted_are_the_unarchived_external_ones(data_assets: DataAssets) -> None:
    """Neither results nor archived ones, nor internal copies of a bucket."""
    data_assets.put(stored_mount("da-1", "a"))
    data_assets.put(StoredDataAsset("da-2", "gone", "bucket", "b", archived=True))
    data_assets.put(StoredDataAsset("da-3", "copied", "bucket", "c", external=False))
    data_assets.put(stored_result("r-1"))
    (one,) = mounted(data_assets)
    assert (one.id, one.location) == ("da-1", location("a"))


@pytest.mark.parametrize(
    ("prefix", "place"),
    [("a", location("a")), ("a/", location("a")), ("a/b", None), ("", None), ("ü +%", location("ü +%"))],
)
def test_a_mount_is_normalised(data_assets: DataAssets, prefix: str, place: object) -> None:
    """A trailing slash is the same folder; a bucket or a folder in a folder is no asset's."""
    data_assets.put(stored_mount("da-1", prefix))
    assert [one.location for one in mounted(data_assets)] == [place]


@pytest.mark.parametrize("rows_a_page", [1, 2, 3, 1000])
def test_every_page_comes_and_none_twice(data_assets: DataAssets, rows_a_page: int) -> None:
    """Seven external ones, however they are cut into pages; the server repeats one at each page's edge."""
    data_assets.rows_a_page(rows_a_page)
    for number in range(7):
        data_assets.put(stored_mount(f"da-{number}", f"p{number}"))
    assert sorted(one.id for one in mounted(data_assets)) == [f"da-{number}" for number in range(7)]


def test_results_are_found_by_any_of_the_tags_once(data_assets: DataAssets) -> None:
    """Type result, internal, unarchived; what carries both tags comes once."""
    data_assets.put(stored_result("r-1"))
    data_assets.put(stored_result("r-2", tags=("processed",)))
    data_assets.put(stored_result("r-3", tags=("processed", "derived")))
    data_assets.put(stored_result("r-4", tags=("other",)))
    data_assets.put(stored_result("r-5", archived=True))
    data_assets.put(stored_result("r-6", type="dataset"))
    data_assets.put(stored_result("r-7", external=True, bucket="b", prefix="p"))
    assert sorted(one.id for one in results(data_assets)) == ["r-1", "r-2", "r-3"]


def test_results_say_what_decides_over_them(data_assets: DataAssets) -> None:
    """State, computation and source bucket."""
    data_assets.put(stored_result("r-1"))
    data_assets.put(stored_result("r-2", has_computation=False, state="draft"))
    data_assets.put(stored_result("r-3", bucket="b", prefix="p", has_computation=False))
    found = {one.id: one for one in results(data_assets)}
    assert found["r-1"] == DataAsset("r-1", "result r-1", None, has_computation=True)
    assert (found["r-2"].has_computation, found["r-2"].state) == (False, "draft")
    assert found["r-3"].has_source_bucket


def test_nothing_found_is_an_answer(data_assets: DataAssets) -> None:
    """Whether it can be right is for the planner to judge."""
    assert mounted(data_assets) == []
    assert results(data_assets) == []


def test_a_created_data_asset_mounts_its_location(data_assets: DataAssets) -> None:
    """The id that comes back is the one that is found from then on."""
    created = data_assets.writer.create(location("ü a"), "ü a", ["derived", "SPIM"])
    (found,) = mounted(data_assets)
    assert (found.id, found.name, found.location) == (created.id, "ü a", location("ü a"))
    assert found.state == "ready"


def test_archive_hides_and_can_be_taken_back(data_assets: DataAssets) -> None:
    """An archived one is still there."""
    data_assets.put(stored_mount("da-1"))
    data_assets.writer.archive("da-1", archive=True)
    assert mounted(data_assets) == []
    assert data_assets.archived() == {"da-1": True}
    assert [one.id for page in data_assets.reader.mounted(archived=True) for one in page] == ["da-1"]
    data_assets.writer.archive("da-1", archive=False)
    assert [one for page in data_assets.reader.mounted(archived=True) for one in page] == []
    assert [one.id for one in mounted(data_assets)] == ["da-1"]


def test_delete_is_for_good(data_assets: DataAssets) -> None:
    """It is nowhere afterwards, and a second deletion is a fault."""
    data_assets.put(stored_mount("da-1"))
    data_assets.put(stored_mount("da-2"))
    data_assets.writer.delete("da-1")
    assert data_assets.archived() == {"da-2": False}
    with pytest.raises(SystemFaultError):
        data_assets.writer.delete("da-1")


def test_one_exists_until_it_is_deleted(data_assets: DataAssets) -> None:
    """Archived or not, external or not; an id is no part of a path."""
    data_assets.put(stored_mount("da-1"))
    data_assets.put(stored_result("r-1"))
    data_assets.writer.archive("da-1", archive=True)
    known = [one for one in ("da-1", "r-1", "nobody", "da-1/archive", "?") if data_assets.reader.exists(one)]
    assert known == ["da-1", "r-1"]
    data_assets.writer.delete("da-1")
    assert not data_assets.reader.exists("da-1")


def test_archiving_nobody_is_a_fault(data_assets: DataAssets) -> None:
    """What is not there cannot be archived."""
    with pytest.raises(SystemFaultError):
        data_assets.writer.archive("nobody", archive=True)


def test_a_refusal_is_never_an_empty_answer(data_assets: DataAssets) -> None:
    """403 raises AccessDeniedError for every method."""
    data_assets.put(stored_mount("da-1"))
    data_assets.deny()
    for ask in (
        lambda: mounted(data_assets),
        lambda: results(data_assets),
        lambda: data_assets.reader.exists("da-1"),
        lambda: data_assets.writer.create(location("b"), "b", []),
        lambda: data_assets.writer.archive("da-1", archive=True),
        lambda: data_assets.writer.delete("da-1"),
    ):
        with pytest.raises(AccessDeniedError):
            ask()
    assert data_assets.archived() == {"da-1": False}


@pytest.mark.parametrize("nth", [1, 2])
def test_a_page_that_fails_is_a_fault(data_assets: DataAssets, nth: int) -> None:
    """Rows may have come before it; the end has not."""
    data_assets.rows_a_page(1)
    data_assets.put(stored_mount("da-1"))
    data_assets.put(stored_mount("da-2", "b"))
    data_assets.put(stored_mount("da-3", "c"))
    data_assets.break_page(nth)
    pages = iter(data_assets.reader.mounted())
    assert sum(len(next(pages)) for _ in range(nth - 1)) == nth - 1
    with pytest.raises(SystemFaultError):
        next(pages)
