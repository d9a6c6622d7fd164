"""The templates for CI as values: their jobs, and the shell that these run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pages import ROOT
from ruamel.yaml import YAML

FOLDER = ROOT / "docs" / "ci"
GITHUB = sorted(FOLDER.glob("github-*.yml"))
GITLAB = FOLDER / "gitlab-ci.yml"
TEMPLATES = [*GITHUB, GITLAB]
NO_JOBS = ("stages", ".")
"""How the names begin of what is no job in GitLab's file."""


def parsed(template: Path) -> dict[str, Any]:
    """A template's YAML."""
    loaded: dict[str, Any] = YAML(typ="safe").load(template)
    return loaded


def steps(template: Path) -> list[dict[str, Any]]:
    """The steps of one of GitHub's templates, which has one job."""
    [job] = parsed(template)["jobs"].values()
    return list(job["steps"])


def step(template: str, name: str) -> str:
    """What a step of one of GitHub's templates runs."""
    [found] = [one["run"] for one in steps(FOLDER / template) if one.get("name") == name]
    return str(found)


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    """GitLab's jobs, each with what it extends."""
    loaded = parsed(GITLAB)
    return {name: _whole(loaded, job) for name, job in loaded.items() if not name.startswith(NO_JOBS)}


def _whole(loaded: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    base = job.get("extends")
    return {**_whole(loaded, loaded[base]), **job} if base else job


def gitlab_script(name: str) -> str:
    """A job's own lines, as one script: its shell is one."""
    return "\n".join(gitlab_jobs()[name]["script"])


def shell(template: Path) -> list[str]:
    """All that a template runs."""
    if template == GITLAB:
        return [line for job in gitlab_jobs().values() for line in (*job["before_script"], *job["script"])]
    return [one["run"] for one in steps(template) if "run" in one]
