"""Documents of the models that a field offers, for programs and for the page's picker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One choice of a field. `label`: its name for users. `folder`: the part of the value before
    the file's name, "" without one. `size`: bytes; `modified`: seconds since 1970; both 0 if
    unknown. `is_file`: a ComfyUI server lists it as a model file, so it may have an image and
    details."""

    value: str
    label: str
    folder: str
    size: int
    modified: float
    is_file: bool


@dataclass(frozen=True, slots=True)
class ModelListDoc:
    """The choices of a field. `folder`: where ComfyUI keeps these models, below its models folder;
    "" if they aren't model files of one folder. `preview`, `details`: paths to which `&value=` and
    a choice are added."""

    folder: str
    models: tuple[ListedModel, ...]
    preview: str
    details: str


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
