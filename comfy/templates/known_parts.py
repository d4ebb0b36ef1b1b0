"""Sources of missing parts that a workflow doesn't name itself: node packs that the servers'
Managers know, and model files that ComfyUI's own templates name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        return tuple(self._completed(missing))

    def models(self, files: tuple[ModelFile, ...], seconds: float = 0.0) -> tuple[ModelFile, ...]:
        """Return the files with addresses from templates. If one has no address, judge templates
        for at most `seconds` to find it."""
        if all(one.url for one in files):
            return files
        known = self.gallery.known_models()
        if seconds and any(not one.url and one.key not in known for one in files):
            known = self.gallery.known_models(seconds)
        return tuple(completed(one, known) for one in files)

    def _completed(self, missing: Iterable[Missing]) -> Iterator[Missing]:
        for one in missing:
            match one:
                case MissingClass(class_type, pack="") if not one.is_built_in:
                    yield replace(one, pack=pack_at(self.packs.get().get(class_type, "")))
                case MissingChoice(url="") if one.is_model:
                    known = self.gallery.known_models().get(file_key(str(one.value)))
                    folder = one.directory or (known.folder if known else "")
                    yield replace(one, directory=folder, url=known.url if known else "")
                case _:
                    yield one
