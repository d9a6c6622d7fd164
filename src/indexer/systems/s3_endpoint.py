"""Where S3 is: as boto3's client was told, or, where nothing out of the ordinary is set, without making one.

To make a client takes a tenth of a second: all of S3's description is read, and all endpoints of AWS. Most runs can do
without.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.loaders import Loader
from botocore.utils import get_environ_proxies, is_valid_endpoint_url

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

GLOBAL = "aws-global"
"""botocore's name for us-east-1 under the oldest endpoint."""
OLDEST = "us-east-1"
REGION = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d{1,2}")
"""Regions whose hosts end in amazonaws.com. Source: `partitions.json` of botocore."""
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")
OUT_OF_THE_ORDINARY = (
    "s3",  # addressing styles, acceleration, signatures of its own
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "ignore_configured_endpoint_urls",
    "auth_scheme_preference",
    "sigv4a_signing_region_set",
    "data_path",
    "api_versions",
)
"""botocore's settings that may lead elsewhere, or want other requests; without a value unless somebody gives one."""
SECTIONS = {"s3", "services"}
"""Of a profile; one that is no section, but a word, is none of botocore's settings, and no client can be made with it."""
WHEN = ("when_supported", "when_required")
WORDS: dict[str, tuple[object, ...]] = {
    "defaults_mode": ("legacy",),
    "request_checksum_calculation": WHEN,
    "response_checksum_validation": WHEN,
    "account_id_endpoint_mode": ("preferred", "disabled", "required"),
    "sts_regional_endpoints": ("regional", "legacy"),
    "request_min_compression_size_bytes": (10_240,),
}
"""Settings of which a client that is made refuses all else, or is another one: it is said at once, not half-way."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where S3 is, and how it is asked."""

    tls: bool
    host: str
    """With its port, where that is not the scheme's own."""
    path: str
    """What comes before the bucket."""
    region: str
    signed: bool = True
    named: str | None = field(default=None, compare=False)
    """The URL that somebody configured, if any did."""

    @classmethod
    def at(cls, url: str, region: str, *, signed: bool) -> Endpoint:
        """The endpoint at a URL."""
        parts = urlsplit(url)
        return cls(parts.scheme == "https", parts.netloc, parts.path.rstrip("/"), region, signed)

    @property
    def url(self) -> str:
        """All but its bucket."""
        return f"{'https' if self.tls else 'http'}://{self.host}{self.path}"


def endpoint_of(client: S3Client) -> Endpoint | None:
    """The client's own; None where only the client can reach it: through a proxy, or with a certificate of its own."""
    meta = client.meta
    config: Any = meta.config  # its types tell only a part
    if config.proxies or get_environ_proxies(meta.endpoint_url) or config.client_cert:
        return None
    if config.signature_version not in (UNSIGNED, "s3v4") or not urlsplit(meta.endpoint_url).hostname:
        return None
    region = OLDEST if meta.region_name == GLOBAL else meta.region_name
    return Endpoint.at(meta.endpoint_url, region, signed=config.signature_version is not UNSIGNED)


def endpoint_for(session: Session, *, anonymous: bool) -> Endpoint | None:
    """The one that a client of this session would have, if that is plain; None: a client must be made, and asked.

    Raises BotoCoreError where the session cannot be read. Source: `ConfiguredEndpointProvider` of botocore, whose order
    this is; the tests compare with its clients.
    """
    profile = session.get_scoped_config()
    if any(session.get_config_variable(name) for name in OUT_OF_THE_ORDINARY) or SECTIONS & profile.keys():
        return None
    if any(session.get_config_variable(name) not in words for name, words in WORDS.items()):
        return None
    # Whoever keeps descriptions of services there may keep other endpoints of AWS, too.
    if Path(Loader.CUSTOMER_DATA_PATH).exists():
        return None
    region = session.get_config_variable("region") or ""
    if not REGION.fullmatch(region):
        return None
    named = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or profile.get("endpoint_url")
    )
    url = named or ("https://s3.amazonaws.com" if region == OLDEST else f"https://s3.{region}.amazonaws.com")
    if not (URL.fullmatch(url) and is_valid_endpoint_url(url)) or get_environ_proxies(url):
        return None
    return replace(Endpoint.at(url, region, signed=not anonymous), named=named)
