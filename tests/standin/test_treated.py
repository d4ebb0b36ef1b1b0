"""Single imitated nodes that treat images, videos and formulas, without a server."""

from __future__ import annotations

import itertools
import json
import struct

import pytest
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageOps, ImageStat

from comfyui_standin.anything.arithmetic import computed
from comfyui_standin.anything.results import marked
from comfyui_standin.anything.shapes import drawing, solid
from comfyui_standin.anything.treated import speaking, together, treated
from comfyui_standin.anything.values import hints_of
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.video import mp4
from comfyui_standin.painter.canvas import subject
from comfyui_standin.painter.paint import Brief, paint


def test_a_moving_view_stores_its_image_once() -> None:
    """Each further frame is a few bits per macroblock."""
    image = Image.effect_noise((320, 192), 80).convert("RGB")

    long, short = (len(mp4(Pan(image, count), 16)) for count in (81, 1))

    assert long < short + 80 * 300
    assert Pan(image, 81)[40].size == (320, 192)


def test_a_view_fades_from_one_image_to_another() -> None:
    """It has their size, though its file holds both side by side."""
    first, last = (Image.new("RGB", (64, 32), color) for color in ("red", "blue"))
    view = Pan(first, 9, last)
    assert view[0].tobytes() == first.tobytes()
    assert view[8].tobytes() == last.tobytes()
    assert {view[4].getpixel((x, 9)) for x in range(64)} == {(127, 0, 127)}
    data, longer = mp4(view, 16), mp4(Pan(first, 209, last), 16)
    assert len(longer) - len(data) < 200 * 30, "each frame only mixes the stored ones"
    size = data.index(b"avc1", data.index(b"stsd")) + 28
    assert struct.unpack_from(">HH", data, size) == (64, 32)


def test_a_mouth_opens_and_closes() -> None:
    image = landscape()
    view = Pan(image, 100, speaking(image))
    changes = [ImageChops.difference(view[n], image).getbbox() is not None for n in range(100)]
    assert sum(one != other for one, other in itertools.pairwise(changes)) > 8


def test_the_mark_is_on_both_ends_of_a_view() -> None:
    """The last picture has other proportions than the video."""
    view = Pan(Image.new("RGB", (256, 384)), 9, Image.new("RGB", (512, 256)))
    for frame in (marked(view)[0], marked(view)[8]):
        assert frame.crop((128, 300, 256, 384)).getbbox()


def test_a_3d_model_is_a_body_of_the_subject() -> None:
    image = Image.new("RGB", (128, 128), "white")
    image.paste("red", (40, 30, 88, 98))
    image.paste("red", (60, 8, 68, 34))
    data = solid(image)
    size = int.from_bytes(data[12:16], "little")
    scene, content = json.loads(data[20 : 20 + size]), data[28 + size :]
    starts = [one["byteOffset"] for one in scene["bufferViews"]]
    count = scene["accessors"][0]["count"]
    places = struct.unpack_from(f"<{3 * count}f", content, starts[0])
    sides = struct.unpack_from(f"<{scene['accessors'][2]['count']}H", content, starts[2])

    shown = [places[3 * one : 3 * one + 3] for one in sides]

    assert max(abs(x) for x, _, _ in shown) < 0.55, "it has no background"
    assert max(y for _, y, _ in shown) > 0.7, "it has its narrow parts"
    assert max(z for _, _, z in shown) == -min(z for _, _, z in shown) > 0.1, "it has a back"


def test_a_drawing_has_the_pictures_size_and_few_flat_areas() -> None:
    head, _, areas = drawing(landscape().resize((480, 360))).decode().partition("</desc>")
    assert 'width="480" height="360"' in head
    assert 3 <= areas.count("<path") < 20
    assert 'stroke="#ff0000"' in areas


@pytest.mark.parametrize(
    ("name", "corner", "middle"),
    [
        ("RemoveBackground", "white", "red"),
        ("JoinImageWithAlpha", "white", "red"),
        ("RenderSplat", "white", "red"),
        ("OpenposePreprocessor", "black", None),
        ("ImageComposite", "gray", "red"),
    ],
)
def test_nodes_treat_the_subject(name: str, corner: str, middle: str | None) -> None:
    image = Image.new("RGB", (96, 96), "gray")
    image.paste("red", (32, 32, 64, 64))
    around = ImageOps.invert(subject(image))
    result = treated(name, (image,), {"alpha": (around,)} if "Alpha" in name else {})[0]
    assert result.getpixel((2, 2)) == ImageColor.getrgb(corner)
    assert middle is None or result.getpixel((48, 48)) == ImageColor.getrgb(middle)


def landscape() -> Image.Image:
    """Return a red thing before a horizon."""
    image = Image.new("RGB", (96, 96), "skyblue")
    image.paste("sienna", (0, 60, 96, 96))
    image.paste("red", (40, 30, 60, 80))
    return image


