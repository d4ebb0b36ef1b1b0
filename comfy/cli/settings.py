"""Parse `--set NAME=VALUE`, split at the first equals sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from comfy.base.errors import ManyProblems


def split_settings(
    texts: Sequence[str],
    form: str,
    example: str,
    is_name: Callable[[str], object] = lambda _: True,
) -> list[tuple[str, str]]:
    """Return names and values. Raises ManyProblems for texts that don't match `form`, such as
    NODE.INPUT=VALUE, or that have no valid name."""
    parts = [text.partition("=") for text in texts]
    wrong = [
        f"--set {text!r} is not {form}."
        for text, (name, equals, _) in zip(texts, parts, strict=True)
        if not equals or not is_name(name)
    ]
    if wrong:
        raise ManyProblems(wrong, f"Write it like --set {example}.")
    return [(name, value) for name, _, value in parts]
