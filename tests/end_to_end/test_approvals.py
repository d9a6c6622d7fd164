"""`apply` takes no plan that too few people have signed: from the command line and from Python, here and in S3."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from indexer.errors import RefusedError
from indexer.model.plan import plan_digest
from shared.approvals import Person, approved, person

RUNS = "indexer-runs"
TABLE = """
[approvals]
deletions = 2
changes = 1
{more}
[approvals.people]
ada = [{ada}]
bob = [{bob}]
"""


class Office:
    """A workbench whose configuration demands approvals, and two people's keys."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.plain = bench, (bench.folder / "indexer.toml").read_text()
        self.people = {name: person(name) for name in ("ada", "bob")}
        for name, one in self.people.items():
            (bench.folder / f"{name}.key").write_bytes(one.pem)
        self.demand()

    def demand(self, more: str = "", **people: Person) -> None:
        """The configuration from now on."""
        keys = {name: json.dumps(one.public.text) for name, one in (self.people | people).items()}
        (self.bench.folder / "indexer.toml").write_text(self.plain + TABLE.format(more=more, **keys))

    def approve(self, who: str, plan: str = "plan.json", *arguments: str) -> None:
        """Sign by the command; must succeed."""
        done = self.bench.run("approve", plan, "--key", f"{who}.key", *arguments)
        assert done.returncode == 0, done.stderr

    def apply(self, *arguments: str, plan: str = "plan.json", **env: str) -> tuple[int, str]:
        """The exit status, and what was said."""
        done = self.bench.run("apply", plan, *arguments, **env)
        return done.returncode, done.stderr

    def result(self, plan: str = "plan") -> dict[str, Any]:
        """What the run left."""
        (file,) = (self.bench.folder / f"{plan}.results").glob("*/result.json")
        held: dict[str, Any] = json.loads(file.read_text())
        return held

    def state(self) -> Any:
        """S3 byte for byte, and DocDB."""
        return self.bench.sandbox.s3.objects(BUCKET), list(self.bench.records().find())


@pytest.fixture
def office(workbench: Workbench) -> Office:
    """A stale file, and a record whose folder is gone."""
    workbench.insert_in_step("asset", subject={"subject_id": "1"})
    workbench.put("asset/subject.json", b"{}")
    workbench.insert_in_step("gone")
    workbench.remove("gone/metadata.nd.json")
    office = Office(workbench)
    workbench.plan()
    return office


def test_without_the_table_nothing_changes(office: Office) -> None:
    (office.bench.folder / "indexer.toml").write_text(office.plain)
    assert office.apply()[0] == 0
    assert not {"approvals", "applied_by", "approvals_waived"} & office.result().keys() - {"approvals"}
    assert not office.result().get("approvals")


def test_too_few_approvals_are_refused_before_anything_is_written(office: Office) -> None:
    before = office.state()
    office.approve("ada")
    code, said = office.apply()
    assert code == 5
    assert "2 people must approve 1 action (asset-gone; taking something away), so far ada" in said
    assert office.state() == before
    assert not (office.bench.folder / "plan.results").exists()
    office.demand("required = false")
    assert office.apply()[0] == 0


def test_enough_are_recorded_in_journal_and_result(office: Office) -> None:
    office.approve("ada", "plan.json", "--note", "both looked at")
    office.approve("bob")
    code, said = office.apply(INDEXER_APPROVALS__APPLIER="cyd")
    assert code == 0, said
    result = office.result()
    assert [one["person"] for one in result["approvals"]] == ["ada", "bob"]
    assert (result["applied_by"], result["approvals"][0]["note"]) == ("cyd", "both looked at")
    (journal,) = office.bench.folder.glob("plan.results/*/journal.jsonl")
    started = next(json.loads(line) for line in journal.read_text().splitlines() if line)
    assert started["approvals"] == result["approvals"]
    envelopes = {one.read_text() for one in office.bench.folder.glob("plan.approvals/*.json")}
    assert {one["envelope"] for one in result["approvals"]} == envelopes


