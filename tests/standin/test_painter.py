"""The stand-in's images: every sampler value matters, and the same text gives the same image."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat

from comfy.base.messages import Message
from comfyui_standin.anything.paintings import painting
from comfyui_standin.nodes import sampling
from comfyui_standin.painter.canvas import Canvas
from comfyui_standin.painter.paint import Brief, paint, paint_into
from comfyui_standin.painter.words import _COLOURS, _HAIRS, read
from tools.messages import shipped_prompts
from ui.languages.catalogs import Languages

USUAL = Brief(
    text="a lighthouse at dusk",
    negative="blurry",
    seed=5,
    number=0,
    width=128,
    height=96,
    steps=20,
    cfg=7.0,
    sampler="euler",
    scheduler="normal",
    model="demo-landscapes.safetensors",
)
CHANGES: dict[str, dict[str, Any]] = {
    "text": {"text": "a castle at dawn"},
    "an unknown word": {"text": "a lighthouse at dusk, blorp"},
    "negative text": {"negative": "people"},
    "seed": {"seed": 6},
    "a seed of 64 bits": {"seed": 2**64 - 1},
    "place in the batch": {"number": 1},
    "steps": {"steps": 30},
    "cfg": {"cfg": 7.5},
    "sampler": {"sampler": "ddim"},
    "scheduler": {"scheduler": "karras"},
    "model": {"model": "demo-watercolour.safetensors"},
    "an unknown model": {"model": "somebody.safetensors"},
    "lora": {"loras": (("demo-evening-light.safetensors", 1.0),)},
}


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images of the same size, from 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def test_the_same_brief() -> None:
    """Equal briefs give equal bytes."""
    assert paint(USUAL).tobytes() == paint(USUAL).tobytes()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_sampler_parameter_changes_the_image(change: dict[str, Any]) -> None:
    """Each of the sampler's parameters changes the image."""
    assert difference(paint(USUAL), paint(replace(USUAL, **change))) > 0.05


@pytest.mark.parametrize("size", [(64, 64), (16, 200), (520, 8), (1100, 40)])
def test_sizes(size: tuple[int, int]) -> None:
    """The painter handles any size, including odd shapes and very large images."""
    assert paint(replace(USUAL, width=size[0], height=size[1])).size == size


def test_a_small_painting_is_enlarged() -> None:
    """The painter returns the image in the requested size with fewer details. Its preview is no
    larger than the painting."""
    fine, coarse = paint(USUAL), paint(USUAL, 32)
    assert coarse.size == fine.size
    small = coarse.resize((32, 24)).resize(coarse.size, Image.Resampling.BICUBIC)
    assert difference(coarse, small) < difference(fine, small)
    for progress in (0.5, 1.0):
        assert max(sampling.emerging(coarse, progress, 5, None, None, 32).size) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "!!! ???",
        "ein Leuchtturm am Meer",
        "灯台",
        ("sea city forest space mountains hills lake at night in winter, snowing, rain"),
        ("portrait of a cat in a castle with a boat, birds, house, tree and flowers"),
        "watercolour ink monochrome",
        "word " * 3000,
    ],
)
def test_any_text(text: str) -> None:
    """Every text gives an image with more than one color."""
    low, high = paint(replace(USUAL, text=text)).convert("L").getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    assert high - low > 20


def test_only_the_beginning_of_a_long_text_is_painted() -> None:
    """Reading a text takes time that grows with its length, and holds the other runs."""
    assert read("a " * 100 + "castle", "").things
    assert not read("a " * 10_000 + "castle", "").things


@pytest.mark.parametrize("text", ["sharp, finely detailed", "the same scene in watercolour"])
def test_a_given_image_keeps_its_content(text: str) -> None:
    """Without a word for a place, an image that is sampled again keeps its content. A place
    replaces it."""
    given = paint(replace(USUAL, text="a lake in the mountains"))
    kept = paint(replace(USUAL, text=text, given=given))
    other = paint(replace(USUAL, text=f"{text}, in a forest", given=given))
    assert 0 < difference(kept, given) < difference(other, given)


