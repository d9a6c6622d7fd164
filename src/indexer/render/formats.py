"""The formats of a report by name. A new one is a file beside this one, and its case and its word here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, assert_never

from indexer.render.reader import Reader

if TYPE_CHECKING:
    from indexer.render.report import Report

ReportFormat = Literal["text", "markdown", "html", "junit", "sarif", "github"]
ShowFormat = Literal["text", "json", "markdown", "html"]
GateFormat = Literal["text", "json", "markdown", "html", "junit", "sarif", "github"]
"""What each command offers; JSON is of the subject itself, not of what is told of it."""


def rendered(report: Report, output: ReportFormat, reader: Reader) -> str:
    """The report in this format."""
    return "".join(pieces(report, output, reader))


def pieces(report: Report, output: ReportFormat, reader: Reader) -> Iterator[str]:
    """The same, piece by piece, so that what the report reads is held no longer. Only this format's code is loaded."""
    match output:
        case "text":
            from indexer.render.text import report_text

            lines = report_text(report, reader.paint, reader.wrap, reader.rows)
            yield from (f"{line}\n" for line in lines)
        case "markdown":
            from indexer.render.markdown import report_markdown, whole_markdown

            yield from whole_markdown(report) if reader.whole else [report_markdown(report)]
        case "html":
            from indexer.render.html import html_pieces

            yield from html_pieces(report)
        case "junit":
            from indexer.render.junit import report_junit

            yield report_junit(report)
        case "sarif":
            from indexer.render.sarif import report_sarif

            yield report_sarif(report, reader.where)
        case "github":
            from indexer.render.annotations import report_annotations

            yield report_annotations(report, reader.where)
        case _:
            assert_never(output)
