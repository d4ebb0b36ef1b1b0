"""Documents of models: missing ones with their downloads, and those that a field offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from comfy.downloads import ModelDownloads, ServerDownloads
from comfy.model_files.lists import ModelFiles
from comfy.requirements.model import ModelFile
from comfyforms.comfyui_node.downloads.hosts import license_page
from comfyforms.comfyui_node.downloads.queue import DownloadStatus


@dataclass(frozen=True, slots=True)
class ModelDownload:
    """Download of a model to the server with this number. `state`: waiting, running, checking,
    retrying, paused, failed or done. `speed`: bytes per second. `problem`: why it failed or is
    retried."""

    server: int
    id: str
    name: str
    folder: str
    url: str
    state: str
    received: int
    size: int | None
    speed: float
    problem: str


@dataclass(frozen=True, slots=True)
class MissingModelFile:
    """Model file that no server has. `size`: in bytes, null if unknown. `alike`: a file of the same
    folder and size that a server has, or empty. `license`: the page where
    its license can be accepted, or empty. `can_get`: administrators can download it here;
    `problem`: why not, or why the host refuses it, for administrators. `download`: null without
    one."""

    name: str
    folder: str
    url: str
    size: int | None
    alike: str
    license: str
    can_get: bool
    problem: str
    download: ModelDownload | None


@dataclass(frozen=True, slots=True)
class DownloadServer:
    """Server that can have downloads. `problem`: why it has none now, or empty."""

    number: int
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class MissingModels:
    """Missing models of a workflow. `may_get`: you are an administrator; `may_ask`: you can ask an
    administrator, and `asked`: you have. `servers`: those that can have downloads, for
    administrators only."""

    models: tuple[MissingModelFile, ...]
    may_get: bool
    may_ask: bool
    asked: bool
    servers: tuple[DownloadServer, ...]


def _model_download(server: int, status: DownloadStatus) -> ModelDownload:
    return ModelDownload(
        server,
        status.id,
        status.name,
        status.folder,
        status.url,
        status.state,
        status.received,
        status.size,
        status.speed,
        status.problem,
    )


def all_downloads(
    lists: Iterable[ServerDownloads], numbers: Mapping[str, int]
) -> tuple[ModelDownload, ...]:
    """Return the documents of all servers' downloads. `numbers`: of the servers by address."""
    return tuple(
        _model_download(numbers[at.server.url], one) for at in lists for one in at.downloads
    )


def missing_model_file(
    file: ModelFile,
    downloads: ModelDownloads,
    started: ModelDownload | None,
    files: ModelFiles,
    *,
    reasons: bool,
) -> MissingModelFile:
    """Return the document of a missing file. `files`: of the servers; `reasons`: with the problems,
    for administrators. Waits for the servers."""
    why_not = downloads.why_not(file)
    size = file.size or downloads.size_of(file.url) or (started.size if started else None)
    return MissingModelFile(
        name=file.name,
        folder=file.folder,
        url=file.url,
        size=size or None,
        alike=files.of_size(file.folder, size or 0),
        license=license_page(file.url),
        can_get=not why_not,
        problem=(why_not or downloads.host_problem(file.url)) if reasons else "",
        download=started,
    )


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One choice of a field. `label`: its name for users. `folder`: the part of the value before
    the file's name, "" without one. `size`: bytes; `modified`: seconds since 1970; both 0 if
    unknown. `is_file`: a ComfyUI server lists it as a model file, so it may have an image and
    details. `base_model`: as far as it is known, or empty; `fits`: it can work with the form's
    model. `made`: the path of your newest result with it, a thumbnail, or empty."""

    value: str
    label: str
    folder: str
    size: int
    modified: float
    is_file: bool
    base_model: str
    fits: bool
    made: str


@dataclass(frozen=True, slots=True)
class ModelListDoc:
    """The choices of a field. `folder`: where ComfyUI keeps these models, below its models folder;
    "" if they aren't model files of one folder. `base_model`: of the form's model, or empty.
    `preview`, `details`: paths to which `&value=` and a choice are added."""

    folder: str
    base_model: str
    models: tuple[ListedModel, ...]
    preview: str
    details: str


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The base model in the header of a choice's file: see `ListedModel`."""

    value: str
    base_model: str
    fits: bool


@dataclass(frozen=True, slots=True)
class BaseModelsDoc:
    """The base models of some choices of a field. `next`: the `cursor` of the next ones, null after
    the last."""

    models: tuple[BaseModel, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ModelDetailsDoc:
    """Metadata in the header of a model file: untrusted text. Each part is empty if unknown.
    `trigger_words`: words for the prompt; `tags`: the most frequent words in the captions that the
    model was trained with."""

    title: str
    author: str
    base_model: str
    description: str
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...]
