"""The cover of a workflow: its author's own image of what comes out, beside the file."""

from __future__ import annotations

from pathlib import Path

from comfy.errors import words_of
from comfy.media.checks import MIB, FileLimits, problem_with
from comfy.messages import message
from comfy.workflow.config import FormConfig

# It is sent to everybody who opens the page, and to each list of workflows.
_LIMITS = FileLimits(size=2 * MIB, pixels=4096 * 4096, moving=16 * 4096 * 4096)


def cover_of(path: Path, config: FormConfig | None) -> Path | None:
    """The cover that the toml of the workflow at `path` names; None where it names none."""
    return path.with_name(config.cover) if config and config.cover else None


def cover_problem(cover: Path) -> str:
    """Why this file cannot be shown, in a sentence; "" if it can. Looks at its header only."""
    try:
        with cover.open("rb") as file:
            is_good = not problem_with(file, _LIMITS, "image")
    except OSError as error:
        return message(
            "The cover {file} cannot be read: {why}.", file=cover.name, why=words_of(error)
        )
    most = _LIMITS.size // MIB
    return (
        ""
        if is_good
        else message(
            "The cover {file} must be an image of at most {size} MB.", file=cover.name, size=most
        )
    )
