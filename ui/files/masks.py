"""An image and its painted mask: two files on the page, one for ComfyUI.

ComfyUI's LoadImage uses `1 - alpha` as the mask (docs/comfyui.md#33). So the inverted mask becomes
the image's alpha, and the colors below stay. At most one image is in memory: each layer only
contributes its alpha to the mask.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

from comfy.base.messages import message
from comfy.media.checks import MILLION, FileLimits
from comfy.media.decoding import Undecodable, opened, with_eight_bits

_MOST_LAYERS = 4  # the page offers one
_OPAQUE = 255
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)  # orientations that swap width and height
# Maximum bytes in use at once, per pixel. An image needs its old and new pixels, and the mask
# before and after. A camera's 26 million pixels are accepted.
IMAGE_NEEDS = 12
_LAYER_NEEDS = 11  # its own pixel format, colors and alpha, the alpha alone, and the mask before
_SPLIT_NEEDS = 9
_SEEN_SIDE = 2048  # pixels, for an image shown beside another one


def put_together(image: Path, layers: Sequence[Path], limits: FileLimits, target: Path) -> None:
    """Write an image with its mask to `target`, as PNG. Raises Undecodable, and OSError if it can't
    be written."""
    if len(layers) > _MOST_LAYERS:
        raise Undecodable(f"A mask can have at most {_MOST_LAYERS} layers.")
    width, height = _size(image)
    sizes = [(width, height), *(_size(layer, layer=True) for layer in layers)]
    if sum(wide * high for wide, high in sizes) > limits.painted:
        most = limits.painted // MILLION
        raise Undecodable(
            message(
                "An image can have at most {most} million pixels. Make it smaller first.",
                most=f"{most:,}",
            )
        )
    mask = Image.new("L", (width, height))
    for layer in layers:
        mask = _with_layer(mask, layer)
    with opened(image, needs=IMAGE_NEEDS) as below:
        if _orientation(below) > 1:
            ImageOps.exif_transpose(below, in_place=True)
        whole = with_eight_bits(below)
        if whole.mode == "L":
            whole = whole.convert("RGB")
        whole.putalpha(ImageChops.invert(mask))
        del mask
        whole.save(target, "PNG", compress_level=1)


def taken_apart(image: Path) -> tuple[Path, Path] | None:
    """Split an image into its colors and its mask as a layer, as two PNG files beside it. Returns
    None if it has no mask.

    The mask that `put_together` put into the alpha becomes paint again. Raises Undecodable and
    OSError.
    """
    colours, paint = (image.with_name(f"{part}-{image.stem}.png") for part in ("colours", "paint"))
    with opened(image, needs=_SPLIT_NEEDS) as below:
        if below.mode != "RGBA":
            return None
        if not (colours.is_file() and paint.is_file()):
            mask = ImageChops.invert(below.getchannel("A"))
            below.putalpha(_OPAQUE)
            below.save(colours, "PNG", compress_level=1)
            below.close()
            Image.merge("LA", (Image.new("L", mask.size, "white"), mask)).save(
                paint, "PNG", compress_level=1
            )
    return colours, paint


def without_mask(image: Path) -> bytes:
    """Return the image below its paint, as a JPEG of at most 2048 x 2048 pixels. Raises
    Undecodable."""
    with opened(image, needs=_SPLIT_NEEDS) as below:
        colours = below.convert("RGB")
    colours.thumbnail((_SEEN_SIDE, _SEEN_SIDE))
    buffer = io.BytesIO()
    colours.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _size(path: Path, *, layer: bool = False) -> tuple[int, int]:
    with (
        opened(path, ("PNG",), needs=_LAYER_NEEDS)
        if layer
        else opened(path, needs=IMAGE_NEEDS) as image
    ):
        return (image.height, image.width) if _orientation(image) in _SIDEWAYS else image.size


def _orientation(image: Image.Image) -> int:
    """Return the camera orientation. PNG has none here, because Pillow would decode the file to
    find it."""
    return image.getexif().get(_EXIF_ORIENTATION, 1) if image.format != "PNG" else 1


def _with_layer(mask: Image.Image, path: Path) -> Image.Image:
    with opened(path, ("PNG",), needs=_LAYER_NEEDS) as layer:
        if not layer.has_transparency_data:  # painted all over
            return Image.new("L", mask.size, _OPAQUE)
        alpha = (layer if layer.mode in ("RGBA", "LA") else layer.convert("RGBA")).getchannel("A")
    return ImageChops.lighter(mask, alpha if alpha.size == mask.size else alpha.resize(mask.size))
