"""Import of a single app's data into the database and folder of a cluster."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing
from pathlib import Path

from comfy.base.errors import ComfyError, words_of
from comfy.records.blobs import BlobStore
from comfy.records.database import new_engine, open_database, sqlite_address
from comfyforms.plugins.cluster.setup import (
    ImportedTables,
    history_tables,
    import_tables,
    used_files,
)
from ui.accounts.database import SIGN_IN_SCHEMA, SignInDatabase, changes
from ui.accounts.login import sign_in_address
from ui.settings.options import Settings

_HISTORY = "history.sqlite"
_SIGN_INS = [
    one
    for one in SIGN_IN_SCHEMA.tables.sorted_tables
    if one not in (SIGN_IN_SCHEMA.version, changes)
]
_FOLDERS = ("files", "forms")
_SINGLE = ("secret", "webhook_secret", "key_secret", "users.json")


def import_data(source: Path, settings: Settings) -> str:
    """Copy the history of a stopped app, and its files if `--data` is another folder. Return a
    summary. Raises ComfyError."""
    source, data = source.absolute(), settings.data.absolute()
    if settings.database is None:
        raise ComfyError("This needs the setting --database, with the new database.")
    if not (source / _HISTORY).exists():
        raise ComfyError(f"There is no file {source / _HISTORY}.", "Name the old data folder.")
    with ExitStack() as stack:
        blobs = stack.enter_context(closing(BlobStore(source)))
        if not blobs.ours:
            raise ComfyError(f"An app uses the folder {source}.", "Stop it first.")
        address = settings.database.get_secret_value()
        target = open_database(address, alone=False)
        stack.callback(target.dispose)
        if target.dialect.name != "postgresql":
            raise ComfyError("The new database has to be on Postgres.", "Name it in --database.")
        old = open_database(sqlite_address(source), alone=False)
        stack.callback(old.dispose)
        sign_ins = sign_in_address("", source)
        for each in (sign_ins, address):
            SignInDatabase(each).close()  # makes or upgrades the tables
        accounts = new_engine(sign_ins)
        stack.callback(accounts.dispose)
        parts = [history_tables(old), ImportedTables(accounts, _SIGN_INS)]
        copied = 0 if source == data else _copy_files(source, data)
        counts = import_tables(target, parts)
        new = stack.enter_context(closing(BlobStore(data, shared=True)))
        missing = sum(new.path(digest) is None for digest in used_files(target))
    listed = ", ".join(f"{name}: {count:,}" for name, count in counts.items() if count)
    return (
        f"Imported {listed or 'an empty history'}."
        + (f" Copied {copied:,} files to {data}." if source != data else "")
        + (f" {missing:,} files of results are missing." if missing else "")
    )


def _copy_files(source: Path, data: Path) -> int:
    """Copy files that the new folder doesn't have, and return their number. Raises ComfyError."""
    found = [path for name in _FOLDERS for path in (source / name).rglob("*")]
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    single = [source / name for name in _SINGLE if (source / name).exists()]
    copied = 0
    try:
        for path in (*single, *files):
            target = data / path.relative_to(source)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                part = target.with_name(f"{target.name}.part")
                shutil.copy2(path, part)
                part.replace(target)
                copied += 1
            elif path in single and target.read_bytes() != path.read_bytes():
                raise ComfyError(
                    f"{target} differs from {path}.", "Choose an empty folder with --data."
                )
    except OSError as error:
        raise ComfyError(f"The files couldn't be copied: {words_of(error)}.") from error
    return copied
