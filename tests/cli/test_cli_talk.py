"""What is said on stderr, and what never is."""

from __future__ import annotations

import io
import json
import re
from typing import Literal

import pytest

from indexer.cli.run import Run
from indexer.cli.talk import Talk
from indexer.errors import IndexerError, UsageError


def test_text_says_what_and_the_next_step() -> None:
    """The hint stands on its own line."""
    stream = io.StringIO()
    Talk(stream).fail(UsageError("No bucket is named", "", "Name one."))
    assert stream.getvalue() == "Error: No bucket is named\n→ Name one.\n"


def test_what_an_error_quotes_stays_on_its_line() -> None:
    """Neither the screen nor a CI system obeys what a file holds."""
    stream = io.StringIO()
    talk = Talk(stream)
    evil = "a\n::error::b\x1b[2J\u202e"
    talk.fail(UsageError("No", evil, evil))
    talk.warn(evil)
    talk.log("warning", "urllib3", evil)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)


def test_json_lines_are_objects() -> None:
    """Every line, tables left out."""
    stream = io.StringIO()
    talk = Talk(stream, json_lines=True)
    talk.say("two\nlines", found=3)
    talk.lines(["a table"])
    talk.fail(UsageError("No", "way", "out"))
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["message"], first["found"]) == ("two\nlines", 3)
    assert (second["level"], second["hint"]) == ("error", "out")


@pytest.mark.parametrize("json_lines", [False, True])
@pytest.mark.parametrize("secret", ["tok3n-of-code-ocean", 'with"quote', "mongodb://me:pa%20ss-word@host/"])
def test_secrets_are_never_said(secret: str, json_lines: bool) -> None:
    """Neither a token, nor a URI with credentials, nor its password, escaped or not."""
    stream = io.StringIO()
    talk = Talk(stream, json_lines=json_lines)
    talk.hide(secret)
    talk.error(
        f"refused: {secret} / pa ss-word / pa%20ss-word" if "mongodb" in secret else f"refused: {secret}"
    )
    said = stream.getvalue()
    assert "***" in said
    assert not any(part in said for part in (secret, "pa ss-word", "pa%20ss-word"))


def test_a_uri_without_credentials_is_no_secret() -> None:
    """It helps to see which host it was."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.hide("mongodb://localhost:27017")
    talk.say("mongodb://localhost:27017")
    assert "localhost" in stream.getvalue()


def test_quiet_says_warnings_and_errors_only() -> None:
    """No progress and no summaries; a warning is never silenced."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.tune(quiet=True, verbose=False, log_format="text")
    talk.say("talk")
    talk.warn("warning")
    talk.lines(["line"])
    talk.error("error")
    assert stream.getvalue() == "warning\nerror\n"


def test_no_colour_where_nobody_looks() -> None:
    """stderr is no terminal here."""
    stream = io.StringIO()
    Talk(stream).say("bold?", "bold")
    assert stream.getvalue() == "bold?\n"


WORDS = "network"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_password_that_is_a_word_does_not_blot_it_out_of_hints(form: Literal["text", "json"]) -> None:
    """Masked in our own words it would tell the password; what others said is masked all the same."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.tune(quiet=False, verbose=False, log_format=form)
    talk.hide(f"mongodb://me:{WORDS}@host:1/")
    talk.hide("s3cr.t")
    talk.fail(IndexerError("No answer", f"wrong password {WORDS}", "Check the network, not s3cr.t."))
    said = stream.getvalue()
    assert "wrong password ***" in said
    assert "Check the network, not ***." in said


def test_steps_and_warnings_keep_their_words() -> None:
    """What to type next, and the hint behind a read that failed."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.hide(f"mongodb://me:{WORDS}@host:1/")
    talk.steps(["indexer plan --bucket network"])
    talk.alarm("", [f"docdb: {WORDS} denied (0 read) → Check the network"])
    talk.lines([f"{WORDS} → {WORDS}"])
    assert stream.getvalue().splitlines() == [
        "→ indexer plan --bucket network",
        "docdb: *** denied (0 read) → Check the network",
        "*** → ***",
    ]


def test_progress_in_a_log_has_times() -> None:
    """Lines of a night are read the next morning; a program has them as a field."""
    stream = io.StringIO()
    talk = Talk(stream)
    with Run(talk, "plan").work("actions") as observer:
        observer.stage("reading", None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ reading\n", stream.getvalue())


@pytest.mark.parametrize(("detailed", "count"), [(False, 0), (True, 2)])
def test_detail_stands_between_nothing_and_everything(detailed: bool, count: int) -> None:
    """How long a stage took, and what was done, one by one; no driver's lines."""
    stream = io.StringIO()
    talk = Talk(stream)
    talk.tune(quiet=False, verbose=False, log_format="text", detailed=detailed)
    with Run(talk, "plan").work("actions") as observer:
        observer.stage("reading", None)
        observer.advance(3)
    talk.detail("applied put-object of s3://bucket/a")
    more = stream.getvalue().splitlines()[1:]
    assert len(more) == count
    assert not detailed or re.search(r"reading: 3 in 0\.\d s$", more[0])
