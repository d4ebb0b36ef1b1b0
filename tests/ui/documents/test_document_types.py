"""The types of the page's script match the documents of the app."""

from __future__ import annotations

from dataclasses import dataclass

from tools.document_types import document_types, type_files


@dataclass(frozen=True)
class PartDoc:
    number: int


@dataclass(frozen=True)
class WholeDoc:
    """A whole."""

    parts: tuple[PartDoc, ...] = ()
    before: WholeDoc | None = None
    pair: tuple[str, float] = ("", 0.0)


def test_the_checked_in_types_match_the_documents() -> None:
    for file, types in type_files().items():
        assert file.read_text(encoding="utf-8") == types, "run python -m tools.document_types"


def test_a_document_becomes_an_interface_with_every_property() -> None:
    """A property with a default in Python is still required, because the app always sends it."""
    told = document_types((WholeDoc,))
    assert "export interface PartDoc {\n  number: number;\n}" in told
    assert (
        "/**\n * A whole.\n */\nexport interface WholeDoc {\n  parts: PartDoc[];\n"
        "  before: WholeDoc | null;\n  pair: [string, number];\n}" in told
    )
