"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 action`, `2,000 actions`. `nouns`: the plural, where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
