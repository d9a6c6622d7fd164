"""The forms for issues fit GitHub's schemas, and lead a vulnerability elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def checked(form: Path) -> subprocess.CompletedProcess[str]:
    """As check-jsonschema judges it, by the schema that it carries."""
    schema = "vendor.github-issue-config" if form.stem == "config" else "vendor.github-issue-forms"
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(form)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_forms() -> None:
    assert [one.stem for one in FORMS] == ["bug", "config", "feature"]


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_a_form_fits_its_schema(form: Path, tmp_path: Path) -> None:
    """And one with a wrong value does not: the check can fail."""
    done = checked(form)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / form.name
    text = form.read_text(encoding="utf-8")
    broken.write_text(text.replace("type: textarea", "type: text").replace("enabled: false", "enabled: 7"))
    assert checked(broken).returncode == 1


def test_a_vulnerability_is_led_to_the_private_form() -> None:
    (bug,) = (one for one in FORMS if one.stem == "bug")
    assert "SECURITY.md" in bug.read_text(encoding="utf-8")
    assert "**Report a vulnerability**" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
