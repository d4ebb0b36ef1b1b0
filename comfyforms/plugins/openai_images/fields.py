"""Fields of a workflow's form that OpenAI's parameters set, and the masks that some take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from PIL import Image, ImageChops

from comfy.base.wording import short
from comfy.form.model import Field, Form, takes
from comfy.media.decoding import DecodingSlots, Undecodable, opened
from comfyforms.plugins.openai_images.parameters import ImageRequest, Refusal
from ui.api.named_workflows import argument_names, plain_word
from ui.page.form.arrangement import size_pairs
from ui.web.upload_folder import UploadFolder

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
# Values without an effect, unless the form has a field of this name. Empty: any value.
_WITHOUT_EFFECT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "size": ("auto",),
        "quality": ("auto", "standard", "low", "medium", "high", "hd"),
        "style": ("vivid",),
        **dict.fromkeys(("background", "moderation", "input_fidelity"), ()),
        **dict.fromkeys(("safety_identifier", "user"), ()),
    }
)
_NEEDS = 12  # bytes per pixel of a mask
_OPAQUE = "The mask has no transparent areas. They mark the part to edit."
# Values of fields, each with the parameter that it comes from, by field key.
FieldValues = dict[str, tuple[str, object]]


def _fitted(fields: Sequence[Field], size: Sequence[int]) -> Iterator[tuple[Field, int]]:
    """Yield each field with its side of the image. A size beyond the limits is scaled into them."""
    sides = [(item, max(1, side)) for item, side in zip(fields, size, strict=True)]
    least = max((item.min or 0) / side for item, side in sides)
    most = min((item.max or side) / side for item, side in sides)
    factor = min(max(1, least), most)
    for item, side in sides:
        step = int(item.step or 1) if factor != 1 else 1
        fitted = int(side * factor) // step * step
        yield item, int(max(fitted, item.min or 0)) if factor != 1 else side


@dataclass(frozen=True, slots=True)
class MaskUploads:
    """Converter of one user's uploaded masks, from the id of an upload to the id of another."""

    uploads: UploadFolder
    turns: DecodingSlots
    owner: str

    def converted(self, mask: str, mode: str) -> str:
        """Return a mask as paint ("LA"), or as an image ("RGBA") whose edited areas are white and
        transparent, for loaders of a color or of alpha (docs/comfyui.md#33). Blocks. Raises
        Refusal."""
        path = self.uploads.find(self.owner, mask)
        assert path is not None  # it was stored for this request
        target = self.uploads.make(self.owner, "mask.png")
        try:
            with self.turns.turn_of(self.owner), opened(path, needs=_NEEDS) as image:
                alpha = image.convert("RGBA").getchannel("A")
                edited = ImageChops.invert(alpha)
                bands = [edited, edited] if mode == "LA" else [edited, edited, edited, alpha]
                Image.merge(mode, bands).save(target, "PNG", compress_level=1)
        except Undecodable as problem:
            raise Refusal(str(problem), "mask") from problem
        if edited.getbbox() is None:
            raise Refusal(_OPAQUE, "mask")
        self.uploads.kept(target)
        return self.uploads.place(target)


