"""The documentation site builds without a warning, every link in it leads somewhere, and it needs nothing but itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from pages import ROOT, pages, read

from shared.patience import PATIENCE_S


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make site` does it."""
    (line,) = re.findall(r"^\t\$\(BIN\)/sphinx-build (.*) docs build/site$", read("Makefile"), re.MULTILINE)
    built = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *line.split(), str(ROOT / "docs"), str(built)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return built


def _soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def broken(folder: Path) -> Iterator[str]:
    """Every link of a folder's pages to a file or a place in a page that is not there."""
    soups = {page.resolve(): _soup(page) for page in folder.rglob("*.html")}
    places = {page: {one["id"] for one in soup.find_all(id=True)} for page, soup in soups.items()}
    for page, soup in soups.items():
        for one in soup.find_all(["a", "link", "script", "img"]):
            target = str(one.get("href") or one.get("src") or "")
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            linked = (page.parent / path.partition("?")[0]).resolve() if path else page
            if not linked.is_file() or (anchor and anchor not in places.get(linked, ())):
                yield f"{page.relative_to(folder)}: {target}"


def test_every_link_of_the_site_resolves(site: Path) -> None:
    assert not list(broken(site))


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    (tmp_path / "one.html").write_text(
        '<p id="here"><a href="#here"><a href="two.html#there"><a href="#gone">'
    )
    (tmp_path / "two.html").write_text('<h1 id="there"><img src="three.png"><a href="one.html#there">')
    found = sorted(broken(tmp_path))
    assert found == ["one.html: #gone", "two.html: one.html#there", "two.html: three.png"]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No font, no script and no picture of another host: the site works without a network, and tells nobody."""
    for page in site.rglob("*.html"):
        for one in _soup(page).find_all(["script", "link", "img"]):
            assert not re.match(r"[a-z]+:|//", str(one.get("src") or one.get("href") or "")), f"{page}: {one}"


def test_every_page_is_in_the_sidebar(site: Path) -> None:
    """Without any edit of the index, for a page in `how-to/` or `reference/`."""
    listed = {one["href"] for one in _soup(site / "index.html").select(".sidebar-tree a.reference")}
    docs = [page.relative_to(ROOT / "docs") for page in pages() if (ROOT / "docs") in page.parents]
    assert {str(page.with_suffix(".html")) for page in docs} - {"index.html"} <= listed


def test_every_picture_says_what_it_shows(site: Path) -> None:
    pictures = [one for page in site.rglob("*.html") for one in _soup(page).select("article img")]
    assert pictures
    assert all(len(str(one.get("alt", ""))) > 20 for one in pictures)