@pytest.mark.parametrize("text", ["a campfire", "a glass bowl full of lemons"])
def test_things_are_painted_on_a_given_image(text: str) -> None:
    """A thing without a place is added to the image."""
    given = paint(replace(USUAL, text="a lake in the mountains"))
    plain, added = (paint(replace(USUAL, text=one, given=given)) for one in ("finely", text))
    box = ImageChops.difference(plain, added).point(lambda level: 255 * (level > 90)).getbbox()
    assert box is not None
    assert box[2] - box[0] < 0.75 * USUAL.width


def subject(color: str, size: tuple[int, int] = (128, 96)) -> Image.Image:
    """Return an image with a disc in its middle."""
    image = Image.new("RGB", size, (40, 60, 90))
    ImageDraw.Draw(image).ellipse((44, 28, 84, 68), color)
    return image


def test_an_edit_puts_the_subject_into_another_place() -> None:
    given = subject("red")
    edited = paint(replace(USUAL, text="on a beach at noon", given=given, kept=True))
    middle, corner = (
        difference(edited.crop(box), given.crop(box)) for box in ((56, 40, 72, 56), (0, 0, 16, 16))
    )
    assert middle < 40 < 60 < corner


@pytest.mark.parametrize("text", ["a cat", "in green", "as a poster", "the same at night", "blorp"])
def test_an_edit_is_more_than_a_tint(text: str) -> None:
    """Any text adds something to the image or changes a part of it."""
    given = paint(replace(USUAL, text="a portrait"))
    change = ImageChops.difference(
        paint(replace(USUAL, text=text, given=given, kept=True)),
        paint(replace(USUAL, text="", given=given, kept=True)),
    )
    assert max(ImageStat.Stat(change).stddev) > 12


def test_an_edit_takes_away_the_background() -> None:
    given = subject("red")
    cut = paint(Brief("Remove the background", width=128, height=96, given=given, kept=True))
    middle, corner = cut.getpixel((64, 48)), cut.getpixel((2, 2))
    assert (middle, corner) == (given.getpixel((64, 48)), (255, 255, 255))


def test_an_edit_that_extends_an_image_does_not_change_its_colors() -> None:
    given, text = subject("red"), "Extend the scene to fill the padded white bars, outpainting"
    assert paint(Brief(text, width=128, height=96, given=given, kept=True)) == given


def test_a_camera_goes_around_the_subject() -> None:
    """It is larger at one side, at the other one for the other angle, and mirrored from behind."""
    given = subject("red")
    ImageDraw.Draw(given).rectangle((0, 60, 127, 95), "navy")
    left, right, behind = (
        paint(Brief(text, width=128, height=96, given=given, kept=True))
        for text in (
            "the camera is turned by 315 degrees",
            "Rotate the camera 45 degrees to the right",
            "将镜头旋转180度",
        )
    )
    assert difference(left, ImageOps.mirror(right)) < 8
    assert min(difference(one, given) for one in (left, right)) > 8
    assert difference(behind, ImageOps.mirror(given)) < 1


def test_a_swapped_subject_is_gone() -> None:
    given = subject("red")
    text = "Replace the ball with a blue cat"
    edited = paint(Brief(text, width=128, height=96, given=given, kept=True))
    red, _, blue = ImageStat.Stat(edited.crop((52, 32, 76, 66))).mean
    assert blue > red
    assert difference(edited.crop((88, 0, 128, 96)), given.crop((88, 0, 128, 96))) < 4


def test_a_described_person_is_not_added() -> None:
    given, long = subject("red"), ", the label, the light, the table, all as before, fine and clear"
    described, added = (
        paint(Brief(f"{text} woman{long}", width=128, height=96, given=given, kept=True))
        for text in ("a portrait of the", "Add a")
    )
    assert difference(*(one.crop((70, 40, 128, 96)) for one in (described, added))) > 12


