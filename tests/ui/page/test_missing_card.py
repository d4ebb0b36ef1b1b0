"""One card for everything that a server lacks."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.missing_items import MissingChoice, MissingClass
from ui.page.form.heading import missing_card, why_not

NODE = MissingClass("Sharpen+", ("1", "2"), ("Crisp",), "Sharpen", "sharp-pack")
OTHER_NODE = MissingClass("Blur+", ("5",), (), "", "sharp-pack")
UNKNOWN = MissingClass("Smooth+", ("6",), (), "", "")
CORE = MissingClass("Newest", ("3",), (), "", "comfy-core")
PAID = MissingClass("KlingVideoNode", ("4",), (), "", "", has_paid_nodes=False)
OTHER_PAID = MissingClass("KlingVideoNode", ("4",), (), "", "comfy-core", has_paid_nodes=True)
REASON = "Paid nodes are off on this server, or it is too old."
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
    assert "used 5 times, “a”, “b”, +3 · " in missing_card((used,), demo=False)
    assert "Missing: 1 model, 1 setting. Choose others below." in card
    folded = missing_card(CHOICES, demo=False, folded=("4.a", "5.a", "6.a"))
    assert "Missing: 1 model, 1 setting. Choose others under Advanced." in folded
    assert (
        "Missing model: One.safetensors (models/checkpoints) http://x/1\nMissing setting: swift"
        in card
    )


def test_missing_models_say_the_next_step_once() -> None:
    """Administrators read where files belong, and to search for those without a link. Others
    read whom to ask. On the stand-in nothing can be installed."""
    linked = CHOICES[0]
    bare = replace(linked, key="7.a", value="other.safetensors", url="")
    put = "Put each file into its folder below models, then press “Reload models”."
    step = f'<li class="for-administrators" data-model>{put}</li>'
    assert step in missing_card((linked,), demo=False)
    both = missing_card((linked, bare), demo=False)
    assert f"Search the web for files without a link. {put}" in both
    assert both.count(put) == 1
    assert '<p class="for-others">Ask your administrator' in both
    demo = missing_card((linked,), demo=True)
    assert put not in demo
    assert "Ask your" not in demo


def test_nodes_are_listed_by_pack() -> None:
    """The dialog names each pack once, with its page, its nodes, and what to do."""
    card = missing_card((NODE, OTHER_NODE), demo=False)
    link = '<a href="https://registry.comfy.org/nodes/sharp-pack"'
    assert card.count(link) == 1
    assert "<code>Sharpen+, Blur+</code>" in card
    assert card.count("Run this in ComfyUI&#x27;s folder, then restart ComfyUI.") == 1
    repository = missing_card((replace(NODE, pack="me/sharp"),), demo=False)
    assert '<a href="https://github.com/me/sharp"' in repository


def test_administrators_get_the_commands_of_all_packs_in_one_block() -> None:
    """They copy it with one button. The list that everybody can copy names the packs' pages."""
    packs = (NODE, replace(NODE, class_type="Blur", pack="me/blur"))
    card = missing_card(packs, demo=False)
    commands = (
        "comfy node install sharp-pack\ngit clone https://github.com/me/blur custom_nodes/blur"
    )
    assert card.count("Run this in ComfyUI&#x27;s folder, then restart ComfyUI.") == 1
    assert f'<code class="command">{commands}</code>' in card
    assert f'data-copy="{commands}">Copy commands</button></li>' in card
    assert "(me/blur) https://github.com/me/blur" in card
    assert card.count("node install") == 3  # shown, copied and in the button's tooltip


def test_a_known_pack_has_one_line_with_its_name() -> None:
    """Its repository and its id are the same pack. A similar node of the server doesn't help."""
    kj = MissingClass("GetImageSizeAndCount", ("1",), (), "GetImageSize", "kijai/ComfyUI-KJNodes")
    other = MissingClass("INTConstant", ("2",), (), "", "comfyui-kjnodes")
    card = missing_card((kj, other), demo=False)
    assert card.count("<li><strong>") == 1
    assert ">KJNodes for ComfyUI</a>" in card
    assert "<code>GetImageSizeAndCount, INTConstant</code>" in card
    assert "Similar" not in card


def test_nodes_of_an_unknown_pack_can_be_searched() -> None:
    """A link leads to the registry's search."""
    card = missing_card((UNKNOWN,), demo=False)
    assert "nodes_index%5Bquery%5D=Smooth%2B" in card
    assert 'for-administrators">Find it' in card
    own = MissingClass("VoxelToMeshBasic", ("7",), (), "", "", has_paid_nodes=False)
    card = missing_card((NODE, CORE, PAID, own), demo=False)
    assert "Find it" not in card
    assert "<code>VoxelToMeshBasic</code>" in card


def test_missing_nodes_and_empty_choices_block_a_run() -> None:
    """If a node is missing or a choice has no options, nothing runs. On the stand-in, the card
    explains that it is a demo server."""
    empty = MissingChoice("4.a", "Model", "one.safetensors", None)
    assert why_not(()) == why_not(CHOICES) == ""
    flaw = "“Images” of “Save” isn't connected."
    assert why_not(CHOICES, (flaw,)) == flaw
    assert why_not((NODE,)) == "Can't run here: 1 node is missing."
    assert why_not((*CHOICES, empty)) == "Can't run here: 1 model and 1 setting are missing."
    assert "Can&#x27;t run here: 1 node is missing." in missing_card((NODE,), demo=False)
    several = missing_card((*CHOICES, NODE, CORE), demo=False)
    assert "Can&#x27;t run here: 2 nodes, 1 model and 1 setting are missing." in several
    assert "demo server" in missing_card((NODE,), demo=True)
    assert "demo server" not in missing_card((NODE,), demo=False) + missing_card(CHOICES, demo=True)
    assert "comfy-core" not in missing_card((CORE,), demo=False) + CORE.sentence


def test_paid_nodes_are_called_paid() -> None:
    """The card counts them separately. If the server offers no paid nodes, the card says why, and
    tells administrators how to get them. On the stand-in it doesn't."""
    card = missing_card((PAID, NODE), demo=False)
    assert "Can&#x27;t run here: 1 paid node and 1 other node are missing." in card
    assert "<strong>Missing paid node:</strong> <code>KlingVideoNode</code>" in card
    remedy = "Start ComfyUI without --disable-api-nodes, or update it."
    assert f'<p>{REASON} <span class="for-administrators">{remedy}</span></p>' in card
    assert REASON not in missing_card((PAID,), demo=True)
    other = missing_card((OTHER_PAID, CORE), demo=False)
    assert other.count("If it is up to date, look at its start messages.") == 4  # also to copy
    assert REASON not in other


def test_a_core_node_that_failed_to_load_leads_to_the_start_messages() -> None:
    """The server is newer than the workflow, so an update wouldn't help."""
    card = missing_card((replace(CORE, version="0.17.0", server="0.33.0"),), demo=False)
    assert "saved with ComfyUI 0.17.0 · ComfyUI 0.33.0 on this server is new enough" in card
    assert "Similar" not in card


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
    assert card.count('data-copy="') + card.count("popovertarget=") == card.count("<button")


def test_the_stand_in_suggests_no_similar_model() -> None:
    """The stand-in's few models exist only for demonstration, and the card suggests none of them.
    It suggests other choices as usual."""
    assert "Similar: “two" in missing_card(CHOICES, demo=False)
    assert "Similar: “two" not in missing_card(CHOICES, demo=True)
    assert "Similar: “euler" in missing_card(CHOICES, demo=True)
