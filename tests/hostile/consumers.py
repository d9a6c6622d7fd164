"""Who reads what we print, as small as they can be: what each of them would obey, follow or leave unseen."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

GITHUB_COMMANDS = {
    *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path"),
    *("notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
}  # fmt: skip
"""Of actions/runner, src/Runner.Worker/ActionCommandManager.cs; `##[section]` and the like only colour."""
DEFAULT_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""DerivedCoreProperties.txt of Unicode 16."""
OUR_TAGS = {"details", "summary"}


def obeyed(line: str) -> Iterator[str]:
    """The commands that a runner would take this line for."""
    stripped = line.lstrip()
    if stripped.startswith("::") and (end := stripped.find("::", 2)) >= 0:  # ActionCommand.TryParseV2
        name = stripped[2:end].partition(" ")[0]
        if name.lower() in GITHUB_COMMANDS:
            yield f"::{name}"
    if (start := line.find("##[")) >= 0 and (end := line.find("]", start)) >= 0:  # ActionCommand.TryParse
        yield line[start : end + 1]
    if (start := line.find("##vso[")) >= 0 and line.find("]", start) >= 0:  # Azure: Command.TryParse
        yield line[start:]
    if re.search(r"##teamcity\[", line):
        yield "##teamcity["
    yield from re.findall(r"section_(?:start|end):\d+:[\w.-]+", line)  # GitLab, its control characters aside


def unseen(text: str) -> Iterator[str]:
    """Characters, but for line breaks and colours of ours, that a screen would leave out, or obey."""
    for one in re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\n", ""):
        category = unicodedata.category(one)
        if (category[0] in "CZ" and one != " ") or DEFAULT_IGNORABLE.match(one) or one == "\u2800":
            yield f"U+{ord(one):04X}"


def markdown_links(text: str) -> Iterator[str]:
    """Links, pictures and tags that a reader of this Markdown would get; ours are none, but for folds."""
    for block in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(text):
        for token in [block, *(block.children or ())]:
            if token.type in ("link_open", "image"):
                yield f"{token.type} {token.attrs}"
            if token.type in ("html_block", "html_inline"):
                yield from (one for one in re.findall(r"</?(\w+)", token.content) if one not in OUR_TAGS)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag, with the names of its attributes."""
        self.tags.append(" ".join([tag, *(name for name, _ in attrs)]))


def html_tags(page: str) -> set[str]:
    """The kinds of tag in a page, with their attributes."""
    parser = _Tags()
    parser.feed(page)
    return set(parser.tags)


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield from (key, *texts(one))
        case list():
            for one in value:
                yield from texts(one)


def sarif_links(log: str) -> Iterator[str]:
    """Embedded links in messages: `[text](target)` whose bracket no backslash escapes."""
    for run in json.loads(log)["runs"]:
        for result in run["results"]:
            yield from re.findall(r"(?<!\\)(?:\\\\)*\[(?:\\.|[^\]\\])+\]\([^)]*\)", result["message"]["text"])


def junit_texts(report: str) -> Iterator[str]:
    """What a JUnit viewer shows."""
    for element in ElementTree.fromstring(report).iter():
        yield from (*element.attrib.values(), element.text or "")
