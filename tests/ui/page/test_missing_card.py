"""What a server lacks, on one card."""

from __future__ import annotations

from comfy.form.missing_items import MissingChoice, MissingClass
from ui.page.form.missing_card import missing_card, why_not

NODE = MissingClass("Sharpen+", ("1", "2"), ("Crisp",), "Sharpen", "sharp-pack")
CORE = MissingClass("Newest", ("3",), (), "", "comfy-core")
CHOICES = (
    MissingChoice("4.a", "Model", "sd\\One.safetensors", "two.safetensors", "checkpoints", "http://x/1"),
    MissingChoice("5.a", "Sampler", "swift", "euler"),
    MissingChoice("6.a", "Model 2", "one.safetensors", "two.safetensors"),
)  # fmt: skip


def test_each_file_is_listed_once() -> None:
    """With everything that needs it, its folder and an address to copy."""
    card = missing_card(CHOICES, demo=False)
    assert card.count("Missing model:") == 1
    assert "models/checkpoints · Model, Model 2 · " in card
    assert 'data-copy="http://x/1"' in card
    assert "Missing: 1 model, 1 setting. Choose others below." in card
    assert "Model: One.safetensors (models/checkpoints) http://x/1\nSetting: swift" in card


def test_what_cannot_be_chosen_blocks() -> None:
    """Without a node, or with nothing to choose from, nothing runs; the stand-in says what it is
    for."""
    empty = MissingChoice("4.a", "Model", "one.safetensors", None)
    assert why_not(()) == why_not(CHOICES) == ""
    assert why_not((*CHOICES, empty))
    assert why_not((NODE,)) == "This workflow can't run here. Missing: 1 node."
    blocked = why_not((*CHOICES, NODE, CORE))
    assert blocked == "This workflow can't run here. Missing: 2 nodes, 1 model, 1 setting."
    assert "demo server" in missing_card((NODE,), demo=True)
    assert "demo server" not in missing_card((NODE,), demo=False) + missing_card(CHOICES, demo=True)
    assert "comfy-core" not in missing_card((CORE,), demo=False) + CORE.sentence


def test_names_are_text() -> None:
    """What a file calls things is no mark-up."""
    hostile = "<img src=x onerror=alert(1)>.safetensors\" data-copy='"
    one = MissingChoice("4.a", hostile, hostile, hostile, hostile, hostile)
    card = missing_card(
        (one, MissingClass(hostile, ("1",), (hostile,), hostile, hostile)), demo=True
    )
    assert "<img" not in card
    assert card.count('data-copy="') == card.count("<button")


def test_the_stand_in_has_no_similar_model() -> None:
    """What is offered in the place of a model is none of the stand-in's few, which are all there to
    show something; other choices are as anywhere."""
    assert "Similar: “two" in missing_card(CHOICES, demo=False)
    assert "Similar: “two" not in missing_card(CHOICES, demo=True)
    assert "Similar: “euler" in missing_card(CHOICES, demo=True)
