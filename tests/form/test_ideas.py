"""Ideas of forms whose authors set none."""

from __future__ import annotations

from comfy.form.model import Form
from comfy.workflow.config import FormConfig
from tests.support.samples.forms import form_of, node, text_to_image

AUTHORS = "a quiet harbor at night"


def test_a_text_for_the_prompt_leads_to_its_result() -> None:
    """The author's own text comes first, then texts that fit what the workflow makes."""
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    form = form_of(text_to_image(n6=encode))
    assert form.ideas[0].values == {"6.text": AUTHORS}
    assert len(form.ideas) == 4
    assert all(one.values == {"6.text": str(one.label)} for one in form.ideas[1:])


def _edit(title: str) -> Form:
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    image = node("LoadImage", image="boat.png")
    latent = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    return form_of(text_to_image(n6=encode, n10=image, n5=latent), FormConfig(title=title))


def test_a_workflow_for_a_special_task_has_only_the_authors_text() -> None:
    """Texts for any image would lead away from what its title promises."""
    assert len(_edit("Edit an image").ideas) == 4
    assert [one.values for one in _edit("Object swap").ideas] == [{"6.text": AUTHORS}]