def test_the_subject_of_a_landscape_is_cut_out() -> None:
    (result,) = treated("RemoveBackground", (landscape(),), {})
    red, *rest = (result.getpixel(at) for at in ((50, 50), (20, 40), (20, 80), (80, 61)))
    assert red == (255, 0, 0)
    assert set(rest) == {(255, 255, 255)}


def test_a_cut_out_has_nothing_of_the_background() -> None:
    """Neither a beam of light before the sky, nor the corners between the beam and the tower. A
    foot at the lower edge is whole."""
    image = Image.linear_gradient("L").resize((960, 720)).point(lambda level: 120 + level // 3)
    image = ImageOps.colorize(image, "black", "skyblue")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 520, 960, 720), "navy")
    pen.polygon([(500, 130), (960, 60), (960, 180)], "lightyellow")
    pen.polygon([(60, 720), (320, 480), (640, 480), (900, 720)], "dimgray")
    pen.rectangle((430, 90, 520, 480), "red")
    pen.rectangle((430, 200, 520, 280), "white")
    mask = subject(image)
    for at in ((475, 300), (475, 240), (90, 715), (870, 715), (435, 95)):
        assert mask.getpixel(at) == 255, at
    for at in ((700, 120), (540, 120), (530, 190), (100, 600), (860, 600), (3, 3)):
        assert mask.getpixel(at) == 0, at


def test_a_white_part_stays_in_a_picture_that_was_cut_out() -> None:
    image = landscape()
    image.paste("white", (40, 50, 60, 60))
    cut = treated("RemoveBackground", (image,), {})[0].resize((192, 192))
    assert subject(cut).getpixel((100, 110)) == 255
    assert subject(cut).getpixel((20, 110)) == 0


def test_a_cut_out_has_a_sharp_edge() -> None:
    levels = subject(landscape().resize((960, 960))).histogram()
    assert sum(levels[1:-1]) < 0.015 * 960 * 960


def test_only_the_subject_of_a_second_picture_is_added() -> None:
    shown = together([Image.new("RGB", (200, 200), "gray"), landscape()])
    colors = {color for _, color in shown.getcolors(200 * 200) or ()}
    assert {(255, 0, 0), (128, 128, 128)} <= colors
    assert not {ImageColor.getrgb(name) for name in ("skyblue", "sienna", "white")} & colors


@pytest.mark.parametrize(
    ("text", "thing", "corner"),
    [
        ("the lighting of image 2 on image 1", "blue", "blue"),
        ("Change the sofa in image 1 to the fur material in image 2", "blue", "skyblue"),
        ("Replace the man in image 1. Keep the colors, lighting and style.", "lime", "skyblue"),
    ],
)
def test_a_second_picture_gives_what_the_words_ask_for(text: str, thing: str, corner: str) -> None:
    """A picture gives its colors, its material, or its subject in place of the other one."""
    second = Image.new("RGB", (96, 96), "blue")
    if thing == "lime":
        second.paste(thing, (36, 36, 60, 60))
    shown = together([landscape(), second], text)
    seen = [shown.getpixel(at) for at in ((50, 70), (2, 2))]
    usual = [ImageColor.getrgb(thing), ImageColor.getrgb(corner)]
    for pixel, wanted in zip(seen, usual, strict=True):
        assert isinstance(pixel, tuple)
        assert pixel.index(max(pixel)) == wanted.index(max(wanted)), seen
    given = paint(Brief(text, width=96, height=96, given=shown, kept=True))
    assert given.tobytes() == shown.tobytes(), "the words name what is in it"


def test_detected_subjects_are_boxed() -> None:
    image = Image.new("RGB", (96, 96), "gray")
    image.paste("red", (32, 32, 64, 64))

    task = {"task": "more_detailed_caption"}
    found = treated("Florence2Run", (image,), {}, ["IMAGE", "JSON"])[0]
    described = treated("Florence2Run", (image,), task, ["IMAGE", "JSON"])[0]

    assert ImageChops.difference(found, image).getbbox()
    assert found.getpixel((48, 48)) == image.getpixel((48, 48))
    assert described == image


def test_a_resized_picture_keeps_its_proportions_if_the_node_says_so() -> None:
    image = Image.new("RGB", (96, 48))
    numbers = {"width": 64, "height": 64}

    for method, size in (("keep proportion", (64, 32)), ("stretch", (64, 64))):
        assert treated("ImageResize+", (image,), {**numbers, "method": method})[0].size == size


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("PaidEnhancer", {"model.upscale_factor": 3}),
        ("TopazImageEnhanceV2", {"output_width": 288, "output_height": 0}),
        ("SeedVR2VideoUpscaler", {"resolution": 144, "batch_size": 1}),
    ],
)
def test_an_upscaled_picture_is_larger(name: str, numbers: dict[str, int]) -> None:
    assert treated(name, (Image.new("RGB", (96, 48)),), numbers)[0].size == (288, 144)


