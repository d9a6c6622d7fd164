"""Does Code Ocean answer, and does it take the token?"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from codeocean import CodeOcean
from codeocean.data_asset import DataAssetSearchOrigin, DataAssetSearchParams
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from indexer.errors import SystemFaultError
from indexer.model.check import Check, failed, not_tried
from indexer.systems.checks_network import Host, check_host, host_of, proxied, through_proxy
from indexer.systems.codeocean_client import codeocean_client, codeocean_faults

RETRIES = 1
"""Of what passes; `doctor` tells of a system that needs more."""
SETTING = "Check `codeocean.domain`, the network (VPN, DNS) and REQUESTS_CA_BUNDLE."
SECURE = "Write https:// in `codeocean.domain`: the token is sent with every request."
NEEDED = f"its server must be of version {CodeOcean.MIN_SERVER_VERSION} or newer"
"""The SDK's word; the API does not tell the server's version."""
HIDDEN = "If that is not so, the token's user cannot see them: docs/permissions.md, Code Ocean."


def codeocean_checks(domain: str, token: str) -> Iterator[Check]:
    """Every check of Code Ocean, those left out too."""
    client = codeocean_client(domain, token, RETRIES)
    try:
        host = _host(client)
        yield host
        if host.status == "error":
            yield not_tried("codeocean-token", "", "the host cannot be used")
        else:
            yield _token(client)
    finally:
        client.session.close()


def _host(client: CodeOcean) -> Check:
    if proxied(client.domain):
        return through_proxy("codeocean-host", client.domain)
    name, port, secure = host_of(client.domain)
    verify = client.session.merge_environment_settings(client.domain, {}, None, None, None)["verify"]

    def tls() -> ssl.SSLContext:
        bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
        return ssl.create_default_context(cafile=bundle)

    return check_host(Host("codeocean-host", name, port, tls if secure else None, SETTING, SECURE))


def _token(client: CodeOcean) -> Check:
    """The smallest search there is."""
    params = DataAssetSearchParams(limit=1, origin=DataAssetSearchOrigin.External, archived=False)
    try:
        with codeocean_faults(client, "search external data assets"):
            found = len(client.data_assets.search_data_assets(params).results)
    except SystemFaultError as exc:
        return failed("codeocean-token", "", exc)
    if not found:
        detail = f"the token is accepted, and shows no external data asset ({NEEDED})"
        return Check(name="codeocean-token", status="warning", detail=detail, hint=HIDDEN)
    return Check(name="codeocean-token", status="ok", detail=f"the token is accepted ({NEEDED})")
