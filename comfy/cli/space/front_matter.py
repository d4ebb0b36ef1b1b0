"""Front matter of a Space's README.md: the settings that Hugging Face reads.

https://huggingface.co/docs/hub/spaces-config-reference
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import yaml
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from comfy.base.errors import WorkflowError, words_of
from comfy.base.files import is_beside
from comfy.base.json_values import as_mapping
from comfy.base.wording import one_line
from comfy.requirements.model import ModelFile

SHORTEST_PYTHON = Version("3.11")
_MOST_DESCRIPTION = 60  # characters
_FENCED = re.compile(r"---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_MODEL_URL = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)/resolve/")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|&!])")


GRADIO: Mapping[str, Any] = MappingProxyType(
    {
        "sdk": "gradio",
        "sdk_version": metadata.version("gradio"),
        # The pinned packages are installed with this version here.
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "app_file": "app.py",
    }
)


def readme_of(
    settings: Mapping[str, Any],
    description: str,
    cover: str,
    forms: Sequence[tuple[str, str]],
    runtime: Mapping[str, Any],
    note: str,
) -> str:
    """Return README.md. `settings`: title, license and models; `cover`: the path of an image, or
    ""; `forms`: titles and descriptions; `runtime`: the settings of Gradio or Docker; `note`: a
    paragraph, or ""."""
    head = {
        **settings,
        "short_description": _short(description, [title for title, _ in forms]),
        "emoji": "🎨",
        "colorFrom": "indigo",
        "colorTo": "pink",
        **runtime,
        "tags": ["comfyui", "comfyforms"],
        "pinned": False,
    }
    dumped = yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=1000)
    image = f"![Example result]({quote(cover)})" if cover else ""
    lines = (
        f"- **{_plain(title)}**{f': {_plain(about)}' if about else ''}" for title, about in forms
    )
    parts = (f"# {_plain(settings['title'])}", image, note, "\n".join(lines))
    return f"---\n{dumped}---\n\n" + "\n\n".join(filter(None, parts)) + "\n"


def _short(description: str, titles: Sequence[str]) -> str:
    """Return a description of the workflows that fits on the Space's card: the given one, or as
    many titles as fit."""
    texts = [description]
    for count in range(len(titles), 0, -1):
        more = len(titles) - count
        texts.append(", ".join(titles[:count]) + (f" and {more} more" if more else ""))
    fitting = (text for text in map(one_line, texts) if 0 < len(text) <= _MOST_DESCRIPTION)
    return next(fitting, "ComfyUI workflows as web forms")


def _plain(text: str) -> str:
    """Return a text as Markdown that shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def read_front_matter(readme: Path) -> Mapping[str, Any]:
    """Return the front matter of a README. Raises WorkflowError."""
    try:
        found = _FENCED.match(readme.read_text(encoding="utf-8-sig"))
        return as_mapping(yaml.safe_load(found[1])) if found else {}
    except OSError as error:
        raise WorkflowError(f"{readme.name} can't be read: {words_of(error)}.") from error
    except UnicodeDecodeError as error:
        raise WorkflowError(f"{readme.name} isn't UTF-8 text.") from error
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it isn't YAML"
        raise WorkflowError(
            f"{readme.name}: the lines between --- are wrong: {problem}."
        ) from error


def front_matter_problems(
    head: Mapping[str, Any], folder: Path, gradio: Requirement | None
) -> Iterator[str]:
    """Yield a sentence for each setting that the app can't use; the upload checks the others.
    `gradio`: its line in requirements.txt."""
    if head.get("sdk") != "gradio":
        yield "README.md: sdk must be gradio, or docker for a Space with ComfyUI."
    app_file = str(head.get("app_file", "app.py"))
    if not is_beside(app_file) or not (folder / app_file).is_file():
        yield f"README.md: app_file must name a file of the Space, such as app.py, not {app_file}."
    python, sdk = _version(head.get("python_version")), _version(head.get("sdk_version"))
    if python is None or python < SHORTEST_PYTHON:
        yield f'README.md: python_version must be "{SHORTEST_PYTHON}" or newer, in quotes.'
    if sdk is None:
        yield "README.md: sdk_version is missing."
    elif gradio and not gradio.specifier.contains(sdk):
        yield (
            f"README.md has sdk_version {sdk}, but requirements.txt has {gradio}."
            " Use the same version."
        )


def _version(value: object) -> Version | None:
    try:
        return Version(value) if isinstance(value, str) else None
    except InvalidVersion:
        return None


def repositories_of(models: Iterable[ModelFile]) -> tuple[str, ...]:
    """Return the repositories at Hugging Face that these models come from."""
    found = (_MODEL_URL.match(model.url) for model in models)
    return tuple(dict.fromkeys(one[1] for one in found if one))
