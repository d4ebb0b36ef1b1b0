"""Ideas of forms whose authors set none."""

from __future__ import annotations

from tests.support.samples.forms import form_of, node, text_to_image

AUTHORS = "a quiet harbor at night"


def test_a_text_for_the_prompt_leads_to_its_result() -> None:
    """The author's own text comes first, then texts that fit what the workflow makes."""
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    form = form_of(text_to_image(n6=encode))
    assert form.ideas[0].values == {"6.text": AUTHORS}
    assert len(form.ideas) == 4
    assert all(one.values == {"6.text": str(one.label)} for one in form.ideas[1:])


def test_an_edited_image_has_only_the_authors_text() -> None:
    """Other texts depend on the image, which the app doesn't know."""
    encode = node("CLIPTextEncode", text=AUTHORS, clip=["4", 1])
    image = node("LoadImage", image="boat.png")
    latent = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    form = form_of(text_to_image(n6=encode, n10=image, n5=latent))
    assert [one.values for one in form.ideas] == [{"6.text": AUTHORS}]