def test_they_hold_in_another_process_at_another_place_and_time_zone(office: Office, tmp_path: Path) -> None:
    """As if on another machine: the folder was copied, and nothing but its bytes is known there."""
    office.approve("ada")
    office.approve("bob")
    shutil.copytree(office.bench.folder, tmp_path / "elsewhere")
    office.bench.folder = tmp_path / "elsewhere"
    office.bench.env |= {"TZ": "Pacific/Kiritimati", "HOME": str(tmp_path), "LC_ALL": "C"}
    done = office.bench.run("approve", "plan.json", "--verify", PYTHONHASHSEED="1")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Approved by ada, bob.")
    assert office.apply(PYTHONHASHSEED="2")[0] == 0


def test_a_part_needs_only_its_own(office: Office) -> None:
    office.approve("ada", "plan.json", "--scope", "all-but-deletions")
    assert office.apply()[0] == 5
    assert office.apply("--except", "effect=delete")[0] == 0
    assert office.apply()[0] == 5, "a run that goes on is judged again"
    office.approve("ada")
    office.approve("bob", "plan.json", "--reason", "asset-gone")
    assert office.apply()[0] == 0


def test_what_was_signed_for_another_plan_counts_for_none(office: Office) -> None:
    office.approve("ada")
    office.approve("bob")
    office.bench.plan(name="again.json")
    shutil.copytree(office.bench.folder / "plan.approvals", office.bench.folder / "again.approvals")
    code, said = office.apply(plan="again.json")
    assert code == 5
    assert "it is of another plan, or of other bytes of this one" in said


def test_a_plan_that_was_edited_with_its_digest_made_anew_is_another(office: Office) -> None:
    """That is all that "exactly what was reviewed" ended at before."""
    office.approve("ada")
    office.approve("bob")
    file = office.bench.folder / "plan.json"
    document = json.loads(file.read_text())
    document["actions"] = document["actions"][:1]
    document["digest"] = plan_digest(document)
    file.write_text(json.dumps(document))
    assert office.apply()[0] == 5


def test_a_plan_out_of_a_pipe_needs_to_be_told_where_they_are(office: Office) -> None:
    from test_plans_from_pipes import shell

    office.approve("ada")
    office.approve("bob")
    done = shell(office.bench, "cat plan.json | indexer apply -")
    assert (done.returncode, "a plan out of a pipe has none beside it" in done.stderr) == (5, True)
    done = shell(office.bench, "cat plan.json | indexer apply - --approvals plan.approvals")
    assert done.returncode == 0, done.stderr


def test_plan_and_approvals_in_s3(office: Office) -> None:
    bench, place = office.bench, f"s3://{RUNS}/nightly/plan.json"
    bench.sandbox.s3.create_bucket(RUNS)
    done = bench.run("plan", "--bucket", BUCKET, "--out", place)
    assert done.returncode == 0, done.stderr
    office.approve("ada", place)
    assert office.apply("--results", f"s3://{RUNS}/run", plan=place)[0] == 5
    office.approve("bob", place)
    assert [key.rpartition("/")[0] for key in bench.sandbox.s3.objects(RUNS) if ".approvals" in key] == [
        "nightly/plan.approvals"
    ] * 2
    code, said = office.apply("--results", f"s3://{RUNS}/run", plan=place)
    assert code == 0, said
    done = bench.run("approve", place, "--key", "ada.key", "--approvals", f"s3://{BUCKET}/approvals")
    assert (done.returncode, "kept in step" in done.stderr) == (2, True)


def test_python_obeys_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer import apply, load_config, load_plan

    for name, value in office.bench.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(office.bench.folder)
    config, loaded = load_config(), load_plan("plan.json")
    for plan in (loaded, loaded.plan):
        with pytest.raises(RefusedError, match="not approved"):
            apply(plan, config)
    office.approve("ada")
    office.approve("bob")
    with pytest.raises(RefusedError, match="not approved"):
        apply(loaded.plan, config)  # it was never in a file
    assert apply(loaded.plan, config, approvals="plan.approvals").complete
    assert apply(loaded, config).complete


