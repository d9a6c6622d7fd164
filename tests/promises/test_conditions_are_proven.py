"""A server that ignores a condition is found out before anything rests on it, at the cost of one request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from indexer_sandbox.faults import Fault
from promises.mishaps import kinds
from resilience.arena import BUCKET, Arena, our_bytes
from shared.relay import Relay


@contextmanager
def deaf(world: Arena, *heard_not: tuple[bytes, bytes]) -> Iterator[str]:
    """An S3 that does not hear a method's header; its endpoint."""

    def asked(request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        for method, header in heard_not:
            if head.startswith(method + b" "):
                kept = (line for line in head.split(b"\r\n") if not line.lower().startswith(header + b":"))
                head = b"\r\n".join(kept)
        return head + b"\r\n\r\n" + body

    relay = Relay(world.sandbox.s3.port, "http", asked=asked)
    try:
        yield f"http://127.0.0.1:{relay.port}"
    finally:
        relay.close()


def drifted(world: Arena) -> None:
    """Two originals to make, two files to replace, two files to delete."""
    for name in ("a", "b"):
        world.insert_in_step(name, subject={"subject_id": name}, rig={"n": 1})
        world.remove(f"{name}/original_metadata/rig.20250501.json")
        world.put(f"{name}/subject.json", b'"stale"')
        world.put(f"{name}/session.json", b'"goes"')
        world.put(f"{name}/original_metadata/session.20250501.json", b'"goes"')
    plan = world.plan_everything()
    assert sorted(kinds(plan)) == 2 * ["copy-object"] + 2 * ["delete-object"] + 2 * ["put-object"]


DEAF = {
    "create": ((b"PUT", b"if-none-match"),),
    "replace": ((b"PUT", b"if-match"),),
    "delete": ((b"DELETE", b"if-match"),),
}


@pytest.mark.parametrize("condition", DEAF)
def test_a_server_that_ignores_it_gets_no_further_write(world: Arena, condition: str) -> None:
    """The run stops at the first write that rests on it, with words and status 4, and can be taken back."""
    drifted(world)
    before = world.state()
    with deaf(world, *DEAF[condition]) as endpoint:
        done = world.run("apply", "plan.json", "--results", "run", AWS_ENDPOINT_URL_S3=endpoint)
    assert done.returncode == 4, done.stderr
    assert "This S3 server ignores conditions" in done.stdout + done.stderr
    kind = {"create": "copy-object", "replace": "put-object", "delete": "delete-object"}[condition]
    of_kind = {action["id"] for action in world.load("plan.json")["actions"] if action["kind"] == kind}
    outcomes = world.load("run/result.json")["outcomes"]
    came_of_them = sorted(one["status"] for one in outcomes if one["action_id"] in of_kind)
    # A new file is there by then, and undo takes it back; but nobody is to think that all is well.
    assert sum("before" in one for one in outcomes if one["action_id"] in of_kind) == (condition == "create")
    assert set(came_of_them) <= {"failed", "skipped"}
    assert world.run("undo", "run", "--out", "undo.json").returncode == 0
    world.run("apply", "undo.json")
    assert world.state() == before


def test_what_others_write_meanwhile_is_not_lost_to_the_proof(world: Arena) -> None:
    """The run has stopped before the file that somebody wrote since the plan comes to its turn."""
    drifted(world)
    world.put("b/subject.json", b'"curated"')
    with deaf(world, *DEAF["replace"]) as endpoint:
        done = world.run("apply", "plan.json", AWS_ENDPOINT_URL_S3=endpoint)
    assert done.returncode == 4
    assert world.sandbox.s3.objects(BUCKET)["b/subject.json"] == b'"curated"'


def test_it_costs_one_request_for_each_condition_that_a_run_uses(world: Arena) -> None:
    """And none where the server is known; on a bucket of 2 or of 2,000 assets."""
    drifted(world)
    for trusted, more in ((True, 0), (False, 3)):
        (world.folder / "indexer.toml").write_text(
            world.sandbox.config_toml() + f"[s3]\ntrust_conditions = {str(trusted).lower()}\n"
        )
        before, since = world.state(), len(world.sandbox.s3.log)
        done = world.run("apply", "plan.json", "--results", f"run {trusted}")
        assert done.returncode == 0, done.stderr
        assert len(world.sandbox.s3.log.writes(since)) == 6 + more
        world.run("undo", f"run {trusted}", "--out", "undo.json")
        assert world.run("apply", "undo.json").returncode == 0
        assert world.state() == before


def test_a_proof_that_fails_says_nothing_of_the_write(world: Arena) -> None:
    """Its answer lost, the file holds its old bytes: the action has failed, and is not taken for carried out."""
    world.insert_in_step("a", subject={"subject_id": "a"})
    world.put("a/subject.json", b'"stale"')
    world.plan_everything()
    world.sandbox.s3.faults.add(
        Fault("PutObject", 403, count=2)
    )  # to the lean client, and to boto3 behind it
    done = world.run("apply", "plan.json", "--results", "run")
    assert done.returncode == 4
    assert set(world.load("run/result.json")["summary"]) == {"failed"}
    assert world.sandbox.s3.objects(BUCKET)["a/subject.json"] == b'"stale"'
    assert world.run("apply", "plan.json", "--results", "run").returncode == 0
    assert world.sandbox.s3.objects(BUCKET)["a/subject.json"] == our_bytes({"subject_id": "a"})
