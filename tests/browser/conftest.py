"""A real Chromium without a network, and a guard: a page that complains or asks for anything fails its test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from shared.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREEN = {"width": 1200, "height": 900}
POLICY = "Content Security Policy"
View = Callable[..., "Page"]


def _without(what: str) -> NoReturn:
    """Skipped where a person has no browser; never where nobody would see that it was."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must run these tests")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _without(f"no browser: none of {', '.join(NAMES)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Callable[..., BrowserContext]:
    """One for each set of options, for all tests of a module: a report keeps nothing in it.

    In each an empty page stays open, and with it the process that shows the others: to start one costs more than most tests.
    """
    made: dict[str, BrowserContext] = {}

    def of(**options: Any) -> BrowserContext:
        if (key := json.dumps(options)) not in made:
            made[key] = browser.new_context(**({"viewport": SCREEN} | options))
            made[key].new_page()
        return made[key]

    return of


@pytest.fixture
def view(context: Callable[..., BrowserContext], tmp_path: Path) -> Iterator[View]:
    """Opens a report from a file; after the test nothing may have been asked for or complained about.

    `blocks`: that the page's policy blocked something is no complaint.
    """
    file = tmp_path / "report.html"
    amiss: list[str] = []
    pages: list[Page] = []

    def opened(html: str, fragment: str = "", *, blocks: bool = False, **options: Any) -> Page:
        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not (blocks and POLICY in message.text):
                amiss.append(message.text)

        def asked(request: Request) -> None:
            if request.url.partition("#")[0] != file.as_uri():
                amiss.append(f"asked for {request.url}")

        file.write_text(html, encoding="utf-8")
        page = context(**options).new_page()
        pages.append(page)
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("pageerror", lambda error: amiss.append(f"{error}"))
        page.on("console", said)
        page.on("request", asked)
        page.goto(f"{file.as_uri()}{fragment}")
        return page

    yield opened
    for page in pages:
        page.close()
    assert amiss == []


@pytest.fixture
def axe() -> Any:
    """The accessibility checker, to be run on a page that was opened with `bypass_csp`: it is put into it."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        _without("axe_playwright_python is not installed")
    return Axe()