def test_a_video_begins_with_its_image() -> None:
    brief = replace(
        USUAL, text="a cat at night, monochrome", given=subject("red"), kept=True, moves=True
    )
    assert paint(brief).tobytes() == subject("red").tobytes()


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_video_of_a_painted_file_shows_its_prompt(name: str) -> None:
    """The page uploads a painted file as any other one."""
    given = Image.open(io.BytesIO(painting(name))).convert("RGB")
    moving = Brief("a cat at night", width=768, height=512, given=given, kept=True, moves=True)
    assert difference(paint(moving), given) > 10


@pytest.mark.parametrize("fill", ["white", None], ids=["a picture", "a map of lines"])
def test_a_guide_steers_the_composition(fill: str | None) -> None:
    """Its shapes are bright in the scene that the words name."""
    shape = Image.new("L", (128, 96))
    ImageDraw.Draw(shape).ellipse((8, 20, 58, 70), fill, outline="white", width=3)
    guide = Image.new("RGB", shape.size, "dimgray" if fill else "black")
    guide.paste("white", mask=shape)
    brief = replace(USUAL, text="mountains at noon", guide=guide)
    steered, other = paint(brief), paint(replace(brief, guide=ImageOps.mirror(guide)))
    inside, outside = (ImageStat.Stat(one.convert("L"), shape).mean[0] for one in (steered, other))
    assert inside > outside + 30
    assert difference(steered, paint(replace(brief, text="a forest in autumn, dusk"))) > 30
    person = paint(replace(brief, text="mountains at noon, a woman"))
    corner = (70, 40, 128, 96)
    covered = difference(person.crop(corner), steered.crop(corner))
    assert covered < 17, "nothing covers its shapes"


@pytest.mark.parametrize("box", [(20, 10, 110, 60), (60, 50, 120, 120)], ids=["wide", "high"])
def test_a_mask_holds_the_whole_thing(box: tuple[int, int, int, int]) -> None:
    """A bowl of lemons is painted where the mask is, as large as fits, in any place."""
    blank = Image.new("RGB", (128, 128), (90, 60, 110))
    mask = Image.new("L", blank.size, 0)
    mask.paste(255, box)
    canvas = Canvas(blank.copy(), random.Random(3))
    paint_into(canvas, read("a glass bowl full of lemons, soft daylight", ""), mask)
    changed = ImageChops.difference(canvas.image, blank).convert("L")
    bowl = changed.point([255 * (one > 24) for one in range(256)]).getbbox()
    assert bowl is not None
    assert (bowl[0] >= box[0], bowl[1] >= box[1]) == (True, True)
    assert (bowl[2] <= box[2], bowl[3] <= box[3]) == (True, True)
    assert (
        max((bowl[2] - bowl[0]) / (box[2] - box[0]), (bowl[3] - bowl[1]) / (box[3] - box[1])) > 0.8
    )
    red, green, blue = ImageStat.Stat(canvas.image.crop(bowl)).mean
    assert min(red, green) > blue + 30, "it is yellow"


def test_a_thing_in_a_large_image_has_sharp_edges() -> None:
    canvas = Canvas(Image.new("RGB", (768, 768), "white"), random.Random(1))
    paint_into(canvas, read("a black bag", ""), Image.new("L", canvas.size, 255))
    gray = canvas.image.convert("L")
    steps = ImageChops.difference(gray, ImageChops.offset(gray, 1, 0)).crop((1, 0, 768, 768))
    assert steps.getextrema()[1] > 110


def test_a_thing_in_a_mask_is_on_the_given_image() -> None:
    """A word for a place or for the light changes nothing around the thing."""
    given = paint(replace(USUAL, text="a lake in the mountains at dusk"))
    mask = Image.new("L", given.size, 0)
    mask.paste(255, (0, 0, *given.size))
    brief = replace(USUAL, given=given, mask=mask)
    cat = paint(replace(brief, text="a cat on a hill at night"))
    forest = paint(replace(brief, text="a forest at night"))
    assert difference(cat, given) < 0.5 * difference(forest, given)


def test_a_desert_at_noon_is_sand_under_a_blue_sky() -> None:
    """The ground is sand-colored, without mountains, and the sky is blue."""
    assert read("a desert at noon", "").places == {"desert"}
    image = paint(replace(USUAL, text="a desert at noon"))
    for box, bluest in (((0, 0, 128, 20), True), ((0, 76, 128, 96), False)):
        red, _, blue = ImageStat.Stat(image.crop(box)).mean
        assert (blue > red + 20) == bluest
        assert (red > blue + 20) != bluest


