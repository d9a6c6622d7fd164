"""An audit holds for what a run left, and finds each line that was taken out, each image that was swapped, each outcome that was made up."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from applier.drifting import REGISTER, drifting_world
from indexer.applier.history import JOURNAL_FILE, PLAN_FILE, RESULT_FILE
from indexer.config_approvals import ApprovalSettings
from indexer.errors import IndexerError
from indexer.model.approvals import AcceptedApproval
from indexer.model.audit import Audit
from indexer.model.choosing import Term
from indexer.model.plan import Plan, plan_digest
from indexer.render.audit import audit_headline, audit_lines
from indexer.render.paint import Paint
from indexer.runs.audit import audit
from indexer.runs.loading import as_file
from indexer.runs.part import Part
from indexer.runs.sanction import Sanction
from shared.approvals import Office, approved, plan_file
from shared.builders import NOW, apply_to, plan_of
from shared.memory.stored import Crash

OFFICE = Office()
SETTINGS = ApprovalSettings.model_validate(
    {"people": {name: [one.public.text] for name, one in OFFICE.people.items()}}
)
Line = dict[str, Any]


def sanction(plan: Plan) -> Sanction:
    """Ada and Bob have signed; Bob nothing that takes anything away."""
    file = as_file(plan)
    bodies = [approved(file, OFFICE.people["ada"], at=NOW).body]
    bodies.append(approved(file, OFFICE.people["bob"], at=NOW, covers="all-but-deletions").body)
    return Sanction(OFFICE.judged(file, *bodies, at=NOW).accepted, "cyd")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of every kind of action left, approved."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    world = drifting_world()
    plan = plan_of(world, with_rules=REGISTER)
    apply_to(world, plan, folder, sanction=sanction(plan))
    return folder


@pytest.fixture
def run(left: Path, tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(left, tmp_path / "run"))


def lines(run: Path) -> list[Line]:
    return [json.loads(one) for one in (run / JOURNAL_FILE).read_text().splitlines() if one]


def write(run: Path, told: list[Line]) -> None:
    (run / JOURNAL_FILE).write_text("".join(f"\n{json.dumps(one)}" for one in told))


def result_of(run: Path) -> Line:
    document: Line = json.loads((run / RESULT_FILE).read_text())
    return document


def write_result(run: Path, document: Line) -> None:
    (run / RESULT_FILE).write_text(json.dumps(document))


def audited(run: Path, settings: ApprovalSettings | None = SETTINGS) -> Audit:
    return audit(run, settings)


def about(run: Path) -> set[str]:
    return {one.about for one in audited(run).faults}


def text(found: Audit) -> str:
    return "\n".join([*audit_lines(found, Paint(False)), audit_headline(found)])


def test_what_a_run_left_holds_and_tells_who_took_what_and_by_whose_word(run: Path) -> None:
    found = audited(run)
    assert (found.faults, found.holds, found.notes) == ((), True, ())
    assert [one.approval.person for one in found.approvals] == ["ada", "bob"]
    assert {one.signature for one in found.approvals} == {"good"}
    gone = [one for one in found.losses if one.action == "delete-record"]
    assert (
        [(one.allowed_by, one.image, one.sure) for one in gone]
        == [(("ada",), "kept", True)] * len(gone)
        != []
    )
    assert found.written == len(result_of(run)["outcomes"])
    told = text(found)
    for words in (
        "applied by cyd (their word)",
        "signature verified",
        "allowed by ada",
        "can be had back",
        "It holds",
    ):
        assert words in told
    assert all(one in told for one in found.cannot_show)
    assert found.undo is not None


def test_each_line_that_is_taken_out_is_found(run: Path) -> None:
    """But for the last: a run that dies leaves the same, and the audit says so."""
    whole = lines(run)
    for at in range(len(whole)):
        write(run, whole[:at] + whole[at + 1 :])
        found = audited(run)
        if whole[at]["event"] == "finished":
            assert any("does not say that it ended" in one for one in found.notes)
        else:
            assert found.faults, whole[at]


def test_each_line_that_is_put_in_twice_moved_or_torn_is_found(run: Path) -> None:
    whole = lines(run)
    for at in range(1, len(whole) - 1):
        write(run, [*whole[: at + 1], whole[at], *whole[at + 1 :]])
        assert audited(run).faults, whole[at]
        write(run, [*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]])
        assert audited(run).faults, whole[at]
        body = (run / JOURNAL_FILE).read_text()
        torn = [json.dumps(one) for one in whole]
        torn[at] = torn[at][: len(torn[at]) // 2]
        (run / JOURNAL_FILE).write_text("\n".join(["", *torn]))
        assert audited(run).faults, body


def test_each_outcome_that_is_changed_in_the_journal_is_found(run: Path) -> None:
    whole = lines(run)
    for at, line in enumerate(whole):
        if line["event"] == "outcome":
            for changed in ({"status": "failed"}, {"action_id": "0" * 16}, {"attempts": 7}):
                write(run, [*whole[:at], {**line, **changed}, *whole[at + 1 :]])
                assert audited(run).faults, changed


def test_each_outcome_that_is_made_up_in_the_result_is_found(run: Path) -> None:
    whole = result_of(run)
    for at, outcome in enumerate(whole["outcomes"]):
        for other in (
            [],
            [{**outcome, "status": "stale"}],
            [{**outcome, "action_id": "0" * 16}],
            [outcome, outcome],
        ):
            outcomes = [*whole["outcomes"][:at], *other, *whole["outcomes"][at + 1 :]]
            write_result(run, {**whole, "outcomes": outcomes})
            assert "result" in about(run), outcome
    write_result(run, {**whole, "summary": {"applied": 1}})
    assert about(run) == {"result"}
    write_result(run, {**whole, "run_id": "f" * 32})
    assert "result" in about(run)


def test_an_image_that_is_gone_swapped_or_changed_is_found(run: Path) -> None:
    images = sorted((run / "archive").iterdir())
    bodies = [one.read_bytes() for one in images]
    for one, body in zip(images, bodies, strict=True):
        for other in (None, body + b" ", next(held for held in bodies if held != body)):
            one.unlink()
            if other is not None:
                one.write_bytes(other)
            assert about(run) == {"image"}
            assert one.name in text(audited(run))
            one.write_bytes(body)
    assert audited(run).holds


def test_an_outcome_that_names_another_image_is_found(run: Path) -> None:
    """One that is there, and hashes to its name: of something else."""
    whole = lines(run)
    kept = [
        one["before"]["archive"] for one in whole if one["event"] == "intent" and "archive" in one["before"]
    ]
    for at, line in enumerate(whole):
        if line["event"] in ("intent", "outcome") and "archive" in line.get("before", {}):
            other = next(one for one in kept if one != line["before"]["archive"])
            write(
                run, [*whole[:at], {**line, "before": {**line["before"], "archive": other}}, *whole[at + 1 :]]
            )
            assert audited(run).faults, line


def test_another_plan_is_found(run: Path) -> None:
    document = json.loads((run / PLAN_FILE).read_text())
    (run / PLAN_FILE).write_text(json.dumps({**document, "tool_version": "9"}))
    assert about(run) == {"plan"}  # its digest does not fit
    other = {**document, "tool_version": "9"}
    (run / PLAN_FILE).write_text(json.dumps({**other, "digest": plan_digest(other)}))
    assert {"plan", "approval"} <= about(run)
    (run / PLAN_FILE).unlink()
    with pytest.raises(IndexerError, match="cannot be read"):
        audited(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: {**one, "person": "bob"},
        lambda one: {**one, "covers": "all-but-deletions"},
        lambda one: {**one, "envelope": one["envelope"].replace("A", "B", 1)},
        lambda one: {**one, "key": "0" * 64},
    ],
)
def test_an_approval_that_was_changed_is_found(run: Path, change: Callable[[Line], Line]) -> None:
    whole, document = lines(run), result_of(run)
    changed = change(whole[0]["approvals"][0])
    write(run, [{**whole[0], "approvals": [changed, *whole[0]["approvals"][1:]]}, *whole[1:]])
    write_result(run, {**document, "approvals": [changed, *document["approvals"][1:]]})
    assert "approval" in about(run)


def test_approvals_that_were_put_in_or_taken_out_are_found(run: Path, left: Path) -> None:
    document = result_of(run)
    write_result(run, {**document, "approvals": document["approvals"][:1]})
    assert about(run) == {"approval"}
    of_another = approved(plan_file(), OFFICE.people["eve"], at=NOW)
    said = of_another.statement.predicate
    told = AcceptedApproval(
        person="eve", key=of_another.fingerprint, approved_at=said.approved, expires_at=said.expires,
        covers="all", source="x", envelope=of_another.body.decode(),
    ).model_dump(mode="json", exclude_none=True)  # fmt: skip
    whole = lines(run)
    write(run, [{**whole[0], "approvals": [told]}, *whole[1:]])
    write_result(run, {**document, "approvals": [told]})
    assert "it is of another plan" in text(audited(run))


def test_a_key_that_is_not_configured_verifies_nothing_and_is_said(run: Path) -> None:
    found = audited(run, None)
    assert found.holds
    assert {one.signature for one in found.approvals} == {"unknown"}
    assert any("has no key to verify these signatures by: ada, bob" in one for one in found.notes)


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_run_that_died_and_was_applied_again_holds(moment: str, tmp_path: Path) -> None:
    """At each write, before it and after it; and what it leaves in between holds as well."""
    for step in itertools.count(1):
        world, folder = drifting_world(), tmp_path / str(step)
        plan = plan_of(world, with_rules=REGISTER)
        setattr(world, moment, step)
        try:
            apply_to(world, plan, folder)
        except Crash:
            assert audited(folder).faults == ()
        else:
            break
        world.heal()
        apply_to(world, plan, folder)
        found = audited(folder)
        assert (found.faults, len(found.runs)) == ((), 2)
    assert step > 5


def test_a_part_and_then_the_rest_holds(tmp_path: Path) -> None:
    world = drifting_world()
    plan = plan_of(world, with_rules=REGISTER)
    apply_to(world, plan, tmp_path / "run", part=Part((), (Term("effect", "delete"),)))
    found = audited(tmp_path / "run")
    assert found.faults == ()
    assert any("No approval is recorded" in one for one in found.notes)
    apply_to(world, plan, tmp_path / "run", part=Part((Term("effect", "delete"),)))
    assert audited(tmp_path / "run").faults == ()
    document = result_of(tmp_path / "run")
    earlier = document["selection"]["earlier"]
    document["selection"]["earlier"] = [{**earlier[0], "status": "failed", "before": None}, *earlier[1:]]
    write_result(tmp_path / "run", document)
    assert about(tmp_path / "run") == {"result"}


def test_a_journal_of_an_older_version_is_audited_and_said(run: Path) -> None:
    write(run, [{name: value for name, value in one.items() if name != "n"} for one in lines(run)])
    found = audited(run)
    assert found.holds
    assert any("older version" in one for one in found.notes)


def test_without_a_result_the_journal_alone_is_audited(run: Path) -> None:
    (run / RESULT_FILE).unlink()
    found = audited(run)
    assert found.holds
    assert any("There is no result" in one for one in found.notes)
