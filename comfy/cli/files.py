"""Local files that the user names for a run.

Save files of the server in a local folder, under safe names.
"""

from __future__ import annotations

import itertools
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from filecmp import cmp
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.files import is_beside, media_type_of, natural_order, plain_name, safe_name
from comfy.base.wording import short
from comfy.batches.values import UnknownField, decoded_text, find_field, plain_path, read_cells
from comfy.cli.outcome import UsageError
from comfy.comfyui.client.view import ViewFile
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.model import Field, Form
from comfy.launch.uploads import Upload
from comfy.media.checks import kind_problem
from comfy.records.blobs import BlobStore
from comfy.records.record import Record

# Files that macOS and Windows add to folders.
_OF_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")
# Exceptions of `zipfile` for damaged, locked or unsupported files.
_NOT_UNPACKED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # NotImplementedError, too
)


def is_file(path: Path) -> bool:
    """Tell if a file exists; False for an impossible file name."""
    try:
        return path.is_file()
    except OSError:  # the name is too long
        return False


def read_text_file(path: Path) -> str:
    """Return the text of a file. Raises UsageError if it is unreadable."""
    try:
        return decoded_text(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise UsageError(
            f"{path} isn't text.", "Save it as plain text, or a table as CSV."
        ) from error


def _upload_of(path: Path) -> Upload:
    """Return the file for upload to the server. Raises UsageError if it is unreadable."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error
    return Upload(path.name, path)


def with_uploads(form: Form, values: Mapping[str, object], folder: Path) -> dict[str, object]:
    """Return values by field key, with the files of media fields uploaded to the server."""
    media = {field.key for field in form.fields if field.is_media}

    def value_of(key: str, value: object) -> object:
        file = folder / value if key in media and isinstance(value, str) else None
        return _upload_of(file) if file is not None and is_file(file) else value

    return {key: value_of(key, value) for key, value in values.items()}


def table_files(form: Form, table: Path, text: str) -> dict[str, Upload]:
    """Return the files beside or below a table that its cells name, by their plain paths."""
    media: dict[str, bool] = {}
    files: dict[str, Upload] = {}
    for row in read_cells(table.name, text):
        for column, cell in row.values.items():
            if column not in media:
                media[column] = _is_media(form, column)
            plain = plain_path(str(cell))
            if not media[column] or plain in files:
                continue
            named = (table.parent / name for name in (str(cell), plain) if is_beside(name))
            if file := next(filter(is_file, named), None):
                files[plain] = _upload_of(file)
    return files


def _is_media(form: Form, column: str) -> bool:
    try:
        return find_field(form, column).is_media
    except UnknownField:  # reported with the table's other problems
        return False


def other_kinds(field: Field, values: Iterable[object]) -> Iterator[str]:
    """Yield a sentence for each of these files that the field doesn't take, with the file's name
    and the reason."""
    for value in values:
        if isinstance(value, Upload):
            with value.opened() as file:
                if why := kind_problem(file, field.media):
                    yield f"“{short(value.name)}”: {why}"


def uploads_in(
    path: Path, field: Field, scratch: Path, results: Path
) -> tuple[list[Upload], list[str]]:
    """Return a file, or the files of a folder or ZIP and its subfolders in natural order, without
    hidden files and the `results` folder. ZIPs are unpacked into `scratch`. Also return the names
    of ignored files: links that leave the folder, and texts beside files that the field takes.

    Raises UsageError if it is unreadable or empty.
    """
    links: list[str] = []
    try:
        if path.is_dir():
            here = path.resolve()
            entries = [(one, one.resolve().is_relative_to(here)) for one in _below(path, results)]
            links = [one.name for one, is_inside in entries if not is_inside]
            inside = (one for one, is_inside in entries if is_inside)
            files = sorted(inside, key=lambda one: natural_order(one.as_posix()))
        elif zipfile.is_zipfile(path):
            files = list(_unpacked(path, scratch))
        else:
            files = [path]
    except OSError as error:
        raise _unreadable(path, error) from error
    except _NOT_UNPACKED as error:
        raise _not_unpacked(path, error) from error
    uploads = [_upload_of(one) for one in files]
    if not uploads:
        hint = (
            "Give the folder that its links point to." if links else "Choose another folder or ZIP."
        )
        raise UsageError(f"{path} has no files.", hint)
    judged = [(one, _is_meant(field, one)) for one in uploads]
    meant = [one for one, is_meant in judged if is_meant]
    left_out = [one.name for one, is_meant in judged if not is_meant]
    return (meant, [*links, *left_out]) if meant else (uploads, links)


def _below(folder: Path, results: Path) -> Iterator[Path]:
    """Yield the visible files in a folder and its subfolders, without the results folder."""
    for path in filter(lambda path: _is_shown(path.name), folder.iterdir()):
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and path.resolve() != results.resolve():
            yield from _below(path, results)


def _is_meant(field: Field, upload: Upload) -> bool:
    """Tell if a file fits this field by its content, or at least by its name."""
    called = media_type_of(upload.name).partition("/")[0]
    return called == field.media or not any(other_kinds(field, [upload]))


def _unpacked(path: Path, scratch: Path) -> Iterator[Path]:
    with zipfile.ZipFile(path) as archive:
        members = [
            one
            for one in archive.infolist()
            if not one.is_dir() and all(map(_is_shown, one.filename.split("/")))
        ]
        for member in sorted(members, key=lambda one: natural_order(one.filename)):
            target = Path(tempfile.mkdtemp(dir=scratch)) / plain_name(member.filename)
            with archive.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            yield target


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name not in _OF_SYSTEMS


def _unreadable(path: Path, error: OSError) -> UsageError:
    why = error.strerror or error
    return UsageError(f"{path} cannot be read: {why}.", "Check its name and permissions.")


def _not_unpacked(path: Path, error: Exception) -> UsageError:
    if isinstance(error, RuntimeError):
        why = "is encrypted or uses an unsupported compression method"
        return UsageError(f"{path} {why}.", "Unpack it and give the folder instead.")
    return UsageError(f"{path} is damaged.", "Download it or create it again.")


def check_folder(folder: Path) -> None:
    """Create the folder if it is missing. Raises ComfyError if it isn't writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _refused("Nothing can be saved", folder, error) from error


def save_file(view: ViewFile, file: OutputFile, folder: Path) -> Path:
    """Fetch one file into `folder` and return its path. Existing files aren't overwritten.

    Raises ComfyError if the file can't be fetched or written; no partial file stays behind.
    """
    with view(file) as answer:
        try:
            path = _reserve(folder, safe_name(file.name))
            try:
                with path.open("wb") as target:
                    target.writelines(answer.iter_bytes())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _refused(f"{file.name} cannot be saved", folder, error) from error
    return path


def save_copies(files: BlobStore, record: Record, folder: Path, prefix: str) -> list[Path]:
    """Copy a run's stored results into `folder` and return their paths. Existing files stay; a name
    is reused only for identical content. Raises ComfyError if writing fails."""
    saved = []
    for file in record.state.files:
        source = files.path(file.digest)
        if source is None:
            continue
        path = folder / f"{prefix}{safe_name(file.name)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = next(one for one in _numbered(path) if _is_free(one, source))
            if not path.exists():
                part = path.with_name(f"{path.name}.part")
                shutil.copyfile(source, part)
                part.replace(path)
        except OSError as error:
            raise _refused(f"{path.name} cannot be saved", folder, error) from error
        saved.append(path)
    return saved


def _refused(what: str, folder: Path, error: OSError) -> ComfyError:
    why = f"{what} in {folder}: {error.strerror or error}."
    return ComfyError(why, "Choose another folder with --out.")


def _is_free(path: Path, source: Path) -> bool:
    return not path.exists() or cmp(source, path, shallow=False)


def _reserve(folder: Path, name: str) -> Path:
    """Create an empty file with this name, or with the first free number after it, and return its
    path."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in _numbered(folder / name):
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")


def _numbered(path: Path) -> Iterator[Path]:
    """Yield the path itself, then numbered variants: "a.png", "a (1).png"."""
    yield path
    for number in itertools.count(1):
        yield path.with_name(f"{path.stem} ({number}){path.suffix}")