def test_an_enhancer_without_a_size_doubles_it() -> None:
    numbers = {"output_width": 0, "output_height": 0}
    assert treated("TopazEnhance", (Image.new("RGB", (96, 48)),), numbers)[0].size == (192, 96)


def test_a_map_of_masks_shows_the_subject_in_white() -> None:
    image = Image.new("RGB", (96, 96), "gray")
    image.paste("red", (32, 32, 64, 64))
    (mask,) = treated("MoGeRender", (image,), {"output": "mask"})
    assert [mask.getpixel(at) for at in ((2, 2), (48, 48))] == [(0, 0, 0), (255, 255, 255)]


def test_a_picture_is_padded_to_the_wanted_size() -> None:
    sides = {"target_width": 64, "target_height": 64}
    assert treated("ResizeAndPadImage", (Image.new("RGB", (96, 48)),), sides)[0].size == (64, 64)


def test_padding_continues_the_edges_of_a_picture() -> None:
    image = ImageOps.colorize(Image.linear_gradient("L").resize((96, 48)), "skyblue", "navy")
    sides = {"left": 24, "top": 40, "right": 24, "bottom": 40}
    (wider,) = treated("ImagePadForOutpaint", (image,), sides)
    assert wider.crop((24, 40, 120, 88)).tobytes() == image.tobytes()
    for edge in (39, 87):
        above, below = (
            ImageStat.Stat(wider.crop((0, y, 144, y + 1))).mean for y in (edge, edge + 1)
        )
        assert max(abs(one - two) for one, two in zip(above, below, strict=True)) < 8


def test_one_picture_is_put_on_another() -> None:
    under, over = Image.new("RGB", (96, 96), "gray"), Image.new("RGB", (32, 32), "red")
    mask = Image.new("L", (32, 32), 255)
    mask.paste(0, (0, 0, 16, 32))
    inputs = {"background": (under,), "foreground": (over,), "foreground_mask": (mask,)}

    (shown,) = treated("ImageCombiner", inputs["background"], inputs)

    assert shown.getpixel((80, 48)) == (255, 0, 0)
    assert shown.getpixel((16, 48)) == under.getpixel((16, 48))


def test_pictures_that_are_edited_together_are_seen_together() -> None:
    first, second = Image.new("RGB", (96, 96), "gray"), Image.new("RGB", (96, 96), "gray")
    second.paste("red", (32, 32, 64, 64))

    shown = together([first, second])

    assert shown.crop((0, 0, 96, 48)).tobytes() == first.crop((0, 0, 96, 48)).tobytes()
    assert (255, 0, 0) in {color for _, color in shown.getcolors(96 * 96) or ()}


def test_a_zero_leaves_a_number_to_the_node() -> None:
    hints = hints_of({"width": 0, "height": 0, "seed": 0, "image": (Image.new("RGB", (640, 480)),)})

    assert (hints["width"], hints["height"], hints["seed"]) == (640, 480, 0)


def test_a_chosen_size_comes_before_the_numbers_for_another_one() -> None:
    hints = hints_of({"model.size": "(1K) 1024x768 (4:3)", "model.width": 2048, "height": 2048})

    assert (hints["width"], hints["height"]) == (1024, 768)


def test_videos_side_by_side_stay_a_video() -> None:
    moving = Pan(Image.new("RGB", (96, 64)), 9)
    joined = treated("ImageConcatMulti", moving, {"image_1": moving, "image_2": moving})

    assert (len(joined), joined[0].size) == (9, (192, 64))


@pytest.mark.parametrize("size", [(512, 512), (640, 352), (352, 640), (1280, 720), (128, 96)])
@pytest.mark.parametrize("moves", [False, True])
def test_the_mark_is_whole_in_every_frame(size: tuple[int, int], moves: bool) -> None:
    gray = Image.new("RGB", size, (90, 90, 90))
    shown = marked(Pan(gray, 24) if moves else (gray,))

    for image in shown:
        box = ImageChops.difference(image, gray).getbbox()
        assert box
        assert box[0] > 0 < box[1]
        assert box[2] < size[0]
        assert box[3] < size[1]


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("a * b - c", 75.0),
        ("24.0", 24.0),
        ("max(a, image.width) / 2", 320.0),
        ("2 ** 0.5 > 1", 1.0),
        ("9 ** 9 ** 9 ** 9", None),
        ("a.__class__", None),
        ("open('x')", None),
        ("euler", None),
    ],
)
def test_formulas_are_computed(formula: str, value: float | None) -> None:
    known = {"a": 25, "b": 7, "c": 100, "image.width": 640}

    assert computed(formula, known) == value
