"""Columns line up, whatever stands in them."""

from __future__ import annotations

from indexer.render.paint import PLAIN, Cell, Paint, columns_of, shortened, table
from indexer.render.words import size_text

ROWS = [[Cell("名前", "bold"), Cell("1", "green")], [Cell("name"), Cell("1,000")]]


def test_wide_characters_take_two_columns() -> None:
    """As a terminal draws them."""
    assert list(table(ROWS, PLAIN, frozenset({1}))) == ["名前      1", "name  1,000"]


def test_colour_does_not_shift_columns() -> None:
    """Escape codes take none."""
    first, _ = table(ROWS, Paint(colour=True), frozenset({1}))
    assert first == "\x1b[1m名前\x1b[0m      \x1b[32m1\x1b[0m"


def test_shortened_text_is_never_too_wide() -> None:
    """Wide characters or not."""
    assert shortened("日本語日本語", 7) == "日本語…"
    assert shortened("plain", 5) == "plain"
    assert all(columns_of(shortened("a日b本c語" * 4, width)) <= width for width in range(1, 40))


def test_sizes() -> None:
    """At most four digits."""
    assert [size_text(size) for size in (0, 999, 1000, 12_362, 999_999, 94_695_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "12.4 kB",
        "1000 kB",
        "94.7 MB",
    ]
