"""`indexer explain`: what a word of a plan, a result or a job means."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from indexer.cli import completion
from indexer.cli.talk import Talk, paint_for, printed, stream

SUMMARY = "Say what a word means, and what to do."

Typed = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORD",
        show_default=False,
        help="A kind of action, a reason, a finding, a status, a policy or an exit code. Default: list them all.",
        autocompletion=completion.explained,
    ),
]
ExplainFormat = Annotated[Literal["text", "json"], typer.Option("--format", help="json: for programs.")]


def command(talk: Talk, word: Typed = None, output: ExplainFormat = "text") -> None:  # noqa: ARG001 - every command has a voice
    """Say what a word of a plan or a result means, why it happens and what to do. Without a word: list all of them."""
    from indexer.model.vocabulary import every_word, nearest_words, words_named
    from indexer.render.explained import explained_json, list_text, word_text
    from indexer.runs.files import document_text

    typed = " ".join(word or ())  # "exit code 3" needs no quotes
    found = words_named(typed) if typed else tuple(every_word())
    if not found:
        close = nearest_words(typed)
        meant = f"did you mean {' or '.join(close)}?" if close else "`indexer explain` lists all words."
        raise typer.BadParameter(f"{typed!r} is not one of our words; {meant}", param_hint="WORD")
    if output == "json":
        stream([document_text({"words": explained_json(found)})])
        return
    paint = paint_for(sys.stdout)
    printed(word_text(found, paint) if typed else list_text(paint))
