"""`indexer explain`: what a word means, for people and programs; and the same wherever a word is shown."""

from __future__ import annotations

import json

import pytest

from indexer.model.plan import Finding, Withheld
from indexer.model.vocabulary import every_word
from indexer.render.formats import rendered
from indexer.render.of_plan import plan_report
from indexer.render.of_result import result_report
from indexer.render.reader import Reader
from shared.commands import Run
from shared.rendered import delete, plan_of, put, result_of


def test_a_word_is_explained(indexer: Run) -> None:
    """What, why, what to do; both meanings of a word that has two."""
    done = indexer("explain", "core-file-corrupt")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("What it is: ") == 2
    assert done.stdout.count("Why it happens: ") == 2
    assert done.stdout.count("What to do: ") == 2
    assert done.stdout.startswith("core-file-corrupt, a reason\n")


def test_several_words_are_one(indexer: Run) -> None:
    """No shell makes anybody quote an exit code."""
    assert indexer("explain", "exit", "code", "3").stdout.startswith("3, an exit code\n")


def test_without_a_word_all_are_listed_by_group(indexer: Run) -> None:
    """Each with a sentence."""
    text = indexer("explain").stdout
    for one in every_word():
        assert f"\n  {one.word}: {one.meaning.brief}\n" in text
    assert [line for line in text.splitlines() if line and not line.startswith(" ")] == [
        "Kinds of action",
        "Reasons",
        "Findings",
        "Statuses",
        "Policies and limits",
        "Exit codes",
    ]


def test_a_wrong_word_is_wrong_usage_and_names_the_nearest(indexer: Run) -> None:
    """Even one that could do something to a screen."""
    done = indexer("explain", "core-file-stail")
    assert done.returncode == 2
    assert "did you mean core-file-stale" in done.stderr
    done = indexer("explain", "\x1b[2J")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "`indexer explain` lists all words" in done.stderr


@pytest.mark.parametrize("typed", [(), ("stale",)])
def test_programs_get_json(indexer: Run, typed: tuple[str, ...]) -> None:
    """One word, or all."""
    words = json.loads(indexer("explain", *typed, "--format", "json").stdout)["words"]
    assert [one["word"] for one in words] == list(typed or (one.word for one in every_word()))
    assert all(set(one) == {"word", "group", "what", "why", "to_do", "page"} for one in words)


def test_show_ends_with_the_words_that_it_used() -> None:
    """And no others."""
    plan = plan_of(
        [put()],
        [Finding(kind="name-mismatch", location="s3://bucket/a", detail="x")],
        [Withheld(action=delete(), policy="max_deletes", detail="x")],
    )
    text = rendered(plan_report(plan), "text", Reader())
    legend = text.split("\nWords (`indexer explain WORD` says more)\n")[1].splitlines()
    assert [line.split(":")[0].strip() for line in legend] == [
        "core-file-stale",
        "asset-gone",
        "name-mismatch",
        "max_deletes",
    ]


def test_a_results_words_are_statuses_and_what_did_not_succeed() -> None:
    """Of what succeeded nobody asks why."""
    done, late = put("done"), delete()
    result = result_of((done, "applied", ""), (late, "stale", "x"))
    text = rendered(result_report(result, {one.id: one for one in (done, late)}), "text", Reader())
    legend = text.split("says more)\n")[1].splitlines()
    assert [line.split(":")[0].strip() for line in legend] == ["asset-gone", "applied", "stale"]


def test_a_pages_words_have_tooltips() -> None:
    """In plain text, from the one place where the meaning stands."""
    html = rendered(plan_report(plan_of([put()])), "html", Reader())
    assert 'title="The root file holds another value than the record. ' in html
    tips = json.loads(html.split('type="application/json">')[1].split("</script>")[0])["known"]["tips"]
    assert tips["put-object"].startswith("Writes a core file")
    assert not any("`" in tip for tip in tips.values())
