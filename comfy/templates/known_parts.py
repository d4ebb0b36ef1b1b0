"""Sources of missing parts that a workflow doesn't name itself: node packs that the servers'
Managers know, and model files that ComfyUI's own templates name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from comfy.comfyui.servers.managers import KnownPacks
from comfy.form.missing_items import Missing, MissingChoice, MissingClass
from comfy.requirements.model import ModelFile, file_key
from comfy.requirements.read import completed, pack_at
from comfy.templates.gallery import TemplateGallery


@dataclass(frozen=True, slots=True)
class KnownParts:
    """Look-ups in what the servers know. Thread-safe."""

    packs: KnownPacks
    gallery: TemplateGallery

    def missing(self, missing: Iterable[Missing]) -> tuple[Missing, ...]:
        """Return the missing parts with packs, folders and addresses that are known so far."""
        items = tuple(missing)
        packs = self.packs.get() if any(map(_lacks_pack, items)) else {}
        files = self.gallery.known_models() if any(map(_lacks_address, items)) else {}
        return tuple(_completed(one, packs, files) for one in items)

    def models(self, files: tuple[ModelFile, ...], seconds: float = 0.0) -> tuple[ModelFile, ...]:
        """Return the files with addresses from templates. If one has no address, judge templates
        for at most `seconds` to find it."""
        if all(one.url for one in files):
            return files
        known = self.gallery.known_models()
        if seconds and any(not one.url and one.key not in known for one in files):
            known = self.gallery.known_models(seconds)
        return tuple(completed(one, known) for one in files)


def _lacks_pack(one: Missing) -> bool:
    return isinstance(one, MissingClass) and not one.pack and not one.is_built_in


def _lacks_address(one: Missing) -> bool:
    return isinstance(one, MissingChoice) and not one.url and one.is_model


def _completed(one: Missing, packs: Mapping[str, str], files: Mapping[str, ModelFile]) -> Missing:
    match one:
        case MissingClass(class_type) if _lacks_pack(one):
            return replace(one, pack=pack_at(packs.get(class_type, "")))
        case MissingChoice() if _lacks_address(one):
            known = files.get(file_key(str(one.value)))
            folder = one.directory or (known.folder if known else "")
            return replace(one, directory=folder, url=known.url if known else "")
        case _:
            return one