def test_a_revoked_key_no_longer_counts_and_a_rotated_one_does(office: Office) -> None:
    office.approve("ada")
    office.approve("bob")
    new = person("ada")
    office.demand(ada=new)
    code, said = office.apply()
    assert code == 5
    assert "is nobody's in approvals.people" in said
    from indexer.runs.loading import load_plan

    again = approved(load_plan(office.bench.folder / "plan.json"), new, at=_now())
    (office.bench.folder / "plan.approvals" / "rotated.json").write_bytes(again.body)
    assert office.apply()[0] == 0


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC) - timedelta(minutes=1)


def test_who_applies_counts_or_does_not(office: Office) -> None:
    office.approve("ada")
    office.approve("bob")
    office.demand("applier_counts = false")
    assert office.apply()[0] == 2
    code, said = office.apply(INDEXER_APPROVALS__APPLIER="bob")
    assert (code, "bob applies the plan, and does not count here" in said) == (5, True)
    assert office.apply(INDEXER_APPROVALS__APPLIER="cyd")[0] == 0


def taken_back(office: Office) -> str:
    """A run of ada's, and the plan of its undo; where it is."""
    office.approve("ada")
    office.approve("bob")
    assert office.apply(INDEXER_APPROVALS__APPLIER="ada")[0] == 0
    (run,) = office.bench.folder.glob("plan.results/*")
    done = office.bench.run("undo", str(run), "--out", "undo.json")
    assert done.returncode == 0, done.stderr
    return str(run)


def test_an_undo_is_a_plan(office: Office) -> None:
    taken_back(office)
    assert office.apply(plan="undo.json", INDEXER_APPROVALS__APPLIER="ada")[0] == 5
    office.approve("ada", "undo.json")
    office.approve("bob", "undo.json")
    assert office.apply(plan="undo.json")[0] == 0


def test_an_undo_of_ones_own_last_run_needs_none_where_that_is_configured(office: Office) -> None:
    run = taken_back(office)
    office.demand("undo_by_applier = true")
    ada, named = {"INDEXER_APPROVALS__APPLIER": "ada"}, ("--undoes", run)
    assert office.apply(*named, plan="undo.json")[0] == 5
    assert office.apply(*named, plan="undo.json", INDEXER_APPROVALS__APPLIER="bob")[0] == 5
    assert office.apply(plan="undo.json", **ada)[0] == 5, (
        "a folder that the plan alone names may have come with it"
    )
    code, said = office.apply(*named, plan="undo.json", **ada)
    assert code == 0, said
    assert office.result("undo")["approvals_waived"] == "an undo of the applier's own last run"


def test_what_only_calls_itself_an_undo_is_none(office: Office) -> None:
    """An action more, or one less, than what undo plans from the run."""
    run = taken_back(office)
    office.demand("undo_by_applier = true")
    file = office.bench.folder / "undo.json"
    document = json.loads(file.read_text())
    document["actions"] = document["actions"][1:]
    document["digest"] = plan_digest(document)
    file.write_text(json.dumps(document))
    assert office.apply("--undoes", run, plan="undo.json", INDEXER_APPROVALS__APPLIER="ada")[0] == 5


def test_a_link_in_the_folder_and_what_is_too_large_is_not_followed(office: Office) -> None:
    folder = office.bench.folder / "plan.approvals"
    folder.mkdir()
    (folder / "large.json").write_bytes(b" " * 70_000)
    assert office.apply()[0] == 5
    (folder / "large.json").unlink()
    (folder / "linked.json").symlink_to("/etc/hostname")
    assert office.apply()[0] == 5


def test_approving_says_what_is_wrong(office: Office) -> None:
    def said(*arguments: str, **env: str) -> tuple[int, str]:
        done = office.bench.run("approve", "plan.json", *arguments, **env)
        return done.returncode, done.stderr

    assert said()[0] == 2
    assert "the key is ada's, not bob's" in said("--key", "ada.key", "--as", "bob")[1]
    (office.bench.folder / "other.key").write_bytes(person("eve").pem)
    assert "is nobody's in the configuration" in said("--key", "other.key")[1]
    assert said("--key", "other.key", "--as", "eve")[0] == 0
    code, words = said("--key", "ada.key", "--reason", "asset-gon")
    assert (code, "asset-gone" in words) == (2, True)
    assert said("--key", "ada.key", "--reason", "asset-gone", "--scope", "all-but-deletions")[0] == 2
    done = office.bench.run("approve", "plan.json", "--verify", "--format", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["enough"], [one["person"] for one in found["refused"]]) == (
        5,
        False,
        ["eve"],
    )


