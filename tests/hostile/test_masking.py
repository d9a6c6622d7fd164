"""A secret is never said, in whatever form it comes back."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import IndexerError
from indexer.masking import MIN_SECRET, forget, hide, masked, masked_hint, said
from indexer.model.outcome import Outcome
from indexer.model.plan import CoverageRow, Finding
from indexer.render.safe import safe_json
from indexer.systems.docdb_uri import parsed_uri
from shared.rendered import AT

TOKEN = "cop_t0ken\"'\\+/=&%41hush"
ODD = ("p℀x-hush", "pa[ss-hush", "pa]ss-hush", "p:w#hush", "ä ö/hush?", "p@hush", "100%hush", "hush+hush")


def forms(secret: str) -> Iterator[str]:
    """As clients send it, and as servers quote it."""
    raw = secret.encode()
    for one in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield one
        yield one.replace("%", "%25")
        yield json.dumps(one)[1:-1]
        yield json.dumps(one, ensure_ascii=False)[1:-1]
        yield json.dumps(json.dumps(one))[3:-3]
        yield repr(one)[1:-1]
        yield ascii(one)[1:-1]
        yield html.escape(one)
        yield json.dumps(one)[1:-1].replace("/", "\\/")
    for octets in (quote(secret, safe=""), quote(secret)):
        yield "".join(
            f"%{part[:2].lower()}{part[2:]}" if at else part for at, part in enumerate(octets.split("%"))
        )
    for encode in (b64encode, urlsafe_b64encode):
        for whole in (raw, raw + b":", b"user:" + raw, b"u:" + raw, b"me:" + raw, b"\0user\0" + raw):
            yield encode(whole).decode()
            yield encode(whole).decode().rstrip("=")
            yield quote(encode(whole).decode(), safe="")


def is_silent(text: str, secret: str) -> bool:
    """Nothing that would give the secret away is left."""
    core = b64encode(secret.encode()).decode()[1:-3]
    return secret not in text and "hush" not in text and (len(secret) < 8 or core not in text)


@pytest.mark.parametrize("secret", [TOKEN, *ODD])
def test_no_form_of_a_secret_is_said(secret: str) -> None:
    """In an error's detail, and in its hint."""
    hide(secret)
    for form in forms(secret):
        error = IndexerError("No", f"the proxy says: <{form}>", f"hint {form}")
        assert is_silent(str(error), secret), form
        assert "the proxy says: <" in error.detail


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=MIN_SECRET, max_size=20))
def test_no_secret_whatever_is_said(secret: str) -> None:
    """Any text may be one."""
    forget()
    hide(secret)
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert form not in masked(f"a {form} b") or form in "a  b***"


@pytest.mark.parametrize("password", ODD)
@pytest.mark.parametrize("encoded", [False, True])
def test_a_password_that_no_parser_of_urls_takes_is_hidden(password: str, encoded: bool) -> None:
    """Before anybody looks whether the URI is one; its host may be said."""
    hide(f"mongodb://user:{quote(password, safe='') if encoded else password}@host:27017/?tls=true")
    for form in forms(password):
        assert is_silent(masked(f"refused {form}"), password), form
    assert masked("host:27017") == "host:27017"


@pytest.mark.parametrize("password", ["p℀x", "pa[ss", "pa]ss"])
def test_the_drivers_own_parser_decides(password: str) -> None:
    """What pymongo takes is usable, whatever another parser says of it."""
    parsed = parsed_uri(f"mongodb://user:{password}@host:27017/")
    assert (parsed["username"], parsed["password"]) == ("user", password)


def test_options_of_a_uri_may_be_secrets() -> None:
    """Those whose names say so; the others help to see what is wrong."""
    hide(
        "mongodb://h:1/?tlsCertificateKeyFilePassword=opensesame&authMechanismProperties=SERVICE_NAME:mongodb,AWS_SESSION_TOKEN:Fwo%2Fx1&appName=indexer"
    )
    assert masked("opensesame Fwo/x1 Fwo%2fx1 mongodb indexer h:1") == "*** *** *** mongodb indexer h:1"


def test_a_secret_is_not_cut_into_a_form_that_nobody_knows() -> None:
    """Words are masked before they are cut short."""
    hide(TOKEN)
    assert said(f"{'x' * 10}{TOKEN}", 20) == f"{'x' * 10}***"


def test_what_goes_to_files_is_masked_too() -> None:
    """Whoever made it, where no error was: findings, reads, outcomes; and JSON in which it was made safe."""
    hide("to##ken\u200b")
    texts = [
        Finding(kind="name-mismatch", detail="to##ken\u200b").detail,
        CoverageRow(system="s3", scope="x", complete=False, count=0, why="to##ken\u200b").why,
        Outcome(action_id="a", status="failed", detail="to##ken\u200b", started_at=AT, ended_at=AT).detail,
        masked(safe_json(json.dumps("to##ken\u200b", ensure_ascii=False))).strip('"'),
    ]
    assert texts == ["***"] * 4


def test_our_own_words_stay_where_they_are_a_password() -> None:
    """Its mask would tell it."""
    hide("network")
    assert masked_hint("Check the network.") == "Check the network."
    assert masked("network refused") == "*** refused"
