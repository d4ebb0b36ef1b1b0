"""Ideas of forms whose authors set none."""

from __future__ import annotations

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.workflow.config import FormConfig
from tests.form.more_nodes import TEXT, more_nodes, spec
from tests.support.samples.forms import form_of, node, text_to_image, workflow_of

AUTHORS = "a quiet harbor at night"


def test_a_text_for_the_prompt_leads_to_its_result() -> None:
    """The author's own text comes first, then texts that change it."""
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    form = form_of(text_to_image(n6=encode))
    assert form.ideas[0].values == {"6.text": AUTHORS}
    assert len(form.ideas) == 4
    for one in form.ideas[1:]:
        more = str(one.label).removeprefix("… ")
        assert one.values == {"6.text": f"{AUTHORS}, {more}"}


def test_without_a_text_of_the_author_any_image_is_an_idea() -> None:
    encode = node("CLIPTextEncode", text=" ", clip=["4", 1])
    form = form_of(text_to_image(n6=encode))
    assert len(form.ideas) == 3
    assert all(one.values == {"6.text": str(one.label)} for one in form.ideas)


def _edit(title: str, files: int = 1) -> Form:
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    images = {f"n{10 + n}": node("LoadImage", image=f"boat{n}.png") for n in range(files)}
    both = node("ImageBatch", image1=["10", 0], image2=[f"{9 + files}", 0])
    latent = node("VAEEncode", pixels=["20", 0], vae=["4", 2])
    graph = text_to_image(n6=encode, n20=both, n5=latent, **images)
    return form_of(graph, FormConfig(title=title))


def test_a_workflow_for_a_special_task_has_only_the_authors_text() -> None:
    """Texts for any image would lead away from what its title promises."""
    assert len(_edit("Edit an image").ideas) == 4
    assert [one.values for one in _edit("Restoration").ideas] == [{"6.text": AUTHORS}]


def test_texts_for_two_images_name_both() -> None:
    texts = [str(one.label) for one in _edit("Object swap", files=2).ideas]
    assert texts[0] == AUTHORS
    assert texts[1:]
    assert all("image 2" in one or "both images" in one for one in texts[1:])


def test_speech_has_sentences_to_speak() -> None:
    """Texts about music would be read aloud."""
    aloud = spec({"text": TEXT}, "AUDIO")
    prompt = {
        "1": node("ChatterBoxTTS", text=AUTHORS),
        "2": node("SaveAudio", audio=["1", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), Catalog({**more_nodes().raw, "ChatterBoxTTS": aloud}))
    assert [str(one.label)[-1] for one in form.ideas[1:]] == [".", ".", "?"]


def test_a_videos_soundtrack_has_no_ideas_for_pictures() -> None:
    scored = {
        "1": node("LoadVideo", file="boat.mp4"),
        "2": node("AddMusic", video=["1", 0], text=AUTHORS),
        "3": node("SaveVideo", video=["2", 0], filename_prefix="x"),
    }
    classes = {
        "LoadVideo": spec({"file": [["boat.mp4"], {"video_upload": True}]}, "VIDEO"),
        "AddMusic": spec({"video": ["VIDEO"], "text": TEXT}, "VIDEO"),
        "SaveVideo": spec({"video": ["VIDEO"]}, output_node=True),
    }
    catalog = Catalog({**more_nodes().raw, **classes})
    for title, count in (("Soundtrack", 1), ("Repaint a video", 4)):
        workflow = workflow_of(scored, FormConfig(title=title))
        assert len(build_form(workflow, catalog).ideas) == count, title
