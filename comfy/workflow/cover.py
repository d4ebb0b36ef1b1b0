"""An author's own images beside a workflow: the cover, which shows an example result, and the
images that ideas start with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from comfy.base.errors import words_of
from comfy.media.checks import MIB, FileLimits, problem_with
from comfy.workflow.config import FormConfig, image_beside

# Every user who opens the page, and every list of workflows, downloads the cover.
_LIMITS = FileLimits(size=2 * MIB, pixels=4096 * 4096, moving=16 * 4096 * 4096)
# Covers that the form editor made of results, named after their workflow and their content.
_MADE = re.compile(r"^(.+)-cover-[0-9a-f]{8}\.webp")


def made_cover_name(workflow: str, data: bytes) -> str:
    """Return the file name for a cover that the form editor makes. `workflow`: its file's name
    without the extension."""
    return f"{workflow}-cover-{hashlib.sha256(data).hexdigest()[:8]}.webp"


def made_cover_of(file: Path) -> str | None:
    """Return the name of the workflow whose cover the form editor made; None for other files."""
    match = _MADE.fullmatch(file.name)
    return match[1] if match else None


def cover_of(path: Path, config: FormConfig | None) -> Path | None:
    """Return the cover that the TOML of the workflow at `path` names; None without one."""
    return path.with_name(config.cover) if config and config.cover else None


def images_of(path: Path, config: FormConfig | None) -> Iterator[Path]:
    """Yield the cover, and the images beside the workflow at `path` that the ideas in its TOML
    name."""
    if cover := cover_of(path, config):
        yield cover
    for idea in config.ideas if config else ():
        values = () if isinstance(idea, str) else idea.values()
        yield from (path.with_name(name) for name in map(image_beside, values) if name)


def cover_problem(cover: Path) -> str:
    """Return why this file can't be shown, as a message; empty if it can. Reads its header only."""
    try:
        with cover.open("rb") as file:
            is_good = not problem_with(file, _LIMITS, "image")
    except OSError as error:
        return f"The cover {cover.name} cannot be read: {words_of(error)}."
    most = _LIMITS.size // MIB
    return "" if is_good else f"The cover {cover.name} must be an image of at most {most}\u00a0MB."
