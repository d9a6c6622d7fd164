"""Where S3 is, known without boto3's client, is where boto3's client would look; in doubt the client is asked."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.loaders import Loader

from indexer.errors import SystemFaultError
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import open_s3
from indexer.systems.s3_endpoint import endpoint_for, endpoint_of
from indexer.systems.s3_writer import S3Writer
from indexer_sandbox.s3 import S3Server
from shared.s3_stub import environment

REGIONS = ("us-east-1", "us-west-2", "eu-central-2", "ap-southeast-5", "mx-central-1", "il-central-1")
ELSEWHERE = ("cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1", "aws-global", "garage", "")
URLS = {
    "none": {},
    "of S3": {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000/"},
    "of everything": {"AWS_ENDPOINT_URL": "https://objects.example.org/s3"},
    "both": {"AWS_ENDPOINT_URL_S3": "http://s3:9000", "AWS_ENDPOINT_URL": "http://all:1"},
    "an empty one": {"AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL": "http://all:1"},
}
PECULIAR = {
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "endpoints ignored": {
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_ENDPOINT_URL_S3": "http://s3:9000",
    },
    "other defaults": {"AWS_DEFAULTS_MODE": "standard"},
    "another signature": {"AWS_AUTH_SCHEME_PREFERENCE": "sigv4a"},
    "the oldest endpoint": {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"},
    "a proxy": {"HTTPS_PROXY": "http://proxy:3128"},
    "other descriptions": {"AWS_DATA_PATH": "/nonexistent"},
    "a checksum of no kind": {"AWS_REQUEST_CHECKSUM_CALCULATION": "always"},
    "a check of no kind": {"AWS_RESPONSE_CHECKSUM_VALIDATION": "always"},
    "a mode that is none": {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "always"},
    "regions of no kind": {"AWS_STS_REGIONAL_ENDPOINTS": "always"},
    "a size that is none": {"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "small"},
    "a host that is none": {"AWS_ENDPOINT_URL_S3": "http://minio..local:9000"},
    "no scheme": {"AWS_ENDPOINT_URL_S3": "127.0.0.1:9000"},
    "a question": {"AWS_ENDPOINT_URL_S3": "http://s3:9000/?x=1"},
    "a password": {"AWS_ENDPOINT_URL_S3": "http://me:secret@s3:9000"},
    "an address of version 6": {"AWS_ENDPOINT_URL_S3": "http://[::1]:9000"},
}
PROFILES = {
    "a region": "region = eu-west-1",
    "an endpoint": "region = eu-west-1\nendpoint_url = http://127.0.0.1:9000",
    "services": "region = eu-west-1\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://s3:9000",
    "path style": "region = eu-west-1\ns3 =\n  addressing_style = path",
    "the oldest signature": "region = eu-west-1\ns3 =\n  signature_version = s3",
    "dual stack": "region = eu-west-1\nuse_dualstack_endpoint = true",
    "no region": "output = json",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, "", AWS_ENDPOINT_URL="")
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def both(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], *, anonymous: bool = False
) -> tuple[object, object]:
    """The endpoint without a client, and that of the client which the same settings make."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.get_session()
    config = Config(signature_version=UNSIGNED if anonymous else None)
    return endpoint_for(session, anonymous=anonymous), endpoint_of(session.create_client("s3", config=config))


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
@pytest.mark.parametrize("region", REGIONS)
def test_it_is_where_the_client_would_look(
    monkeypatch: pytest.MonkeyPatch, region: str, url: dict[str, str]
) -> None:
    """For each region and each way to name an endpoint, signed and unsigned."""
    for anonymous in (False, True):
        without, of_client = both(monkeypatch, {"AWS_DEFAULT_REGION": region, **url}, anonymous=anonymous)
        assert without is not None
        assert without == of_client


@pytest.mark.parametrize("region", ELSEWHERE)
def test_of_other_regions_the_client_is_asked(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """Their hosts end otherwise, or they are none of AWS's."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert endpoint_for(botocore.session.get_session(), anonymous=False) is None


@pytest.mark.parametrize("settings", PECULIAR.values(), ids=PECULIAR.keys())
def test_what_is_out_of_the_ordinary_is_left_to_the_client(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert endpoint_for(botocore.session.get_session(), anonymous=False) is None


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_a_profile_leads_to_the_same_place_or_to_the_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    (tmp_path / "config").write_text(f"[default]\n{profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    without, of_client = both(monkeypatch, {})
    assert without == (of_client if profile in (PROFILES["a region"], PROFILES["an endpoint"]) else None)


def test_descriptions_of_services_at_home_are_left_to_the_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`~/.aws/models`: there may be other endpoints of AWS among them."""
    assert endpoint_for(botocore.session.get_session(), anonymous=False) is not None
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path))
    assert endpoint_for(botocore.session.get_session(), anonymous=False) is None


def test_a_profile_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the first request."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SystemFaultError, match="nobody"):
        open_s3(1)


@pytest.mark.parametrize("setting", ["s3 = path", "api_versions = 2006"])
def test_a_word_where_a_section_belongs_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    """botocore trips over it while it makes a client."""
    (tmp_path / "config").write_text(f"[default]\nregion = eu-west-1\n{setting}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(SystemFaultError, match="Correct the profile"):
        open_s3(1)


def test_an_endpoint_that_is_none_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "127.0.0.1:9000")
    with pytest.raises(SystemFaultError, match="Invalid endpoint"):
        open_s3(1)


@pytest.mark.parametrize(
    "name", ["AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_ACCOUNT_ID_ENDPOINT_MODE", "AWS_STS_REGIONAL_ENDPOINTS"]
)
def test_a_word_that_no_client_takes_is_said_at_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Not by the first write that needs the client, half-way through an apply."""
    monkeypatch.setenv(name, "always")
    with pytest.raises(SystemFaultError, match="always"):
        open_s3(1)


@pytest.mark.parametrize("kind", ["no file", "a folder", "no certificates"])
def test_a_ca_that_cannot_be_read_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Of the environment, and none of ours."""
    (tmp_path / "no certificates").write_text("none")
    (tmp_path / "a folder").mkdir()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / kind))
    with closing(open_s3(1)) as s3, pytest.raises(SystemFaultError, match=kind):
        S3Reader(s3)


def test_a_run_in_which_all_is_well_needs_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to list, read, write and tell the time, nor to be closed."""
    with closing(S3Server()) as server:
        server.create_bucket("bucket")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        with closing(open_s3(1)) as s3:
            monkeypatch.setattr(s3, "_make", lambda: pytest.fail("made"))
            reader, writer = S3Reader(s3), S3Writer(s3)
            assert isinstance(writer.put("bucket", "a/x.json", b"{}", None), str)
            assert list(reader.prefixes("bucket")) == [("a",)]
            assert [one.key for one in reader.listing("bucket", "a/").objects] == ["a/x.json"]
            found = reader.get("bucket", "a/x.json")
            at = reader.server_time("bucket")
            assert s3.url == server.endpoint
            assert not s3.anonymous
    assert found is not None
    assert at is not None
    assert abs(at - found.modified_at) < timedelta(minutes=1)


def test_what_is_made_later_is_led_to_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same credentials, too: a script may have changed its environment meanwhile."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with closing(open_s3(1, attempts=1)) as s3:
        for name, value in {
            "ENDPOINT_URL_S3": "",
            "DEFAULT_REGION": "eu-west-1",
            "ACCESS_KEY_ID": "other",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert s3.client.meta.endpoint_url == s3.url == "http://127.0.0.1:9"
        assert s3.client.meta.region_name == "us-west-2"
        credentials = s3.session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "test"