@dataclass(frozen=True)
class ImageForm:
    """Form of a workflow. `name`: its name in OpenAI's API."""

    name: str
    workflow: str
    form: Form

    def serves(self, images: int, *, mask: bool) -> bool:
        """Return whether a request with this number of images fills the form, so that no field
        needs a choice."""
        files = sum(one.is_media for one in self._fields) - (self._mask is not None)
        takes_mask = self._mask is not None or any(one.is_painted for one in self._images)
        is_filled = images == len(self._images) == files and mask == takes_mask
        chosen = all(one.default_offered or one.is_media for one in self._fields)
        return self._prompt is not None and is_filled and chosen

    def values(
        self, request: ImageRequest, images: Sequence[str], mask: str, masks: MaskUploads
    ) -> FieldValues:
        """Return the values that a request sets. `images`, `mask`: ids of uploads. Blocks. Raises
        Refusal for a parameter that the workflow doesn't have."""
        filled: FieldValues = {}
        if self._prompt is not None:
            filled[self._prompt.key] = ("prompt", request.prompt)
            if not request.prompt.strip():
                raise Refusal("Enter a prompt.", "prompt", "missing_required_parameter")
        elif request.prompt.strip():
            raise self._lacks("prompt", "has no prompt. Leave it empty")
        for name, value in (request.model_extra or {}).items():
            self._put(name, value, filled)
        self._put_images(images, mask, masks, filled)
        return filled

    def params(self, filled: FieldValues) -> dict[str, str]:
        """Return the parameters that set fields, by field key."""
        sent = {key: param for key, (param, _) in filled.items()}
        return dict.fromkeys((one.key for one in self._images), "image") | sent

    def _put(self, name: str, value: object, filled: FieldValues) -> None:
        """Set the fields of one parameter: OpenAI's, a field's key, or its argument name."""
        match name:
            case "size" if self._size and (size := _SIZE.fullmatch(str(value))):
                for item, number in _fitted(self._size, [int(one) for one in size.groups()]):
                    filled[item.key] = (name, number)
            case "seed" if seeds := [one for one in self._fields if one.is_seed]:
                for item in seeds:
                    filled[item.key] = (name, value)
            case "negative_prompt" if self._negative:
                filled[self._negative.key] = (name, value)
            case _ if name in self._named:
                filled[self._named[name].key] = (name, value)
            case _ if name not in _WITHOUT_EFFECT:
                raise Refusal(f"Unknown parameter: “{short(name)}”.", name, "unknown_parameter")
            case _ if (usual := _WITHOUT_EFFECT[name]) and value not in usual:
                raise self._lacks(name, f"can't change the {name}. Leave it out, or use {usual[0]}")

    def _put_images(
        self, images: Sequence[str], mask: str, masks: MaskUploads, filled: FieldValues
    ) -> None:
        fields = self._images
        if len(images) > len(fields):
            raise self._lacks("image", f"takes {len(fields)} images")
        if mask and self._mask is None:  # the mask is for the first image
            fields = sorted(fields, key=lambda one: not one.is_painted)
            if not fields[0].is_painted:
                raise self._lacks("mask", "takes no mask")
        for item, upload in zip(fields, images, strict=False):
            filled[item.key] = ("image", {"file": upload})
        if mask and self._mask is not None:
            filled[self._mask.key] = ("mask", {"file": masks.converted(mask, "RGBA")})
        elif mask:
            painted = {"file": images[0], "mask": masks.converted(mask, "LA")}
            filled[fields[0].key] = ("image", painted)

    @cached_property
    def _fields(self) -> Sequence[Field]:
        return [one for one in self.form.fields if one.group != "hidden"]

    @cached_property
    def _prompt(self) -> Field | None:
        return next((one for one in self._fields if one.role == "prompt"), None)

    @cached_property
    def _negative(self) -> Field | None:
        return next((one for one in self._fields if one.role == "negative"), None)

    @cached_property
    def _images(self) -> Sequence[Field]:
        return [one for one in self._fields if takes(one, "image") and not self._is_mask(one)]

    @cached_property
    def _mask(self) -> Field | None:
        return next(
            (one for one in self._fields if takes(one, "image") and self._is_mask(one)), None
        )

    @cached_property
    def _named(self) -> Mapping[str, Field]:
        names = argument_names(self.form)
        return {one: item for item in self._fields for one in (names[item.key], item.key)}

    @cached_property
    def _size(self) -> tuple[Field, Field] | None:
        """Return width and height: of one node, otherwise the fields of these names."""
        if pairs := size_pairs(self._fields):
            return pairs[0]
        width, height = self._named.get("width"), self._named.get("height")
        return (width, height) if width and height else None

    def _is_mask(self, item: Field) -> bool:
        """Return whether a field takes a mask as an image of its own, by its node's outputs or its
        label."""
        node = self.form.prompt.get(item.node)
        spec = self.form.nodes.get(node["class_type"]) if node else None
        makes_masks = spec is not None and set(spec.output_types) == {"MASK"}
        return makes_masks or "mask" in plain_word(item.label).split("_")

    def _lacks(self, param: str, what: str) -> Refusal:
        return Refusal(f"The workflow “{self.name}” {what}.", param)
