"""Latent nodes: create, repeat, scale, mask, encode and decode."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image, ImageChops, ImageFilter

from comfyui_standin.nodes.base import (
    Images,
    Inputs,
    Latent,
    Masks,
    NodeResult,
    NodeRun,
    node,
)
from comfyui_standin.nodes.image import crop_to_ratio, resize
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.sampling import cover


def _empty_latent(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Create an empty latent with sides that are multiples of 8 pixels."""
    width, height = inputs["width"] // 8 * 8, inputs["height"] // 8 * 8
    return NodeResult((Latent(width, height, (None,) * inputs["batch_size"]),))


def _repeat_latent(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Repeat the latents `amount` times."""
    latent: Latent = inputs["samples"]
    return NodeResult((replace(latent, images=latent.images * inputs["amount"]),))


def _upscale_latent(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Resize the latents. A side of 0 is computed from the other side."""
    latent: Latent = inputs["samples"]
    width, height = inputs["width"], inputs["height"]
    if width == 0 and height == 0:
        return NodeResult((latent,))
    # A side of 0 is computed from the other side. The real node's minimum is 64 pixels.
    width = max(64, width or round(latent.width * height / latent.height))
    height = max(64, height or round(latent.height * width / latent.width))
    return NodeResult(
        (
            _scaled(
                latent, width // 8 * 8, height // 8 * 8, inputs["upscale_method"], inputs["crop"]
            ),
        )
    )


def _upscale_latent_by(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Scale the latents' sides by `scale_by`."""
    latent: Latent = inputs["samples"]
    width = max(8, round(latent.width / 8 * inputs["scale_by"]) * 8)
    height = max(8, round(latent.height / 8 * inputs["scale_by"]) * 8)
    return NodeResult((_scaled(latent, width, height, inputs["upscale_method"], "disabled"),))


def _scaled(latent: Latent, width: int, height: int, method: str, crop: str) -> Latent:
    def scale(image: Image.Image | None) -> Image.Image | None:
        if image is None:
            return None
        if crop == "center":
            image = crop_to_ratio(image, width, height)
        return resize(image, width, height, method)

    mask = latent.mask.resize((width, height)) if latent.mask is not None else None
    images = tuple(scale(one) for one in latent.images)
    return replace(latent, width=width, height=height, images=images, mask=mask)


def _decode_latent(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Decode the latents to images, gray where nothing was sampled."""
    run.wait(run.speed.encode)
    return NodeResult((decoded(inputs["samples"]),))


def decoded(latent: Latent) -> Images:
    """Return the images of a latent, with the noise that is left in them."""
    blank = Image.new("RGB", (latent.width, latent.height), (123, 117, 104))
    images = tuple(
        cover(image or blank, latent.leftover, number) if latent.leftover else image or blank
        for number, image in enumerate(latent.images)
    )
    return Pan(images[0], latent.frames, latent.last) if latent.frames > 1 else images


def encode(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Encode images as latents, cropped to multiples of 8 pixels."""
    run.wait(run.speed.encode)
    return NodeResult((encoded(inputs["pixels"]),))


def encoded(pixels: Images) -> Latent:
    """Return images as a latent."""
    if isinstance(pixels, Pan):
        return replace(encoded((pixels.image,)), frames=len(pixels), last=pixels.last)
    images = tuple(_to_grid(image) for image in pixels)
    return Latent(*images[0].size, images)


def _encode_for_inpaint(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Encode like `encode`, but clear the masked area first; sampling repaints it."""
    run.wait(run.speed.encode)
    latent = encoded(inputs["pixels"])
    width, height = latent.width, latent.height
    mask = _grown(inputs["mask"][0].resize((width, height)), inputs["grow_mask_by"])
    grey = Image.new("RGB", (width, height), (128, 128, 128))
    emptied = tuple(Image.composite(grey, image or grey, mask) for image in latent.images)
    return NodeResult((replace(latent, images=emptied, mask=mask),))


def _set_mask(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return the latents with a mask. Sampling repaints the masked area."""
    latent: Latent = inputs["samples"]
    masks: Masks = inputs["mask"]
    mask = masks[0].resize((latent.width, latent.height))
    return NodeResult((replace(latent, mask=mask),))


def _to_grid(image: Image.Image) -> Image.Image:
    """Crop to multiples of 8 pixels around the center, as an encoder does."""
    width, height = max(8, image.width // 8 * 8), max(8, image.height // 8 * 8)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _grown(mask: Image.Image, pixels: int) -> Image.Image:
    if pixels == 0:
        return mask
    return ImageChops.lighter(mask, mask.filter(ImageFilter.MaxFilter(2 * pixels + 1)))


NODES = [
    node("EmptyLatentImage", _empty_latent),
    node("RepeatLatentBatch", _repeat_latent),
    node("LatentUpscale", _upscale_latent),
    node("LatentUpscaleBy", _upscale_latent_by),
    node("VAEDecode", _decode_latent),
    node("VAEEncode", encode),
    node("VAEEncodeForInpaint", _encode_for_inpaint),
    node("SetLatentNoiseMask", _set_mask),
]
