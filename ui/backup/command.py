"""`comfyforms backup FILE` and `comfyforms restore FILE`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.wording import bytes_words
from ui.backup.archive import (
    BackupContents,
    BackupSources,
    check_archive,
    restore_archive,
    write_archive,
)
from ui.settings.arguments import USAGE_ERROR, read_settings
from ui.settings.folders import PROGRAM
from ui.settings.options import Settings

_ALSO = "The app's options name the folders: --data, --workflows, --users, --config."
_CHECK = "only check the archive: its digests and databases"


def back_up(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `backup`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    parser = _parser("backup", "Write the app's data and workflows to one archive.")
    parser.add_argument(
        "--files-only",
        action="store_true",
        help="leave out the history, if it is in another database that you back up yourself",
    )
    known, rest = parser.parse_known_args(arguments)
    path = known.file.absolute()

    def done() -> str:
        settings = read_settings(rest, serves=False)
        if known.check:
            return _checked(path)
        if settings.database is not None and not known.files_only:
            raise ComfyError(
                "The history is in another database.",
                "Back it up with its own tool, such as pg_dump, then use --files-only.",
            )
        sources = _sources(settings, history=not known.files_only)
        return f"Wrote {path}: {_summary(write_archive(path, sources))}"

    return _reported("backup", done)


def restore(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `restore`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    parser = _parser("restore", "Restore an archive into an empty data folder.")
    known, rest = parser.parse_known_args(arguments)
    path = known.file.absolute()

    def done() -> str:
        settings = read_settings(rest, serves=False)
        if known.check:
            return _checked(path)
        sources = _sources(settings, history=True)
        contents = restore_archive(path, sources)
        return f"Restored {_summary(contents)} Start the app with --data {sources.data}."

    return _reported("restore", done)


def _parser(name: str, about: str) -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} {name}", description=about, epilog=_ALSO, allow_abbrev=False
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the archive, such as forms.tar")
    parser.add_argument("--check", action="store_true", help=_CHECK)
    return parser


def _sources(settings: Settings, *, history: bool) -> BackupSources:
    data, workflows = settings.data.absolute(), settings.workflows.absolute()
    return BackupSources(data, workflows, settings.users_path, history)


def _checked(path: Path) -> str:
    return f"{path} is complete: {_summary(check_archive(path))}"


def _summary(contents: BackupContents) -> str:
    count, size = len(contents.digests), bytes_words(contents.size)
    sentence = f"{count:,} files, {size}."
    if not contents.has_history:
        sentence += " Without the history, which is in another database."
    if contents.missing:
        sentence += (
            f" {contents.missing} results that the history mentions aren't in it: they were"
            " deleted while the backup was written."
        )
    return sentence


def _reported(name: str, done: Callable[[], str]) -> int:
    try:
        print(done())
    except ComfyError as problem:
        print(f"{PROGRAM} {name}: {problem} {problem.hint}", file=sys.stderr)
        return USAGE_ERROR
    return 0
