"""Write a Space: the app, the workflows, and the files that Hugging Face reads.

A Space can't install the app from a file of its own: Hugging Face installs requirements.txt before
it copies the Space's files. The app isn't on PyPI either. So the Space has the app's packages in
the folder `comfyforms`, as an unpacked wheel has them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from comfy.base.errors import WorkflowError, words_of
from comfy.base.version import app_version
from comfy.base.wording import one_line, title_words
from comfy.chains.folder import SUFFIX as CHAIN
from comfy.chains.folder import ChainFolder, read_chain
from comfy.cli.space import docker
from comfy.cli.space.front_matter import GRADIO, readme_of, repositories_of
from comfy.library.folder import FolderEntry, WorkflowFolder, files_below
from comfy.requirements.lock import Lock, lock_text
from comfy.requirements.model import ModelFile
from comfy.requirements.read import models_of
from comfy.workflow.config import image_beside
from comfy.workflow.cover import images_of
from comfy.workflow.model import read_workflow

_ROOT = Path(__file__).parents[3]  # a checkout, or the package in a wheel or a Space
PACKAGE = "comfyforms"
# A wheel's package has them, too.
PARTS = ("comfy", "comfyui_standin", "ui", "app.py", "LICENSE", "requirements.txt")
WORKFLOWS = "workflows"
SERVER = "COMFYFORMS_SERVER"
_LEFT_OUT = {"__pycache__", "tests", "secret.txt"}  # the last is the custom node's
_DEMO = "This Space is a demo: a stand-in server paints its results, and no model runs."
_IGNORED = "__pycache__/\n.venv/\ndata/\n"
_APP = '''"""Show the workflows in this folder as web forms. `comfyforms space` made this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from comfyforms.__main__ import main

HERE = Path(__file__).parent
os.environ.setdefault("COMFYFORMS_WORKFLOWS", str(HERE / "workflows"))
if "SPACE_ID" not in os.environ:  # tried on another machine
    os.environ.setdefault("COMFYFORMS_DATA", str(HERE / "data"))

