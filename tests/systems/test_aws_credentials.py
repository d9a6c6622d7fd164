"""Credentials that cannot be had or renewed: a fault in words, whatever gives them, and never one of ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.errors import OutageError, SystemFaultError
from indexer.systems import aws
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import open_s3
from indexer.systems.settings import secret_fields
from shared.patience import PATIENCE_S

EXPIRED = '{"Version": 1, "AccessKeyId": "x", "SecretAccessKey": "x", "Expiration": "2020-01-01T00:00:00Z"}'
Profile = Callable[..., None]


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """`profile(text, **env)`: nothing but this profile gives credentials, and S3 is where nobody listens."""

    def give(text: str = "", **env: str) -> None:
        config = tmp_path / "config"
        config.write_text(f"[default]\nregion = us-west-2\n{text}")
        kept = {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "1",
            "HOME": str(tmp_path),
        }
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in (kept | env).items():
            monkeypatch.setenv(name, value)

    return give


def printing(text: str, tmp_path: Path) -> str:
    """A credential_process that prints this."""
    script = tmp_path / "give.py"
    script.write_text(f"print({text!r})\n")
    return f"credential_process = {sys.executable} {script}\n"


def the_fault() -> SystemFaultError:
    with pytest.raises(SystemFaultError) as caught:
        S3Reader(open_s3(1, attempts=1)).listing("bucket", "asset/")
    with pytest.raises(SystemFaultError, match="credentials"):
        secret_fields("a-secret")
    return caught.value


def test_a_process_that_gives_what_is_expired(profile: Profile, tmp_path: Path) -> None:
    profile(printing(EXPIRED, tmp_path))
    assert the_fault().hint == aws.HINT_EXPIRED


def test_a_process_that_gives_no_json(profile: Profile, tmp_path: Path) -> None:
    profile(printing("Please log in first", tmp_path))
    assert the_fault().hint


def test_a_process_that_is_not_there(profile: Profile) -> None:
    profile("credential_process = /nowhere/at/all\n")
    assert the_fault().hint == aws.HINT_FILE


def test_variables_that_say_that_they_are_expired(profile: Profile) -> None:
    profile(
        AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z"
    )
    fault = the_fault()
    assert fault.hint == aws.HINT_EXPIRED
    assert "expired" in fault.detail


def test_a_web_identity_without_its_token(profile: Profile) -> None:
    profile(AWS_ROLE_ARN="arn:aws:iam::123456789012:role/r", AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere/token")
    fault = the_fault()
    assert isinstance(fault, OutageError)
    assert fault.hint == aws.HINT_FILE
    assert "/nowhere/token" in fault.detail


def test_a_role_that_asks_for_a_code_where_nobody_is(profile: Profile) -> None:
    """In a process without a terminal, as a scheduler starts it."""
    profile(
        "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me\n"
        "[profile base]\naws_access_key_id = x\naws_secret_access_key = x\n"
    )
    code = "from indexer.systems.s3 import S3Reader; from indexer.systems.s3_connection import open_s3; S3Reader(open_s3(1, attempts=1)).listing('bucket', 'asset/')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=PATIENCE_S,
        check=False,
    )
    last = done.stderr.rstrip().splitlines()[-1]
    assert "OutageError" in last
    assert "MFA" in last
    assert aws.HINT_MFA in last


def test_a_login_that_is_over(profile: Profile) -> None:
    """No token was ever kept for it."""
    profile(
        "sso_start_url = https://example.awsapps.com/start\nsso_region = us-west-2\nsso_account_id = 123456789012\n"
        "sso_role_name = reader\n"
    )
    assert the_fault().hint == aws.HINT_SSO


def test_none_at_all(profile: Profile) -> None:
    profile()
    assert the_fault().hint == aws.HINT
