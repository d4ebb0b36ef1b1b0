"""Samplers, which develop an image from noise step by step.

Noise, and images emerging from it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image, ImageFilter

from comfyui_standin.nodes.base import (
    AudioLatent,
    Conditioning,
    Inputs,
    Latent,
    Model,
    NodeResult,
    NodeRun,
    node,
)
from comfyui_standin.painter.paint import Brief, paint
from comfyui_standin.painter.words import read

_PREVIEW_SIDE = 512
_GRAIN = 64
_NEW_SHAPES = 0.4  # the least denoise that changes shapes; less only sharpens
_GREY = (126, 120, 118)


def coloured(width: int, height: int, seed: int) -> Image.Image:
    """Return noise in soft colors, the same for the same seed."""
    raw = random.Random(seed).randbytes(_GRAIN * _GRAIN * 3)
    grains = Image.blend(
        Image.frombytes("RGB", (_GRAIN, _GRAIN), raw),
        Image.new("RGB", (_GRAIN, _GRAIN), _GREY),
        0.35,
    )
    return grains.resize((width, height), Image.Resampling.BILINEAR)


def cover(image: Image.Image, amount: float, seed: int) -> Image.Image:
    """Return the image with part of its noise left."""
    return Image.blend(image, coloured(*image.size, seed), amount)


def emerging(
    finished: Image.Image,
    progress: float,
    seed: int,
    source: Image.Image | None,
    mask: Image.Image | None,
    longest_side: int = _PREVIEW_SIDE,
) -> Image.Image:
    """Return the image that a sampler shows at this progress (0 … 1): large soft shapes first, then
    details. No side is longer than `longest_side` pixels.

    `source`, the source of an image-to-image run, shines through the noise. Nothing changes outside
    the mask.
    """
    scale = min(1.0, longest_side / max(finished.size))
    size = max(1, round(finished.width * scale)), max(1, round(finished.height * scale))
    if progress >= 1:
        return finished.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    detail = 6 + round((_GRAIN * 2 - 6) * progress**2)
    small = finished.resize(
        (detail, max(1, round(detail * size[1] / size[0]))), Image.Resampling.BOX, reducing_gap=1.5
    )
    canvas = small.resize((_GRAIN * 2, _GRAIN * 2), Image.Resampling.BICUBIC)
    start = coloured(_GRAIN * 2, _GRAIN * 2, seed)
    if source is not None:
        start = Image.blend(
            source.resize(start.size, Image.Resampling.BOX, reducing_gap=1.5), start, 0.5
        )
    shown = Image.blend(canvas, start, (1 - progress) ** 2).resize(size, Image.Resampling.BILINEAR)
    if source is None or mask is None:
        return shown
    return Image.composite(shown, source.resize(size), mask.resize(size))


@dataclass(frozen=True, slots=True)
class Plan:
    """One sampler call, in terms that both samplers share."""

    seed: int
    steps: int
    first: int
    last: int
    denoise: float
    leftover: bool
    add_noise: bool


def _ksampler(run: NodeRun, inputs: Inputs) -> NodeResult:
    steps = inputs["steps"]
    plan = Plan(inputs["seed"], steps, 0, steps, inputs["denoise"], leftover=False, add_noise=True)
    return NodeResult((sample(run, inputs, plan),))


def _ksampler_advanced(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Run part of the steps. The steps before `start_at_step` ran elsewhere, like with a denoise
    below 1."""
    steps = inputs["steps"]
    last = min(steps, inputs["end_at_step"])
    first = min(inputs["start_at_step"], last)
    leftover = inputs["return_with_leftover_noise"] == "enable"
    denoise = 1 - first / steps
    add_noise = inputs["add_noise"] == "enable"
    return NodeResult(
        (
            sample(
                run,
                inputs,
                Plan(inputs["noise_seed"], steps, first, last, denoise, leftover, add_noise),
            ),
        )
    )


