"""`indexer init`: a file with every setting in it, from options or answers, that the doctor looks at."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.cli.init import Wanted, answers, document
from indexer.config import Config, setting_paths, table_at
from indexer.errors import UsageError
from indexer.runs.config_template import checked_template, template
from shared.commands import Run
from shared.patience import PATIENCE_S

MINIMAL = {"buckets": ["bucket"], "docdb": {"secret": "entry", "v1": {}}}
names = st.text("abcdefgh-", min_size=3, max_size=8).filter(lambda name: name[0] != "-")
settings = st.fixed_dictionaries(
    {
        "buckets": st.lists(names, min_size=1, max_size=3, unique=True),
        "docdb": st.fixed_dictionaries(
            {"secret": st.text(min_size=1)},
            optional={
                "v1": st.fixed_dictionaries({}, optional={"sync_to_s3": st.booleans()}),
                "v2": st.just({"collection": 'with "quotes" and \\'}),
            },
        ),
    },
    optional={
        "lookback_days": st.integers(0, 1000),
        "s3": st.just({"metadata_file": "leave"}),
        "policy": st.just({"max_delete_percent": 2.5}),
        "codeocean": st.fixed_dictionaries({"secret": st.text(min_size=1)}),
    },
)


@given(settings)
def test_the_file_says_what_was_known(known: dict[str, Any]) -> None:
    """Read as TOML it is that, and tables that may be empty."""
    read = tomllib.loads(template(known))
    assert {name: value for name, value in read.items() if value != {}} == known


def test_every_setting_is_in_it_once() -> None:
    """With its meaning in the line above, whether it is known or not."""
    lines = template(MINIMAL).splitlines()
    tables = [path for path in setting_paths() if table_at_or_none(path)]
    for path in setting_paths():
        wanted = f"[{'.'.join(path)}]" if path in tables else f"{path[-1]} ="
        assert any(line.removeprefix("# ").startswith(wanted) for line in lines), path
    assert sum(line.removeprefix("# ").startswith("database =") for line in lines) == 2
    assert max(map(len, lines)) <= 110


def test_what_is_switched_off_is_the_default() -> None:
    """Switched on, all lines that have a value are what holds without them."""
    on = re.sub(r"^# (?=\w+ = \S|\[)", "", template(MINIMAL), flags=re.MULTILINE)
    document = tomllib.loads(on)
    del document["codeocean"], document["approvals"]  # they say who, or where
    plain = Config(**MINIMAL)
    usual = Config(**(MINIMAL | {"docdb": MINIMAL["docdb"] | {"v2": {}}}))  # type: ignore[operator]
    assert Config(**document) == usual != plain


def table_at_or_none(path: tuple[str, ...]) -> bool:
    """Is a table under this path?"""
    try:
        return table_at(path) is not None
    except AttributeError:
        return False


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"buckets": ["s3://bucket"]}, "buckets.0: should be a bucket's own name"),
        ({"codeocean": {"domain": "co.example.org"}}, "codeocean.domain: should be https://"),
        ({"codeocean": {"secret": "entry", "results_bucket": "bucket"}}, "the bucket bucket is named twice"),
    ],
)
def test_a_wrong_setting_is_said_before_anything_is_written(known: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as told:
        checked_template(MINIMAL | known, "indexer.toml")
    assert said in str(told.value.detail)


def test_what_the_environment_will_say_may_be_missing() -> None:
    """The way to DocDB and Code Ocean's token are no part of the file."""
    known = MINIMAL | {"docdb": {"v2": {}}, "codeocean": {"domain": "https://co.example.org"}}
    text = checked_template(known, "indexer.toml")
    assert tomllib.loads(text)["docdb"] == {"v2": {}}
    assert "said-later" not in text


def replies(*said: str) -> Callable[..., str]:
    """Somebody who says one thing after the other; an empty one takes the default."""
    left: Iterator[str] = iter(said)
    return lambda question, default="", **_: next(left) or default


def test_answers_are_the_same_as_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INDEXER_DOCDB__URI", raising=False)
    said = answers(
        replies("one, two", "", "entry", "ca.pem", "", "https://co.example.org", "", "results", "14")
    )
    assert said == Wanted(
        bucket=["one", "two"],
        docdb_secret="entry",
        tls_ca_file="ca.pem",
        generation="both",
        codeocean_domain="https://co.example.org",
        results_bucket="results",
        lookback_days=14,
    )
    assert document(said) == {
        "buckets": ["one", "two"],
        "lookback_days": 14,
        "docdb": {"secret": "entry", "tls_ca_file": "ca.pem", "v1": {}, "v2": {}},
        "codeocean": {"domain": "https://co.example.org", "results_bucket": "results"},
    }


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (("one", "", "entry", "", "v3", "", ""), "v3"),
        (("one", "", "entry", "", "v1", "", "soon"), "soon"),
    ],
)
def test_an_answer_that_means_nothing_is_refused(said: tuple[str, ...], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        answers(replies(*said))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "No bucket is named"),
        (("--bucket", "bucket"), "It is not said where DocDB is"),
        (
            ("--bucket", "bucket", "--docdb-uri", "mongodb://me:hunter2secret@host"),
            "A password is not written",
        ),
    ],
)
def test_what_is_missing_is_asked_of_nobody(
    indexer: Run, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """Without a terminal: a usage error with the option to type, no file, and no password in what is said."""
    done = indexer("init", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hunter2secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_is_never_overwritten(indexer: Run, configured: Path) -> None:
    before = configured.read_bytes()
    done = indexer("init", "--bucket", "bucket", "--docdb-secret", "entry")
    assert (done.returncode, configured.read_bytes()) == (2, before)
    assert "It is there already" in done.stderr


def test_the_doctor_has_the_last_word(indexer: Run, tmp_path: Path) -> None:
    """Its checks come on stdout, and its exit status is the command's; the file stays."""
    options = ("--bucket", "bucket", "--docdb-uri", "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200")
    done = indexer("init", *options, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "configuration" in done.stdout
    assert tomllib.loads((tmp_path / "indexer.toml").read_text())["buckets"] == ["bucket"]


def test_it_goes_to_stdout_without_the_doctor(indexer: Run, tmp_path: Path) -> None:
    done = indexer("init", "--bucket", "bucket", "--docdb-secret", "entry", "--out", "-")
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["docdb"]["secret"] == "entry"
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_asks(tmp_path: Path, variables: dict[str, str]) -> None:
    """Questions come on stderr; an end of the answers writes nothing."""
    for typed, status in (("bucket\n\nentry\n\nv1\n\n\n", 0), ("bucket\n\x04\x04", 2)):
        file = tmp_path / f"{status}.toml"
        done = _on_a_terminal(("init", "--no-doctor", "--out", str(file)), typed, variables)
        assert done == status
        assert file.exists() == (status == 0)
    assert tomllib.loads((tmp_path / "0.toml").read_text())["docdb"] == {"secret": "entry", "v1": {}}


def _on_a_terminal(arguments: tuple[str, ...], typed: str, variables: dict[str, str]) -> int:
    """The exit status of the command with these lines typed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "indexer", *arguments],
        env=variables | {"TERM": "xterm"},
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        try:
            while os.read(ours, 4096):
                pass
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
        return process.wait(PATIENCE_S)