@pytest.mark.parametrize(
    ("text", "light"),
    [
        ("a flock of birds in the sky at sunset", "sunset"),
        ("a blue boat at night", "night"),
        ("a small harbor town at first light", "dawn"),
        ("a desert at noon", "day"),
    ],
)
def test_words_choose_the_light(text: str, light: str) -> None:
    assert read(text, "").light == light


@pytest.mark.parametrize(
    ("text", "manners"),
    [
        ("a black and white photo of a cat", {"mono"}),
        ("a cat, monochrome", {"mono"}),
        ("a charcoal sketch of a cat as a poster", {"mono", "ink", "poster"}),
        ("a woman in a monochrome jacket with a black-and-white scarf", set()),
        ("a magazine poster cover in ivory, charcoal and gold", set()),
    ],
)
def test_a_manner_of_one_thing_is_not_the_pictures(text: str, manners: set[str]) -> None:
    assert read(text, "").manners == manners


@pytest.mark.parametrize(("text", "light"), [("the same at night", (0, 90)), ("in day", (90, 255))])
def test_light_changes_a_given_image(text: str, light: tuple[int, int]) -> None:
    given = paint(replace(USUAL, text="a lake at noon"))
    mean = ImageStat.Stat(paint(replace(USUAL, text=text, given=given)).convert("L")).mean[0]
    assert light[0] < mean < light[1]


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("a female with orange sunglasses and burnt orange tones", {"portrait"}),
        ("a race car driver", {"portrait", "car"}),
        ("her bottle of perfume, a leather handbag", {"portrait", "bottle", "bag"}),
        ("a dog on the sofa", {"beast", "sofa"}),
        ("a dragon over a robot", {"dragon", "robot"}),
        ("an airplane", {"plane"}),
        ("an orange on a table", {"fruit"}),
        ("oranges, lemons", {"fruit"}),
        ("in black and orange, a castle", {"castle"}),
        ("a paper airplane over the city", {"paperplane"}),
        ("a rose gold ring", set()),
        ("Remove the boat and the house", set()),
        ("Keep the woman. Replace the cat with a castle.", {"castle"}),
        ("万華鏡の中のファッションショー", {"portrait"}),
        ("森林里的猫和机器人", {"cat", "robot"}),
    ],
)
def test_words_choose_the_things(text: str, things: set[str]) -> None:
    """A color before a noun isn't a thing, and what an edit removes isn't painted."""
    assert read(text, "").things == things


@pytest.mark.parametrize("tag", sorted(Languages().all.keys() - {"en"}))
def test_the_apps_examples_show_the_same_in_each_language(tag: str) -> None:
    """The painter finds the same things and colors, and the same light for a scene with things or a
    place."""
    language = Languages().all[tag]
    for english in shipped_prompts():
        scene, other = read(english, ""), read(language.text(Message(english)), "")
        assert (other.things, other.accents) == (scene.things, scene.accents), english
        if scene.is_lit and (scene.is_placed or scene.things - {"rain"}):
            assert other.light == scene.light, english


def test_a_man_has_short_hair_and_no_blush() -> None:
    """Above the shoulders, the picture of a man is the narrower one."""
    widths, reds = [], []
    for text in ("a man", "a woman"):
        canvas = Canvas(Image.new("RGB", (256, 256), "blue"), random.Random(2))
        paint_into(canvas, read(text, ""), Image.new("L", canvas.size, 255))
        changed = ImageChops.difference(canvas.image, Image.new("RGB", canvas.size, "blue"))
        left, _, right, _ = changed.crop((0, 120, 256, 150)).getbbox() or (0, 0, 0, 0)
        widths.append(right - left)
        red, green, _ = ImageStat.Stat(canvas.image.crop((146, 107, 158, 117))).mean
        reds.append(red - green)
    assert widths[0] < 0.8 * widths[1]
    assert reds[0] < reds[1] - 10


