"""Nodes that load, change, save and show images.

Resizing with the real scale nodes' method names.
"""

from __future__ import annotations

import io
import json
import random
import string
from collections.abc import Callable, Sequence

from PIL import Image, ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo

from comfyui_standin.anything.paintings import picture
from comfyui_standin.nodes import files
from comfyui_standin.nodes.base import (
    Images,
    Inputs,
    NodeResult,
    NodeRun,
    node,
)
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.painter.canvas import spot
from comfyui_standin.storage import Folder

_FILTERS = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_MOST_BATCHED = 50


def resize(image: Image.Image, width: int, height: int, method: str) -> Image.Image:
    return image.resize((max(1, width), max(1, height)), _FILTERS[method])


def fitted(image: Image.Image, most: int) -> Image.Image:
    """Return the image, scaled down if it has more pixels than `most`."""
    less = (most / max(1, image.width * image.height)) ** 0.5
    return (
        image.resize((max(1, int(image.width * less)), max(1, int(image.height * less))))
        if less < 1
        else image
    )


def each(images: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
    """Return the changed images. A moving view shows the changed image."""
    if isinstance(images, Pan):
        return images.each(change)
    return tuple(change(image) for image in images)


def painted_mask(name: str) -> bytes:
    """Return a PNG file of what a file name describes, with a mask of its middle as its alpha."""
    image, data = picture(name).copy(), io.BytesIO()
    image.putalpha(ImageOps.invert(spot(image.size)))
    image.save(data, "PNG")
    return data.getvalue()


def crop_to_ratio(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the center of an image, cropped to the ratio of width and height."""
    scale = min(image.width / width, image.height / height)
    kept = round(width * scale), round(height * scale)
    left, top = (image.width - kept[0]) // 2, (image.height - kept[1]) // 2
    return image.crop((left, top, left + kept[0], top + kept[1]))


def _load_image(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Load an image (all frames if animated) and a mask of its transparent areas."""
    images: list[Image.Image] = []
    masks: list[Image.Image] = []
    with Image.open(io.BytesIO(files.read(run.storage, inputs["image"]))) as opened:
        for frame in ImageSequence.Iterator(opened):
            upright = ImageOps.exif_transpose(frame)
            if images and upright.size != images[0].size:
                continue
            images.append(upright.convert("RGB"))
            images[-1].info["name"] = inputs["image"]
            if "A" in upright.getbands() or "transparency" in upright.info:
                masks.append(ImageOps.invert(upright.convert("RGBA").getchannel("A")))
            else:
                masks.append(Image.new("L", upright.size, 0))
    if run.storage.paints and run.storage.find(inputs["image"]) is None:
        masks = [spot(images[0].size)]
    return NodeResult((tuple(images), tuple(masks)))


def _load_mask(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return one channel of an uploaded image as a mask."""
    images, masks = _load_image(run, inputs).outputs
    if inputs["channel"] == "alpha":
        return NodeResult((masks,))
    band = inputs["channel"][0].upper()
    return NodeResult((tuple(image.getchannel(band) for image in images),))


def scale(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Resize the images. A side of 0 is computed from the other side."""
    width, height = inputs["width"], inputs["height"]

    def scaled(image: Image.Image) -> Image.Image:
        if width == 0 and height == 0:
            return image
        wide = width or max(1, round(image.width * height / image.height))
        high = height or max(1, round(image.height * width / image.width))
        cut = crop_to_ratio(image, wide, high) if inputs["crop"] == "center" else image
        return resize(cut, wide, high, inputs["upscale_method"])

    return NodeResult((each(inputs["image"], scaled),))


def scale_by(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Scale the images' sides by `scale_by`."""
    factor, method = inputs["scale_by"], inputs["upscale_method"]

    def scaled(image: Image.Image) -> Image.Image:
        return resize(image, round(image.width * factor), round(image.height * factor), method)

    return NodeResult((each(inputs["image"], scaled),))


def invert(run: NodeRun, inputs: Inputs) -> NodeResult:
    return NodeResult((each(inputs["image"], ImageOps.invert),))


def batch(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Concatenate both batches. The second one is resized to fit the first."""
    return _one_after_the_other([inputs["image1"], inputs["image2"]])


def _batch_many(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Concatenate all batches. The others are resized to fit the first."""
    names = (f"images.image{number}" for number in range(_MOST_BATCHED))
    return _one_after_the_other([inputs[name] for name in names if name in inputs])


def _one_after_the_other(batches: Sequence[Images]) -> NodeResult:
    moving = next((images for images in batches if isinstance(images, Pan)), None)
    if moving is not None:  # its frames are too many to be kept one by one
        return NodeResult((moving,))
    first, *others = batches
    width, height = first[0].size
    fitted = (
        resize(crop_to_ratio(one, width, height), width, height, "bilinear")
        for images in others
        for one in images
    )
    return NodeResult(((*first, *fitted),))


def save(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write the images to the output folder and show them."""
    return _write(run, inputs["images"], "output", inputs["filename_prefix"], compress_level=4)


def _preview_image(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write the images to the temp folder and show them."""
    return NodeResult((inputs["images"],), {"images": show(run, inputs["images"], "ComfyUI")})


def show(run: NodeRun, images: Images, prefix: str) -> list[dict[str, str]]:
    """Write images to the temp folder. Return their names as the server lists them."""
    letters = "".join(random.Random(_run_seed(run)).choices(string.ascii_lowercase, k=5))
    written = _write(run, images, "temp", f"{prefix}_temp_{letters}", compress_level=1)
    return list((written.ui or {})["images"])


def _run_seed(run: NodeRun) -> str:
    """Return the same seed for the same prompt. Temporary names don't need to be secret here."""
    return json.dumps(run.metadata.get("prompt"), sort_keys=True)


def _write(
    run: NodeRun, images: Images, folder: Folder, prefix: str, *, compress_level: int
) -> NodeResult:
    directory, subfolder, name, number = run.storage.next_name(folder, prefix, images[0].size)
    info, files = png_texts(run), []
    for offset, image in enumerate(images):
        filename = f"{name.replace('%batch_num%', str(offset))}_{number + offset:05}_.png"
        png = io.BytesIO()
        image.save(png, "PNG", pnginfo=info, compress_level=compress_level)
        run.storage.write(directory / filename, png.getvalue(), is_result=True)
        files.append({"filename": filename, "subfolder": subfolder, "type": folder})
    return NodeResult((images,), {"images": files})


def png_texts(run: NodeRun) -> PngInfo:
    """Return the metadata that PNG files carry."""
    info = PngInfo()
    for key, value in run.metadata.items():
        info.add_text(key, json.dumps(value))
    return info


NODES = [
    files.loader("LoadImage", "image", "image", _load_image),
    files.loader("LoadImageMask", "image", "image", _load_mask),
    node("SaveImage", save),
    node("PreviewImage", _preview_image),
    node("ImageScale", scale),
    node("ImageScaleBy", scale_by),
    node("ImageInvert", invert),
    node("ImageBatch", batch),
    node("BatchImagesNode", _batch_many),
]