def sample(run: NodeRun, inputs: Inputs, plan: Plan) -> Latent | AudioLatent:
    """Develop `latent_image` step by step, with previews."""
    latent: Latent | AudioLatent = inputs["latent_image"]
    if isinstance(latent, Latent) and latent.frames == 1 and latent.mask is None:
        latent = _masked(latent, inputs["positive"], inputs["model"])
        inputs = {**inputs, "latent_image": latent}
    total = plan.last - plan.first
    if plan.denoise == 0 or total <= 0:
        return latent
    if isinstance(latent, AudioLatent):
        heard = partial(_waveform, inputs["positive"].text, plan.seed)
        for step in range(1, total + 1):
            run.wait(run.speed.step)
            run.step(step, total, heard if run.storage.paints else None)
        return replace(latent, text=inputs["positive"].text, seed=plan.seed)
    finished = tuple(
        _finish(inputs, plan, latent, number, run.speed.painted)
        for number in range(len(latent.images))
    )
    shown = partial(_preview, finished[0], latent, plan, min(_PREVIEW_SIDE, run.speed.painted))
    for step in range(1, total + 1):
        run.wait(run.speed.step)
        run.step(step, total, _at(shown, (plan.first + step) / plan.steps))
    remaining = 1 - plan.last / plan.steps if plan.leftover else 0.0
    text = inputs["positive"].text
    return replace(latent, images=finished, leftover=remaining, text=text)


def _masked(latent: Latent, positive: Conditioning, model: Model) -> Latent:
    """Return a latent with the picture. The text or the model changes only an area of it."""
    image, mask = positive.image or model.guide, positive.mask or model.mask
    if image is None or mask is None:
        return latent
    width, height = (max(8, side // 8 * 8) for side in image.size)
    images = (image.resize((width, height)),) * len(latent.images)
    return replace(
        latent, width=width, height=height, images=images, mask=mask.resize((width, height))
    )


def _waveform(text: str, seed: int) -> Image.Image:
    """Return a picture of a sound in progress, for servers that show one."""
    image, rng = Image.new("RGB", (512, 160), (24, 26, 38)), random.Random(f"{seed} {text}")
    for left in range(6, 506, 6):
        half = round(70 * rng.random() ** 1.6 * (0.3 + 0.7 * abs((left / 40) % 2 - 1))) + 2
        image.paste((120, 190, 255), (left, 80 - half, left + 3, 80 + half))
    return image


def _at(shown: Callable[[float], Image.Image], progress: float) -> Callable[[], Image.Image]:
    return lambda: shown(progress)


def _preview(
    finished: Image.Image, latent: Latent, plan: Plan, side: int, progress: float
) -> Image.Image:
    source = latent.images[0] if plan.denoise < 1 or latent.mask is not None else None
    return emerging(finished, progress, plan.seed, source, latent.mask, side)


def _finish(inputs: Inputs, plan: Plan, latent: Latent, number: int, side: int) -> Image.Image:
    """Return the finished image at this index of the batch, painted with sides of at most `side`
    pixels."""
    source = latent.images[number]
    if source is not None and latent.leftover:  # another sampler has begun it
        return source
    brief = _brief(inputs, plan, latent, number)
    if source is not None and latent.frames > 1 and plan.denoise < 1 and latent.mask is None:
        brief = replace(brief, given=None, guide=source)  # a video keeps its shapes
    painted = paint(brief, side)
    if source is None:
        return painted
    if plan.denoise < _NEW_SHAPES:
        result = source.filter(ImageFilter.UnsharpMask(2, round(250 * plan.denoise), 0))
    else:  # 0.5 keeps about half of the image, and 1 nothing
        result = Image.blend(source, painted, min(1.0, plan.denoise))
    return Image.composite(result, source, latent.mask) if latent.mask is not None else result


def _brief(inputs: Inputs, plan: Plan, latent: Latent, number: int) -> Brief:
    model: Model = inputs["model"]
    positive: Conditioning = inputs["positive"]
    negative: Conditioning = inputs["negative"]
    source = latent.images[number]
    starts = latent.frames > 1 and latent.mask is None  # a video with its picture
    scene = read(positive.text, negative.text)
    fills = latent.mask is not None and not (scene.is_placed or scene.things)
    begun = source if plan.denoise < 1 or fills else None
    shown = positive.image or (source if starts else None)
    own = model.name.startswith("demo-")  # others may need few steps and little guidance
    return Brief(
        text=positive.text,
        negative=negative.text,
        seed=plan.seed if plan.add_noise else 0,
        number=number,
        width=latent.width,
        height=latent.height,
        steps=plan.steps if own else 20,
        cfg=inputs["cfg"] if own else 7.0,
        sampler=inputs["sampler_name"],
        scheduler=inputs["scheduler"],
        model=model.name,
        loras=model.loras + positive.clip.loras,
        given=begun or shown,
        kept=begun is None and shown is not None,
        moves=latent.frames > 1,
        guide=model.guide or positive.clip.guide,
        mask=latent.mask,
    )


NODES = [node("KSampler", _ksampler), node("KSamplerAdvanced", _ksampler_advanced)]
