"""How many requests the command sends, by kind. No seconds: those are bench.py's, and the machine's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import ceil
from typing import Any

import pytest

from bench.running import Bench, Run, Setting, bench
from bench.world import World
from indexer.model.values import to_bytes

ASSETS = 60
CORE_FILES = 8
RECORDS_A_FIND = 16
FINDS_BESIDE = 4
"""The rows, and three for the records whose location is not usable."""
DERIVED = to_bytes({"name": "zz_derived", "data_level": "derived", "schema_version": "1.0.0"})


def of(system: str, counts: Mapping[str, int]) -> dict[str, int]:
    """One system's requests. None may be of a kind that the light servers do not know."""
    assert not [name for name in counts if name.endswith("refused")]
    return {name.removeprefix(f"{system} "): one for name, one in counts.items() if name.startswith(system)}


def kinds(plan: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """A plan's actions, counted by kind and reason."""
    return Counter((action["kind"], action["reason"]) for action in plan["actions"])


def assert_in_step(plan: Mapping[str, Any], assets: int) -> None:
    """Everything was looked at, and nothing is to be done."""
    assert plan["summary"]["complete"]
    assert plan["summary"]["assets"] == assets
    assert (plan["actions"], plan["withheld"], plan["findings"]) == ([], [], [])


def planned_and_applied(one: Bench) -> tuple[Run, dict[str, Any], Run]:
    """Plan and apply."""
    run, plan = one.plan()
    return run, plan, one.apply()


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_an_asset_in_step_costs_two_lists(generation: str) -> None:
    """Two LISTs an asset and one for the bucket, no HEAD, no GET; sixteen records are read at once."""
    with bench(Setting(ASSETS, generation=generation)) as one:
        run, plan = one.plan()
    assert_in_step(plan, ASSETS)
    assert of("s3", run.counts) == {"LIST asset": 2 * ASSETS, "LIST bucket": 1, "prefixes": ASSETS}
    docdb = of("docdb", run.counts)
    assert docdb["find"] == FINDS_BESIDE + ceil(ASSETS / RECORDS_A_FIND)
    assert docdb.get("getMore", 0) == 0


def test_an_asset_without_originals_folder_costs_one_list() -> None:
    """Where the record has no core field there is nothing that would have a copy."""
    with bench(Setting(ASSETS, bare_every=1)) as one:
        run, plan = one.plan()
    assert_in_step(plan, ASSETS)
    assert of("s3", run.counts) == {"LIST asset": ASSETS, "LIST bucket": 1, "prefixes": ASSETS}


@pytest.mark.parametrize(("assets", "pages", "row_pages"), [(1_000, 1, 2), (2_001, 3, 3)])
def test_a_bucket_costs_one_list_for_a_thousand_prefixes(assets: int, pages: int, row_pages: int) -> None:
    """The bucket is listed whole, whichever assets are asked for; of the others, no folder and no record."""
    with bench(Setting(assets, warm=False)) as one:
        run, plan = one.plan("plan.json", "--asset", World.name(assets - 1))
    assert_in_step(plan, 1)
    assert of("s3", run.counts) == {"LIST asset": 2, "LIST bucket": pages, "prefixes": assets}
    # A full page of rows, each of which starts with the last one of the page before, may have one behind it.
    docdb = of("docdb", run.counts)
    assert docdb["find"] == FINDS_BESIDE + row_pages
    assert docdb.get("getMore", 0) == 0


def test_drift_costs_one_get_and_one_conditional_write_for_each_file() -> None:
    """A file that differs is read once by the plan, and once by the apply, which keeps it; nothing else is."""
    stale = ASSETS // 10
    with bench(Setting(ASSETS, drift_every=10)) as one:
        planned, plan, applied = planned_and_applied(one)
        second, again = one.plan("again.json")
    assert kinds(plan) == {("put-object", "core-file-stale"): stale}
    assert of("s3", planned.counts) == {
        **{"LIST asset": 2 * ASSETS, "LIST bucket": 1, "prefixes": ASSETS},
        "GET": stale,
    }
    assert of("s3", applied.counts) == {"GET": stale, "PUT": stale}
    assert of("docdb", applied.counts)["find"] == 1
    assert_in_step(again, ASSETS)
    assert "GET" not in of("s3", second.counts)


def test_twenty_differences_cost_what_one_does() -> None:
    """In each core file of each asset: the worst that an action shows, and what `bench.shown` measures."""
    assets, differences = 3, 20
    with bench(Setting(assets, drift_every=1, differences=differences)) as one:
        planned, plan, applied = planned_and_applied(one)
    assert kinds(plan) == {("put-object", "core-file-stale"): CORE_FILES * assets}
    assert {len(action["changes"]) for action in plan["actions"]} == {differences}
    assert of("s3", planned.counts)["GET"] == CORE_FILES * assets
    assert of("s3", applied.counts) == {"GET": CORE_FILES * assets, "PUT": CORE_FILES * assets}


def test_an_action_waits_for_the_disk_three_times_at_most() -> None:
    """For the image of what it replaces, for its name, and for the intent; the last two are shared by those in flight."""
    actions = ASSETS
    with bench(Setting(ASSETS, drift_every=1)) as one:
        _, plan = one.plan()
        one.apply("plan.json", module=("-m", "bench.slow_disk", "5", "flushes"))
        flushes = int((one.folder / "flushes").read_text())
    assert kinds(plan) == {("put-object", "core-file-stale"): actions}
    beside = 30  # the plan, the folders, the result
    assert flushes <= 3 * actions + beside


def test_a_copy_costs_a_read_and_one_conditional_write() -> None:
    """Copies of root files that are in step: nothing is read for them by the plan."""
    assets = 12
    with bench(Setting(assets, originals=False)) as one:
        planned, plan, applied = planned_and_applied(one)
        second, again = one.plan("again.json")
    assert kinds(plan) == {("copy-object", "original-missing"): assets * CORE_FILES}
    assert of("s3", planned.counts) == {"LIST asset": assets, "LIST bucket": 1, "prefixes": assets}
    assert of("s3", applied.counts) == {"GET": assets * CORE_FILES, "PUT": assets * CORE_FILES}
    assert of("docdb", applied.counts).get("find", 0) == 0
    assert_in_step(again, assets)
    assert of("s3", second.counts)["LIST asset"] == 2 * assets


def test_records_cost_one_batch_of_conditional_writes() -> None:
    """A field that is adopted, an asset that is gone and one that is new: three writes, and all stays written."""
    adopted, gone = World.name(3), World.name(7)
    with bench(Setting(ASSETS)) as one:
        one.send("PUT", f"{adopted}/acquisition.json", b'{"instrument_id": "i"}')
        for key in one.keys(f"{gone}/"):
            one.send("DELETE", key)
        one.send("PUT", "zz_derived/data_description.json", DERIVED)
        planned, plan, applied = planned_and_applied(one)
        _, again = one.plan("again.json")
    found = kinds(plan)
    assert found["update-record", "field-missing"] == 1
    assert found["delete-record", "asset-gone"] == 1
    assert found["insert-record", "asset-unregistered"] == 1
    assert "unconditional writes" not in of("s3", planned.counts) | of("s3", applied.counts)
    docdb = of("docdb", applied.counts)
    assert {name: docdb[name] for name in ("insert", "update", "delete")} == {
        "insert": 1,
        "update": 1,
        "delete": 1,
    }
    assert_in_step(again, ASSETS)


def test_a_folder_that_is_not_ours_costs_one_get() -> None:
    """Its data description tells what it is; only where that is missing, or "derived", is the folder listed."""
    with bench(Setting(ASSETS)) as one:
        one.send("PUT", "zz_derived/data_description.json", DERIVED)
        one.send("PUT", "zz_nothing/data.bin", b"0")
        one.send("PUT", "zz_raw/data_description.json", DERIVED.replace(b"derived", b"raw"))
        one.send("PUT", "zz_raw/original_metadata/data_description.20240501.json", b"{}")
        run, plan = one.plan("plan.json", "--lookback-days", "1")
    assert kinds(plan)["insert-record", "asset-unregistered"] == 1
    assert plan["summary"]["findings"] == {"data-description-missing": 1, "raw-unregistered": 1}
    assert of("s3", run.counts) == {
        **{"LIST asset": 2, "LIST bucket": 1, "prefixes": ASSETS + 3},
        **{"GET": 3, "missing keys": 1},
    }


def test_a_lookback_lists_no_asset_that_did_not_change() -> None:
    """Nothing was modified within a day: the bucket's own listing and the light rows are all that is read."""
    with bench(Setting(ASSETS)) as one:
        run, plan = one.plan("plan.json", "--lookback-days", "1")
    assert plan["summary"]["assets"] == 0
    assert of("s3", run.counts) == {"LIST bucket": 1, "prefixes": ASSETS}
    assert of("docdb", run.counts)["find"] == FINDS_BESIDE


def test_a_location_takes_half_a_kilobyte_of_memory() -> None:
    """Its light row and its folder's name, where it is not in scope: a million of them fit into half a gigabyte."""
    few, many = 2_000, 42_000
    peaks = []
    for assets in (few, many):
        with bench(Setting(assets, warm=False)) as one:
            run, plan = one.plan("plan.json", "--lookback-days", "1")
        assert plan["summary"]["assets"] == 0
        peaks.append(run.peak_mb)
    assert (peaks[1] - peaks[0]) * 1e6 / (many - few) < 550
