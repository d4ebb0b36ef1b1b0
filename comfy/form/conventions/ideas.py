"""Examples for users to try: a text for the prompt, or values for several fields, including images
beside the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from comfy.base.messages import Message, message, sentences
from comfy.base.wording import did_you_mean, short, task_words
from comfy.form.candidates import Candidate
from comfy.form.check import check, labelled_errors
from comfy.form.describe import kind_of, task_of
from comfy.form.merge import SPEAKS
from comfy.form.model import Field, Form, Idea, main_prompt
from comfy.workflow.config import IDEA_COVER, IdeaConfig, image_beside

_EDITS = (
    message("the same place at night, stars, reflections on the water"),
    message("an oil painting, thick brush strokes, golden evening"),
    message("the same scene in deep winter, snow, pale blue light"),
)
# Texts that fit any workflow of a kind: its most important input and its result.
_STARTERS: Mapping[tuple[str, str], tuple[Message, ...]] = MappingProxyType(
    {
        ("text", "image"): (
            message("a red lighthouse on a cliff at dusk, calm sea, warm light"),
            message("a mountain lake at sunrise, mist between pine trees, soft colors"),
            message("a sailing boat under a starry sky, full moon, long exposure"),
        ),
        ("image", "image"): _EDITS,
        ("images", "image"): (
            message("put the object from image 2 into image 1"),
            message("give image 1 the colors and materials of image 2"),
            message("combine both images into one scene"),
        ),
        ("pose", "image"): (
            message("a dancer in a red dress on an empty stage"),
            message("a hiker in a yellow jacket on a mountain path"),
            message("an astronaut on the moon, black sky, hard light"),
        ),
        ("mask", "image"): (
            message("a sailing boat with white sails"),
            message("a flock of birds in the sky at sunset"),
            message("a field of red poppies at sunset"),
        ),
        ("text", "video"): (
            message("waves rolling onto a beach at sunset"),
            message("clouds drifting over a mountain range"),
            message("a campfire under the stars, drifting sparks"),
        ),
        ("image", "video"): (
            message("the camera moves slowly toward the subject"),
            message("a light wind moves through the scene"),
            message("the camera circles the subject, soft light"),
        ),
        ("video", "video"): _EDITS,
        ("text", "audio"): (
            message("an upbeat techno beat with a bright synth"),
            message("slow bells at night, dark and quiet"),
            message("an acoustic guitar by the sea, gentle waves"),
        ),
        ("speech", "audio"): (
            message("Welcome aboard. The weather is fine, and we leave in ten minutes."),
            message("Once upon a time, a small boat sailed out to find the edge of the sea."),
            message("Thank you for calling. How can I help you today?"),
        ),
        ("audio", "video"): (
            message("a person speaks calmly and looks at the camera"),
            message("a person sings with closed eyes, soft stage light"),
            message("a person talks with lively gestures, a slow zoom in"),
        ),
        ("image", "text"): (
            message("Describe this image in one sentence."),
            message("What stands out in this image?"),
            message("Write a caption for this image."),
        ),
        ("text", "3d"): (
            message("a wooden toy train, painted red"),
            message("a round teapot, white porcelain, blue flowers"),
            message("a small stone lighthouse on a rock"),
        ),
    }
)
# Texts that follow the author's own for an image or a video.
_VARIED = (
    message("… at night, under the stars"),
    message("… in deep winter, snow"),
    message("… as a watercolor painting"),
)
_SOUNDS = re.compile(r"music|sound|audio|sfx|foley|dubb", re.IGNORECASE)  # made for a video
_NO_IMAGE = "This must be the name of an image beside the workflow."


def find_ideas(
    form: Form, configs: tuple[IdeaConfig, ...], names: Mapping[str, Candidate]
) -> tuple[tuple[Idea, ...], tuple[str, ...]]:
    """Return the ideas that can be filled into this form, and messages about the others. `names`:
    the names that a TOML file may use for each input."""
    ideas: list[Idea] = []
    problems: list[str] = []
    for config in configs:
        given, cover = config, None
        if not isinstance(config, str):
            given = {name: value for name, value in config.items() if name != IDEA_COVER}
            cover = image_beside(config.get(IDEA_COVER))
        values, wrong = _values_of(form, given, names)
        problems += wrong
        if not wrong:
            media = (key for key in values if form.field(key).is_media)
            images = {key: str(values[key]) for key in media}
            values = {key: value for key, value in values.items() if key not in images}
            texts = (value for value in values.values() if isinstance(value, str))
            label = next(texts, ", ".join(map(str, (values or images).values())))
            ideas.append(Idea(label, values, images, cover or ""))
    return tuple(ideas or _texts_for_prompt(form)), tuple(problems)


def _texts_for_prompt(form: Form) -> Iterator[Idea]:
    """Yield the text that the author saved in the main prompt, so that users can return to it, and
    some that change it or fit the kind of workflow, unless its title names a special task."""
    prompt = main_prompt(form.fields)
    if prompt is None:
        return
    needed, made = _kind_of_texts(form)
    own = prompt.default.strip() if isinstance(prompt.default, str) else ""
    if own:
        yield Idea(short(prompt.default), {prompt.key: prompt.default})
    if own and needed == "text" and made in ("image", "video"):
        for text in _VARIED:
            yield Idea(text, {prompt.key: str(text).replace("…", f"{own.rstrip(' .,')},", 1)})
        return
    for text in _STARTERS.get((needed, made), ()):
        yield Idea(text, {prompt.key: str(text)})


def _kind_of_texts(form: Form) -> tuple[str, str]:
    """Return the most important input and the result that texts for the prompt fit, as in
    `_STARTERS`; "" if the title names a special task, such as a restoration."""
    needed, made = kind_of(form)
    files = [one for one in form.fields if one.group == "main" and one.is_media]
    shown = [one for one in files if one.role != "guide"]
    if made == "audio":
        classes = [node["class_type"] for node in form.prompt.values()]
        return "speech" if any(map(SPEAKS.search, classes)) else needed, made
    if made == "video" and any(one.media == "audio" for one in files):
        return "audio", made
    if not shown:
        return "pose" if files and "pose" in form.title.lower() else "text", made
    if made == "image" and len(shown) > 1 and needed == "image":
        return "images", made
    title = task_of(form) or form.title
    is_special = needed != "mask" and (task_words(title) or _SOUNDS.search(title))
    return "" if is_special else needed, made


def _values_of(
    form: Form, config: IdeaConfig, names: Mapping[str, Candidate]
) -> tuple[dict[str, object], list[str]]:
    shown = {field.key: field for field in form.fields if field.group != "hidden"}
    if isinstance(config, str):
        prompt = next((one.key for one in shown.values() if one.widget == "textarea"), None)
        if prompt is None:
            return {}, [
                f"The idea “{short(config)}” in the TOML file needs a text field in the form."
            ]
        values: dict[str, object] = {prompt: config}
    else:
        unknown = list(_unknown(config, names, shown))
        if unknown:
            return {}, unknown
        values = {names[name.lower()].key: value for name, value in config.items()}
    images = {key: name for key, name in values.items() if shown[key].is_media}
    clean, errors = check(form, {key: values[key] for key in values if key not in images})
    clean |= images
    errors |= {
        key: _NO_IMAGE
        for key, name in images.items()
        if shown[key].media != "image" or not image_beside(name)
    }
    messages = labelled_errors(form, errors)
    wrong: list[str] = [
        f"Ideas in the TOML file: {messages[key]}" for key in values if key in errors
    ]
    return {key: clean[key] for key in values if key in clean}, wrong


def _unknown(
    config: Mapping[str, object], names: Mapping[str, Candidate], shown: Mapping[str, Field]
) -> Iterator[str]:
    for name in config:
        candidate = names.get(name.lower())
        if candidate is None:
            yield sentences(
                (f"The ideas in the TOML file name “{name}”, which this workflow doesn't have."),
                did_you_mean(name, names),
            )
        elif candidate.key not in shown:
            yield f"The ideas in the TOML file name “{name}”, which isn't a visible field."
