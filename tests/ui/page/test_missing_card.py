"""One card for everything that a server lacks."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.missing_items import MissingChoice, MissingClass
from ui.page.form.missing_card import missing_card, why_not

NODE = MissingClass("Sharpen+", ("1", "2"), ("Crisp",), "Sharpen", "sharp-pack")
CORE = MissingClass("Newest", ("3",), (), "", "comfy-core")
PAID = MissingClass("KlingVideoNode", ("4",), (), "", "", has_paid_nodes=False)
OTHER_PAID = MissingClass("KlingVideoNode", ("4",), (), "", "comfy-core", has_paid_nodes=True)
REASON = "The ComfyUI server was started with --disable-api-nodes or is too old."
CHOICES = (
    MissingChoice("4.a", "Model", "sd\\One.safetensors", "two.safetensors", "checkpoints", "http://x/1"),
    MissingChoice("5.a", "Sampler", "swift", "euler"),
    MissingChoice("6.a", "Model 2", "one.safetensors", "two.safetensors"),
)  # fmt: skip


def test_each_file_is_listed_once() -> None:
    """The card lists each file with everything that needs it, its folder and a URL to copy."""
    card = missing_card(CHOICES, demo=False)
    assert card.count("One.safetensors") == 2  # in the list and in its copy
    assert "models/checkpoints · Model, Model 2 · " in card
    assert 'data-copy="http://x/1"' in card
    used = MissingClass("N", tuple("12345"), tuple("abcde"), "", "")
    assert "used 5 times, “a”, “b”, +3</span>" in missing_card((used,), demo=False)
    assert "Missing: 1 model, 1 setting. Choose others below." in card
    folded = missing_card(CHOICES, demo=False, folded=("4.a", "5.a", "6.a"))
    assert "Missing: 1 model, 1 setting. Choose others under Advanced." in folded
    assert (
        "Missing model: One.safetensors (models/checkpoints) http://x/1\nMissing setting: swift"
        in card
    )


def test_missing_nodes_and_empty_choices_block_a_run() -> None:
    """If a node is missing or a choice has no options, nothing runs. On the stand-in, the card
    explains that it is a demo server."""
    empty = MissingChoice("4.a", "Model", "one.safetensors", None)
    assert why_not(()) == why_not(CHOICES) == ""
    assert why_not((*CHOICES, empty))
    assert why_not((NODE,)) == "This workflow can't run here. Missing: 1 node."
    blocked = why_not((*CHOICES, NODE, CORE))
    assert blocked == "This workflow can't run here. Missing: 2 nodes, 1 model, 1 setting."
    assert "demo server" in missing_card((NODE,), demo=True)
    assert "demo server" not in missing_card((NODE,), demo=False) + missing_card(CHOICES, demo=True)
    assert "comfy-core" not in missing_card((CORE,), demo=False) + CORE.sentence


def test_paid_nodes_are_called_paid() -> None:
    """The card and the reason at Generate count them separately. If the server offers no paid
    nodes, the card says how to get them. On the stand-in it doesn't."""
    card = missing_card((PAID, NODE), demo=False)
    assert why_not((PAID, NODE)) == (
        "This workflow can't run here. Missing: 1 paid API node, 1 node."
    )
    assert "<strong>Missing paid API node:</strong> <code>KlingVideoNode</code>" in card
    assert f"<p>{REASON} Start it without this option, or update it.</p>" in card
    assert REASON not in missing_card((PAID,), demo=True)
    other = missing_card((OTHER_PAID, CORE), demo=False)
    assert other.count("part of another ComfyUI version") == 4  # in each line, and to copy
    assert REASON not in other


def test_nodes_of_a_bare_server_may_be_switched_off() -> None:
    """A node that ships with ComfyUI may be a new paid node, even if it isn't known as paid."""
    card = missing_card((replace(CORE, has_paid_nodes=False),), demo=False)
    assert "part of ComfyUI" in card
    assert "another" not in card
    assert REASON in card


def test_names_are_text() -> None:
    """The card escapes markup in names from a workflow file."""
    hostile = "<img src=x onerror=alert(1)>.safetensors\" data-copy='"
    one = MissingChoice("4.a", hostile, hostile, hostile, hostile, hostile)
    card = missing_card(
        (one, MissingClass(hostile, ("1",), (hostile,), hostile, hostile)), demo=True
    )
    assert "<img" not in card
    assert card.count('data-copy="') == card.count("<button")


def test_the_stand_in_suggests_no_similar_model() -> None:
    """The stand-in's few models exist only for demonstration, and the card suggests none of them.
    It suggests other choices as usual."""
    assert "Similar: “two" in missing_card(CHOICES, demo=False)
    assert "Similar: “two" not in missing_card(CHOICES, demo=True)
    assert "Similar: “euler" in missing_card(CHOICES, demo=True)