def test_a_plan_a_result_and_past_runs_tell_who_approved_what(office: Office) -> None:
    def shown(*words: str) -> str:
        done = office.bench.run("show", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "pprove" not in shown("plan.json")
    office.approve("ada", "plan.json", "--note", "both \x1b[2J looked at")
    assert "Approved by ada (all; " in shown("plan.json")
    assert "\x1b" not in shown("plan.json")
    assert "Not approved yet: 2 people must approve 1 action (asset-gone" in shown("plan.json")
    for output in ("markdown", "html"):
        assert "Approved by ada (all; " in shown("plan.json", "--format", output)
    office.approve("bob")
    assert office.apply(INDEXER_APPROVALS__APPLIER="cyd")[0] == 0
    (run,) = office.bench.folder.glob("plan.results/*")
    for output in ("text", "markdown", "html"):
        told = shown(str(run), "--format", output)
        assert all(words in told for words in ("Applied by cyd", "Approved by ada", "Approved by bob"))
    done = office.bench.run("runs")
    assert "applied by cyd, approved by ada, bob" in done.stdout
    (office.bench.folder / "indexer.toml").write_text("nonsense")
    assert "It has approvals, which are not checked: The configuration is not valid" in shown("plan.json")
    (office.bench.folder / "indexer.toml").write_text(office.plain)
    assert "the configuration here names nobody who may approve" in shown("plan.json")


def test_the_gate_turns_green_on_approval(office: Office) -> None:
    def judged(*words: str) -> tuple[int, str]:
        done = office.bench.run("drift", "--plan", "plan.json", "--approved", *words)
        return done.returncode, done.stdout

    assert judged()[0] == 3
    office.approve("ada")
    code, said = judged()
    assert code == 3
    assert "so far ada" in said
    assert json.loads(judged("--format", "json")[1])["totals"]["approved"] == 1
    office.approve("bob")
    code, said = judged()
    assert (code, "approved by ada, bob" in said) == (0, True)
    verdict = json.loads(judged("--format", "json")[1])
    assert (verdict["totals"]["approved"], verdict["totals"]["unexpected"]) == (2, 0)
    assert [one["person"] for one in verdict["approvals"]] == ["ada", "bob"]
    for output in ("junit", "sarif", "github", "html", "markdown"):
        assert judged("--format", output)[0] == 0
    assert office.bench.run("drift", "--plan", "plan.json").returncode == 3
    assert office.bench.run("drift", "--bucket", BUCKET, "--approved").returncode == 2
    (office.bench.folder / "indexer.toml").write_text(office.plain)
    assert judged()[0] == 2


def test_what_is_withheld_is_nobodys_approval(office: Office) -> None:
    office.bench.plan("--bucket", BUCKET, "--max-deletes", "0")
    office.approve("ada")
    office.approve("bob")
    done = office.bench.run("drift", "--plan", "plan.json", "--approved")
    assert (done.returncode, "1 unexpected action" in done.stdout) == (3, True)


def test_whoever_verifies_needs_no_system_and_no_secret(office: Office) -> None:
    """As in a pull request's check: the table alone, and no other setting."""
    office.approve("ada")
    table = (office.bench.folder / "indexer.toml").read_text().partition("[approvals]")[2]
    (office.bench.folder / "who.toml").write_text(f"[approvals]{table}")
    done = office.bench.run("approve", "plan.json", "--verify", "--config", "who.toml")
    assert (done.returncode, "so far ada" in done.stdout) == (5, True)
    (office.bench.folder / "who.toml").write_text(f"[approvals]\ndeletion = 1\n{table}")
    done = office.bench.run("approve", "plan.json", "--verify", "--config", "who.toml")
    assert (done.returncode, "did you mean deletions" in done.stderr) == (2, True)
