"""Make the pictures of the README and the site: `make pictures`. Look at them before they are committed.

They are made of real runs, whose ids and times differ each time, so no test compares them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from recording import picture, recorded

from indexer.cli.demo import environment
from indexer_sandbox import running
from indexer_sandbox.seed import seed

STATIC = Path(__file__).resolve().parents[2] / "docs" / "_static"
INDEXER = str(Path(sys.executable).with_name("indexer"))
WIDTH, HEIGHT = 1180, 760


def report(folder: Path) -> Path:
    """The report of a plan for a sandbox, as a file for a browser."""
    with running(folder) as sandbox:
        seed(sandbox, assets=30)
        (folder / "indexer.toml").write_text(sandbox.config_toml(), encoding="utf-8")
        for arguments in (("plan", "--all", "--quiet"), ("show", "plan.json", "--format", "html")):
            done = subprocess.run(
                [INDEXER, *arguments],
                cwd=folder,
                env=environment(sandbox.environment()),
                stdout=subprocess.PIPE,
                check=True,
            )
    page = folder / "report.html"
    page.write_bytes(done.stdout)
    return page


def photographed(page: Path, out: Path) -> None:
    """The first screen of a page, in light colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        view.goto(page.as_uri())
        view.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    (STATIC / "demo.svg").write_text(picture(recorded([INDEXER, "demo"])), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="indexer-pictures-") as folder:
        photographed(report(Path(folder)), STATIC / "report.png")
