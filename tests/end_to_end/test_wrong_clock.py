"""A machine whose clock is wrong: a lookback would hide drift, and records would be stamped wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from workbench import BUCKET, Workbench

from shared.relay import Relay, document_of, hello_says

DAY = timedelta(days=1)


def other_docdb(answer: bytes) -> bytes:
    """DocDB's clock is a day ahead of this machine's."""
    told = document_of(answer).get("localTime")
    return hello_says(answer, localTime=told + DAY) if isinstance(told, datetime) else answer


def other_s3(answer: bytes) -> bytes:
    """S3's clock is a day behind."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    lines = [
        f"Date: {format_datetime(parsedate_to_datetime(line[6:].decode()) - DAY, usegmt=True)}".encode()
        if line.lower().startswith(b"date: ")
        else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + gap + body


@contextmanager
def clock_of(bench: Workbench, system: str) -> Iterator[dict[str, str]]:
    """The environment in which one system has another clock."""
    if system == "DocDB":
        relay = Relay(bench.sandbox.docdb.port, "mongodb", answered=other_docdb)
        env = {"INDEXER_DOCDB__URI": f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"}
    else:
        relay = Relay(bench.sandbox.s3.port, "http", answered=other_s3)
        env = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{relay.port}"}
    yield env
    relay.close()


@pytest.fixture
def drifted(workbench: Workbench) -> Workbench:
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    return workbench


@pytest.mark.parametrize(("system", "words"), [("DocDB", "behind DocDB's"), ("S3", "ahead of S3's")])
def test_with_a_lookback_nothing_is_planned_by_a_wrong_clock(
    drifted: Workbench, system: str, words: str
) -> None:
    """A bucket would look in step. Without one there is a plan, and a warning."""
    with clock_of(drifted, system) as env:
        done = drifted.run("plan", "--bucket", BUCKET, "--lookback-days", "14", **env)
        assert done.returncode == 1
        assert "This machine's clock is wrong" in done.stderr
        assert words in done.stderr
        assert not (drifted.folder / "plan.json").exists()
        gate = drifted.run("drift", "--bucket", BUCKET, "--lookback-days", "14", **env)
        assert (gate.returncode, words in gate.stderr) == (1, True)
        done = drifted.run("plan", "--bucket", BUCKET, **env)
        assert done.returncode == 0, done.stderr
        assert words in done.stderr


@pytest.mark.parametrize("system", ["DocDB", "S3"])
def test_nothing_is_applied_by_a_wrong_clock(drifted: Workbench, system: str) -> None:
    """A record's last-modified would move to where programs that poll on it do not look."""
    drifted.plan()
    before = len(drifted.sandbox.s3.log)
    with clock_of(drifted, system) as env:
        done = drifted.run("apply", "plan.json", **env)
    assert done.returncode == 1
    assert "This machine's clock is wrong" in done.stderr
    assert not drifted.sandbox.s3.log.writes(before)
    drifted.apply()


def test_clocks_that_are_together_are_not_spoken_of(drifted: Workbench) -> None:
    done = drifted.run("plan", "--bucket", BUCKET, "--lookback-days", "14")
    assert done.returncode == 0, done.stderr
    assert "clock" not in done.stderr
