"""What a plan saw decides what it may say: 0 only where everything was seen, and always what to do about the rest."""

from __future__ import annotations

import pytest
from workbench import BUCKET, Workbench

DETAILED = ("plan", "--bucket", BUCKET, "--detailed-exitcode")
NO_TOKEN = {"INDEXER_CODEOCEAN__TOKEN": "a-token-that-has-run-out"}


@pytest.fixture
def in_step(workbench: Workbench) -> Workbench:
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.records("v2").insert_one({"_id": "elsewhere", "location": "s3://another-bucket/asset"})
    return workbench


def test_in_step_and_seen_is_0(in_step: Workbench) -> None:
    done = in_step.run(*DETAILED)
    assert done.returncode == 0, done.stderr


def test_in_step_as_far_as_was_seen_is_1(in_step: Workbench) -> None:
    """Links were not looked at: nobody can say; and nothing else says why."""
    done = in_step.run(*DETAILED, **NO_TOKEN)
    assert done.returncode == 1
    assert "NOT EVERYTHING COULD BE READ" in done.stderr
    assert in_step.run(*DETAILED[:-1], **NO_TOKEN).returncode == 0


def test_drift_is_3_whatever_else_was_not_seen(in_step: Workbench) -> None:
    in_step.put("asset/subject.json", b"{}")
    assert in_step.run(*DETAILED, **NO_TOKEN).returncode == 3


@pytest.mark.parametrize("more", [(), ("--quiet",), ("--log-format", "json")])
def test_what_to_do_is_said_for_a_read_that_failed(in_step: Workbench, more: tuple[str, ...]) -> None:
    """The system that failed, why, and the way out: quiet or not."""
    done = in_step.run(*DETAILED, *more, **NO_TOKEN)
    assert "codeocean: external data assets" in done.stderr
    assert "Renew the token" in done.stderr
    drift = in_step.run("drift", "--bucket", BUCKET, **NO_TOKEN)
    assert drift.returncode == 1
    assert "Renew the token" in drift.stdout


def test_quiet_leaves_out_the_summary(in_step: Workbench) -> None:
    assert in_step.run(*DETAILED, "--quiet").stderr == ""


@pytest.mark.parametrize("command", [DETAILED, ("drift", "--bucket", BUCKET)])
def test_a_glob_that_matches_nothing_is_no_proof(in_step: Workbench, command: tuple[str, ...]) -> None:
    """A mistyped one would be green for ever."""
    done = in_step.run(*command, "--asset", "aset")
    assert done.returncode == 1
    assert "aset" in done.stderr


@pytest.mark.parametrize("command", [(*DETAILED, "--quiet"), ("drift", "--bucket", BUCKET, "--quiet")])
def test_one_of_several_globs_that_matches_nothing_is_none_either(
    in_step: Workbench, command: tuple[str, ...]
) -> None:
    """It is named, quiet or not; the others are no excuse for it."""
    done = in_step.run(*command, "--asset", "asset", "--asset", "aset", "--asset", "a*")
    assert done.returncode == 1
    assert "No asset matches --asset aset.\n" in done.stderr


def test_drift_is_seen_beside_a_glob_that_matches_nothing(in_step: Workbench) -> None:
    """The plan is for what there is; the gate says both, and that it cannot answer for all."""
    in_step.put("asset/subject.json", b"{}")
    several = ("--asset", "asset", "--asset", "aset")
    assert in_step.run(*DETAILED, *several).returncode == 3
    gate = in_step.run("drift", "--bucket", BUCKET, *several)
    assert gate.returncode == 1
    assert "CANNOT SAY: a filter matches no asset. So far: 1 unexpected action" in gate.stdout
    assert "no asset matches aset\n" in gate.stdout


@pytest.mark.parametrize("command", [DETAILED, ("drift", "--bucket", BUCKET)])
def test_what_is_excluded_is_no_drift(in_step: Workbench, command: tuple[str, ...]) -> None:
    """By its whole location too. An exclusion that matches nothing is named, and is no proof."""
    in_step.insert_in_step("beside", subject={"subject_id": "1"})
    in_step.put("asset/subject.json", b"{}")
    assert in_step.run(*command).returncode == 3
    for exclusion in ("asset", "ass*", f"s3://{BUCKET}/asset/"):
        done = in_step.run(*command, "--exclude", exclusion)
        assert done.returncode == 0, done.stderr
    done = in_step.run(*command, "--exclude", "asset", "--exclude", "typo")
    assert done.returncode == 1
    assert "No asset matches --exclude typo.\n" in done.stderr
    done = in_step.run(*command, "--asset", "ass*", "--exclude", "asset")
    assert done.returncode == 1
    assert "none in scope matches --asset 'ass*' and is left by --exclude asset.\n" in done.stderr


def test_a_glob_for_assets_older_than_the_lookback_is_not_mistyped(in_step: Workbench) -> None:
    """They are there, and nothing is to be done for them."""
    in_step.insert_in_step("new", subject={"subject_id": "1"}, last_modified="2099-01-01T00:00:00Z")
    several = ("--asset", "new", "--asset", "asset", "--lookback-days", "7")
    done = in_step.run(*DETAILED, *several)
    assert done.returncode == 0, done.stderr
    assert "matches" not in done.stderr


@pytest.mark.parametrize("glob", ["asset/", f"s3://{BUCKET}/asset", f"s3://{BUCKET}/a*/"])
def test_a_whole_location_is_a_glob(in_step: Workbench, glob: str) -> None:
    """As people copy it, with a slash at its end or without; so it is in rules."""
    in_step.put("asset/subject.json", b"{}")
    assert in_step.run(*DETAILED, "--asset", glob).returncode == 3