if __name__ == "__main__":
{start}
'''
_START = "    sys.exit(main())"
_START_WITH_SERVER = f'''    if not os.environ.get("{SERVER}"):
        sys.exit("Set the secret {SERVER} to the address of ComfyUI, in the Space's settings.")
{_START}'''


def collect(sources: Sequence[Path]) -> Mapping[str, Path]:
    """Return the files to publish, by their paths in the Space's workflow folder. `sources`:
    workflows, chains, and folders of them. Raises WorkflowError."""
    found: dict[str, Path] = {}
    for source in sources:
        for target, file in _files_of(source):
            if not target.isprintable():
                raise WorkflowError(f"{target!r} can't be the name of a file.", "Rename it.")
            if not found.setdefault(target, file).samefile(file):
                raise WorkflowError(f"Two files are called {target}.", "Rename one of them.")
    return found


def _files_of(source: Path) -> Iterator[tuple[str, Path]]:
    if source.is_dir():
        # A link may lead to a file that isn't meant to be published.
        files = (file for file in files_below(source) if not file.is_symlink())
        yield from ((file.relative_to(source).as_posix(), file) for file in files)
    elif source.name.endswith(CHAIN):
        chain = read_chain(source)
        named = (chain.cover, *(value for step in chain.steps for value in step.values.values()))
        images = [source.with_name(name) for name in map(image_beside, named) if name]
        yield from ((file.name, file) for file in (source, *_unlinked(images)))
        folder = WorkflowFolder(source.parent)
        for step in chain.steps:
            path = folder.get(step.workflow.removesuffix(".json")).path
            assert path is not None
            below = path.parent.relative_to(source.parent)
            yield from (((below / file.name).as_posix(), file) for file in _with_settings(path))
    else:
        yield from ((file.name, file) for file in _with_settings(source))


def _with_settings(workflow: Path) -> Iterator[Path]:
    """Yield a workflow's file, its TOML file and its images. Raises WorkflowError if the file has
    no workflow."""
    config = read_workflow(workflow).config
    yield workflow
    yield from _unlinked([workflow.with_suffix(".toml"), *images_of(workflow, config)])


def _unlinked(files: Sequence[Path]) -> Iterator[Path]:
    yield from (file for file in files if file.is_file() and not file.is_symlink())


def write_space(
    out: Path,
    files: Mapping[str, Path],
    *,
    title: str,
    license_id: str,
    has_server: bool = False,
    lock: Lock | None = None,
) -> str:
    """Write a Space with these workflow files to a new folder. Return its title. `lock`: for a
    Docker Space with a ComfyUI. Raises WorkflowError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WorkflowError(f"{out} exists and isn't empty.", "Name a new folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".comfyforms-") as temporary:
            made = Path(temporary, "space")
            _copy_app(made / PACKAGE)
            for name, file in files.items():
                target = made / WORKFLOWS / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            is_demo = not (has_server or lock)
            written = _write_texts(
                made, out.resolve().name, title, license_id, lock, is_demo=is_demo
            )
            start = _START_WITH_SERVER if has_server else _START
            app = docker.APP if lock else _APP.format(start=start)
            (made / "app.py").write_text(app, encoding="utf-8")
            if out.exists():
                out.rmdir()
            os.replace(made, out)
    except OSError as error:
        raise WorkflowError(f"{out} can't be written: {words_of(error)}.") from error
    return written


def _copy_app(target: Path) -> None:
    package = _ROOT / PACKAGE if (_ROOT / PACKAGE).is_dir() else _ROOT

    def left_out(folder: str, names: list[str]) -> set[str]:
        shipped = {WORKFLOWS} if Path(folder) == package else set()
        return {one for one in names if one in _LEFT_OUT or one.startswith(".")} | shipped

    shutil.copytree(package, target, ignore=left_out)
    for part in (_ROOT / name for name in PARTS if not (target / name).exists()):
        if part.is_dir():
            shutil.copytree(part, target / part.name, ignore=left_out)
        else:
            shutil.copy2(part, target)


def _write_texts(
    made: Path, name: str, title: str, license_id: str, lock: Lock | None, *, is_demo: bool
) -> str:
    """Write everything beside the app and the workflows. `name`: the folder's. Return the title."""
    entries = (
        *WorkflowFolder(made / WORKFLOWS).entries(),
        *ChainFolder(made / WORKFLOWS).entries(),
    )
    shown = [one for one in entries if not one.problem]
    first = shown[0] if len(shown) == 1 else FolderEntry("", title_words(name))
    title = one_line(title or first.title)
    models = lock.models if lock else () if is_demo else linked_models(made)
    settings = {
        "title": title,
        "license": one_line(license_id),
        "models": list(repositories_of(models)),
    }
    version = app_version()
    needed = requirements_in(made / PACKAGE / "requirements.txt")
    cover = next((one.cover.relative_to(made).as_posix() for one in shown if one.cover), "")
    forms = [(one.title, one.description) for one in shown]
    runtime, note = docker.SETTINGS if lock else GRADIO, _DEMO if is_demo else ""
    files = {
        "README.md": readme_of(settings, first.description, cover, forms, runtime, note),
        "requirements.txt": "".join(f"{_pinned(one)}\n" for one in needed),
        ".gitignore": _IGNORED,
        # The version of the app, as in a wheel.
        f"{PACKAGE}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n"
        ),
    }
    if lock:
        files |= {docker.DOCKERFILE: docker.dockerfile(lock), docker.LOCK: lock_text(lock)}
    for name, content in files.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(content, encoding="utf-8")
    return title


def linked_models(space: Path) -> tuple[ModelFile, ...]:
    """Return the model files that the Space's workflows link to."""
    folder = WorkflowFolder(space / WORKFLOWS)
    names = [one.name for one in folder.entries() if not one.problem]
    return tuple(model for name in names for model in models_of(folder.get(name).graph or {}))


def requirements_in(file: Path) -> tuple[Requirement, ...]:
    """Return the packages in a requirements file. Raises WorkflowError."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    try:
        return tuple(Requirement(line) for line in lines if line and not line.startswith("-"))
    except InvalidRequirement as error:
        raise WorkflowError(f"{file.name} has a wrong line: {error}.") from error


def _pinned(needed: Requirement) -> str:
    """Return the line that installs the version that runs here. Hugging Face installs Gradio with
    extras, which need other versions of some packages: their bounds stay."""
    extras = (one for one in map(Requirement, metadata.requires("gradio") or ()) if one.marker)
    if canonicalize_name(needed.name) in {canonicalize_name(one.name) for one in extras}:
        return str(needed)
    try:
        version = Version(metadata.version(needed.name)).public
    except metadata.PackageNotFoundError:
        return str(needed)
    return f"{needed.name}=={version}" if needed.specifier.contains(version) else str(needed)
