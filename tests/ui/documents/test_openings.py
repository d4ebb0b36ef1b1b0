"""Beginnings of prompts in captions."""

from __future__ import annotations

import pytest

from comfy.records.record import Job
from ui.documents.openings import opening
from ui.documents.run_doc import first_words

SCENE = "a woman walks along the beach, her coat in the wind, seen from far away"


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        (
            "For the target video, <Picture 1> (from [Shot 1]) is fully referenced.\n"
            f"multimodal_description: [Shot 1] {SCENE}",
            SCENE,
        ),
        (f"[Segment 1]\nStyle: {SCENE}\nAction: [0s-1.5s] She turns.", SCENE),
        (f"Global Metadata: {SCENE}\n\nVocal Details: soft", SCENE),
        (f"sh1nka1 style. \n[CAMERA MOVEMENT] – {SCENE}\n[LOOK] – blue", f"sh1nka1 style. {SCENE}"),
        (f'"{SCENE}. He is "far" away."', f'{SCENE}. He is "far" away."'),
        (f"<lora:ink:0.8> {SCENE}", SCENE),
        ("[Verse]\nMorning light", "Morning light"),
    ],
)
def test_a_caption_begins_with_the_first_sentence(prompt: str, shown: str) -> None:
    """The headings and references before it are for the model."""
    assert opening(prompt).startswith(shown[:14])
    job = Job({}, "w", values={"2.text": prompt}, prompt_key="2.text")
    assert first_words(job, len(shown)) == shown


@pytest.mark.parametrize(
    "prompt",
    [
        SCENE,
        "",
        "Portrait: an old man by the window",
        "16:9 photo of a bridge",
        '"OPEN" on a neon sign over a door, rain, reflections in the street, late at night',
        "[cat|dog] on a sofa",
        "[blurry:0.5], a lake",
        "<image1> wears the hat of <image2>",
        "The woman of <image1> sits at the table of <image2>.\nKeep the light: warm.",
        "score_9, score_8_up, 1girl, solo",
        "(masterpiece:1.2), a castle",
        "A red fox in snow\nwatercolor, soft: light",
        "A desert, anamorphic.\nSHOT ONE: wide.\nSHOT TWO: close.",
        "[Shot 1]",
        "{a|b} kite",
    ],
)
def test_other_prompts_stay_whole(prompt: str) -> None:
    """Choices, weights, references and words in quotes are part of the prompt."""
    assert opening(prompt) == prompt
