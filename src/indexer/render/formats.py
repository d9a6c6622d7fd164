"""The formats of a report by name. A new one is a file beside this one, and its case and its word here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

from indexer.render.reader import Reader

if TYPE_CHECKING:
    from indexer.render.report import Report

ReportFormat = Literal["text", "markdown", "html", "junit", "sarif", "github"]
ShowFormat = Literal["text", "json", "markdown", "html"]
GateFormat = Literal["text", "json", "markdown", "junit", "sarif", "github"]
"""What each command offers; JSON is of the subject itself, not of what is told of it."""


def rendered(report: Report, output: ReportFormat, reader: Reader) -> str:
    """The report in this format. Only this format's code is loaded."""
    match output:
        case "text":
            from indexer.render.text import report_text

            return "".join(f"{line}\n" for line in report_text(report, reader.paint, reader.width))
        case "markdown":
            from indexer.render.markdown import report_markdown

            return report_markdown(report)
        case "html":
            from indexer.render.html import report_html

            return report_html(report)
        case "junit":
            from indexer.render.junit import report_junit

            return report_junit(report)
        case "sarif":
            from indexer.render.sarif import report_sarif

            return report_sarif(report, reader.where)
        case "github":
            from indexer.render.annotations import report_annotations

            return report_annotations(report, reader.where)
    assert_never(output)