def portrait(text: str, box: tuple[int, int, int, int]) -> tuple[float, float, float]:
    """Return the mean color of a part of a painted person."""
    canvas = Canvas(Image.new("RGB", (256, 256), "blue"), random.Random(2))
    paint_into(canvas, read(text, ""), Image.new("L", canvas.size, 255))
    red, green, blue = ImageStat.Stat(canvas.image.crop(box)).mean
    return red, green, blue


@pytest.mark.parametrize(
    ("text", "color", "others"),
    [
        ("a woman with long red hair in a black dress", "red", "black"),
        ("a woman, black hair pulled into a bun, red dress", "black", "red"),
        ("红色头发女人", "red", None),
        ("a 70-year-old woman in blue", "grey", "blue"),
    ],
)
def test_hair_has_the_color_of_its_word(text: str, color: str, others: str | None) -> None:
    scene = read(text, "")
    assert scene.hair == _HAIRS[color]
    assert scene.accents == ((_COLOURS[others],) if others else ())
    top = portrait(text, (124, 44, 132, 50))
    assert sum(abs(one - two) for one, two in zip(top, _HAIRS[color], strict=True)) < 140


def test_a_person_from_behind_has_no_face() -> None:
    face = (104, 80, 152, 100)
    front, behind = (portrait(f"a black-haired man {one}", face) for one in ("", "from behind"))
    assert sum(behind) < 0.6 * sum(front)


@pytest.mark.parametrize(
    ("text", "place", "light"),
    [
        ("a dance studio, golden beams, sunlit", "room", "day"),
        ("two guests in a tatami room at night", "room", "night"),
        ("a woman in a canyon, dark hair, at noon", "canyon", "day"),
        ("部屋の中の猫、夜", "room", "night"),
    ],
)
def test_a_place_is_painted_in_its_light(text: str, place: str, light: str) -> None:
    scene = read(text, "")
    assert (scene.places, scene.light) == ({place}, light)


def test_a_headline_is_written_at_the_top() -> None:
    plain, written = (f"a poster of a cat, the headline {one} on top" for one in ("", '"Hello"'))
    assert read(written, "").headline == "Hello"
    change = ImageChops.difference(*(paint(replace(USUAL, text=one)) for one in (plain, written)))
    assert ImageStat.Stat(change.crop((0, 0, 128, 20)).convert("L")).extrema[0][1] > 100


def test_a_character_sheet_shows_several_figures() -> None:
    for text, sides in (("a man", 0), ("a character sheet of a man in various poses", 2)):
        canvas = Canvas(Image.new("RGB", (384, 128), "blue"), random.Random(2))
        paint_into(canvas, read(text, ""), Image.new("L", canvas.size, 255))
        changed = ImageChops.difference(canvas.image, Image.new("RGB", canvas.size, "blue"))
        outer = (changed.crop((left, 0, left + 96, 128)) for left in (0, 288))
        assert sum(one.getbbox() is not None for one in outer) == sides, text


def test_negative_words_remove_things() -> None:
    """The painter omits the things that the negative text names."""
    assert read("a portrait", "deformed face").things == {"portrait"}
    assert "boat" in read("a boat on a lake", "").things
    assert "boat" not in read("a boat on a lake", "boats").things
    assert "sea" not in read("blorp", "sea, ocean").places


def test_previews_sharpen() -> None:
    """Each preview comes closer to the finished image, and the last preview matches it."""
    finished = paint(USUAL)
    distances = [
        difference(sampling.emerging(finished, step / 8, 5, None, None), finished)
        for step in range(1, 9)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == 0


def test_previews_do_not_change_the_unmasked_area() -> None:
    """An inpainting preview changes nothing outside the mask."""
    begun = Image.new("RGB", (128, 96), (10, 200, 30))
    mask = Image.new("L", (128, 96), 0)
    mask.paste(255, (64, 0, 128, 96))
    shown = sampling.emerging(paint(USUAL), 0.3, 5, begun, mask)
    assert shown.getpixel((10, 50)) == (10, 200, 30)
    assert shown.getpixel((100, 50)) != (10, 200, 30)
