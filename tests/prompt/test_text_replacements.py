"""Texts that change when a prompt is sent: replacements and wildcards."""

from __future__ import annotations

import random
import re
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.form.build import build_form
from comfy.form.fill import fill
from comfy.prompt.model import Prompt
from comfy.prompt.text_replacements import (
    format_date,
    prefix_names,
    replace_names,
    replace_prefixes,
)
from comfy.prompt.wildcards import MAX_LENGTH, literal_text, resolve_wildcards
from comfy.workflow.model import Workflow
from comfy.workflow.resolve import on_server
from tests.support.distribution import examples
from tests.support.samples.forms import node
from tests.support.samples.graphs import CATALOG, converted, graph, subgraph
from tests.support.samples.graphs import graph_node as graph_node

NOW = datetime(2025, 3, 7, 16, 5, 9)
PROMPT = {
    "1": node("KSampler", "First pass", seed=18446744073709551615, cfg=8.0, denoise=0.55, on=True),
    "2": node("KSampler", "Second pass", seed=2),
    "3": node(
        "CheckpointLoaderSimple", "KSampler", ckpt_name='sd\\xl/base:1"?.safetensors', none=None
    ),
}


def replaced(prompt: Prompt) -> Prompt:
    """Return a prompt without a graph as it is queued, with its prefixes replaced."""
    return replace_prefixes(prompt, prefix_names(prompt), NOW)[0]


def named(prefix: str, prompt: Prompt = PROMPT) -> object:
    return replaced(prompt | {"9": node("SaveImage", filename_prefix=prefix)})["9"]["inputs"][
        "filename_prefix"
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd", "2025-03-07"),
        ("yyyyMMddhhmmss", "20250307160509"),
        ("d.M.yy", "7.3.25"),
        ("h:m:s", "16:5:9"),
        ("hh-mm", "16-05"),
        ("y yyy", "y yyy"),
        ("QQ", "QQ"),
        ("", ""),
    ],
)
def test_dates_follow_the_editors_letters(pattern: str, expected: str) -> None:
    """One letter gives the number without padding, and two letters pad it. The year has two or four
    digits."""
    assert format_date(pattern, NOW) == expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("ComfyUI", "ComfyUI"),
        ("%date:yyyy-MM-dd%/image", "2025-03-07/image"),
        ("a_%date:yyyy%_%date:MM%", "a_2025_03"),
        ("%KSampler.seed%", "18446744073709551615"),
        ("%KSampler.cfg%_%KSampler.denoise%_%KSampler.on%", "8_0.55_true"),
        ("%Second pass.seed%", "2"),
        ("%CheckpointLoaderSimple.ckpt_name%", "sd_xl_base_1__.safetensors"),
        ("x%CheckpointLoaderSimple.none%", "x"),
        ("%width%x%height%_%year%", "%width%x%height%_%year%"),
        ("%Nobody.seed% %KSampler.nothing% %a.b.c%", "%Nobody.seed% %KSampler.nothing% %a.b.c%"),
        ("100% %KSampler.seed%", "100% %KSampler.seed%"),
        ("%%", "%%"),
    ],
)
def test_names_become_values(prefix: str, expected: str) -> None:
    """Aliases come before titles, and the first of several nodes counts. Unknown names and the
    server's own names stay."""
    assert named(prefix) == expected


def test_a_value_cannot_choose_a_folder() -> None:
    """Slashes and other characters that file names can't hold become underscores, regardless of who
    typed them."""
    assert (
        named("out/%A.text%", {"1": node("A", text="../../etc/pass\x00wd\n")})
        == "out/.._.._etc_pass_wd_"
    )


def test_the_prefixes_of_a_prompt_are_substituted() -> None:
    """A name uses a node's class type or title. A linked input has no value to insert. Other inputs
    and the original prompt don't change."""
    prompt = {
        "3": node("KSampler", "Main", seed=7, steps=["9", 0]),
        "9": node(
            "SaveImage",
            "Save",
            filename_prefix="%Main.seed%_%KSampler.steps%_%date:yy%",
            images=["8", 0],
        ),
        "10": node("Note", text="%Main.seed%"),
    }
    substituted, changed = replace_prefixes(prompt, prefix_names(prompt), NOW)
    assert substituted["9"]["inputs"]["filename_prefix"] == "7_%KSampler.steps%_25"
    assert changed == {("9", "filename_prefix"): "7_%KSampler.steps%_25"}
    assert substituted["10"] == prompt["10"]
    assert prompt["9"]["inputs"]["filename_prefix"].startswith("%Main")


def test_a_linked_prefix_stays_linked() -> None:
    """A prefix that comes through a link can't be replaced."""
    prompt = {"9": node("SaveImage", filename_prefix=["3", 0])}
    assert replace_prefixes(prompt, prefix_names(prompt), NOW) == (prompt, {})


def test_other_savers_prefixes_are_left_to_them() -> None:
    """The editor replaces names only for ComfyUI's own savers, because custom node packs do it
    their own way."""
    prompt = PROMPT | {
        "9": node("VHS_VideoCombine", filename_prefix="a_%Second pass.seed%_%date:yy%")
    }
    assert replaced(prompt) == prompt


def test_without_a_time_dates_are_kept() -> None:
    """Dates belong to a run, so a file that is written for later keeps the date pattern."""
    prompt = PROMPT | {"9": node("SaveImage", filename_prefix="%Second pass.seed%/%date:yyyy%")}
    written, _ = replace_prefixes(prompt, prefix_names(prompt))
    assert written["9"]["inputs"]["filename_prefix"] == "2/%date:yyyy%"


def queued(data: dict[str, Any], **values: object) -> Prompt:
    workflow = on_server(Workflow("sample", {}, graph=data), CATALOG)
    form = build_form(workflow, CATALOG)
    given = {name.removeprefix("n").replace("_", ".", 1): value for name, value in values.items()}
    defaults = {field.key: field.default for field in form.fields}
    return fill(workflow, form, defaults | given, random.Random(1), NOW)[0]


def test_names_of_a_graph_map_to_the_sent_inputs() -> None:
    """A graph's node names are found, even inside subgraphs, and give the values of the run."""
    inner = subgraph(
        "inner", graph_node(5, "Text", "cat", properties={"Node name for S&R": "deep"})
    )
    data = graph(
        graph_node(1, "Text", "dog", title="Subject"),
        graph_node(7, "inner"),
        graph_node(2, "SaveImage", "%Subject.text%_%deep.text%_%date:yy%"),
        definitions={"subgraphs": [inner]},
    )
    assert queued(data)["2"]["inputs"]["filename_prefix"] == "dog_cat_25"
    assert queued(data, n1_text="fox")["2"]["inputs"]["filename_prefix"] == "fox_cat_25"


def test_a_graph_keeps_its_names_until_it_is_queued() -> None:
    """Conversion replaces nothing: a form shows the prefix as its author wrote it."""
    data = graph(
        graph_node(1, "Text", "dog", title="Subject"), graph_node(2, "SaveImage", "%Subject.text%")
    )
    result = converted(data)
    assert result.prompt["2"]["inputs"]["filename_prefix"] == "%Subject.text%"
    assert (
        replace_prefixes(result.prompt, result.names)[0]["2"]["inputs"]["filename_prefix"] == "dog"
    )


def test_a_muted_node_has_its_saved_value() -> None:
    """A muted node isn't in the prompt, but in the editor it still has a name and a value."""
    data = graph(
        graph_node(1, "Text", "dog", title="Subject", mode=2),
        graph_node(2, "SaveImage", "%Subject.text%"),
    )
    assert queued(data)["2"]["inputs"]["filename_prefix"] == "dog"


@given(st.text(alphabet="%.dateyM:K ", max_size=40))
def test_any_prefix_gives_a_text(prefix: str) -> None:
    """Stray percent signs and dots stay plain text."""
    assert isinstance(replace_names(prefix, lambda name, widget: None, NOW), str)


def every(text: str) -> set[str]:
    return {resolve_wildcards(text, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {red|green|blue} cat", {"a red cat", "a green cat", "a blue cat"}),
        ("{a|b}{c|d}", {"ac", "ad", "bc", "bd"}),
        ("{a|{b|c} d}", {"a", "b d", "c d"}),
        ("{{{a}}}", {"a"}),
        ("{|x}", {"", "x"}),
        ("{}", {""}),
        ("{a|b", {"a", "b"}),
        ("a} b", {"a} b"}),
        ("a | b", {"a | b"}),
        (r"\{a|b\}", {"{a|b}"}),
        (r"{a\|b|c}", {"a|b", "c"}),
        (r"{a|\}}", {"a", "}"}),
        (r"back\slash\\", {"back\\slash\\\\"}),
        ("tail\\", {"tail\\"}),
        ("plain", {"plain"}),
        ("", {""}),
    ],
)
def test_braces_are_choices(text: str, expected: set[str]) -> None:
    """Choices can be nested or empty. After a backslash, braces are plain characters."""
    assert every(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a /* no {x|y} */ b", "a  b"),
        ("a // rest\nb", "a \nb"),
        ("a /* over\ntwo lines */b", "a b"),
        ("{a/* | */b}", "ab"),
        ("see http://x.org/y", "see http:"),
        ("2 /* 3", "2 /* 3"),
        ("2 /* 3 // 4", "2 /* 3 "),
        ("// all", ""),
    ],
)
def test_comments_go_as_in_the_editor(text: str, expected: str) -> None:
    """Comments are removed before choices are made, even in a text without choices."""
    assert every(text) == {expected}


def test_a_seed_gives_the_same_text_again() -> None:
    """The caller's random generator decides, so the same seed gives the same text."""
    text = "{a|b|c|d|{e|f}} {1|2|3|4|5}"
    assert resolve_wildcards(text, random.Random(5)) == resolve_wildcards(text, random.Random(5))


def test_choices_are_equally_likely() -> None:
    """Each choice has the same probability."""
    rng = random.Random(1)
    found = [resolve_wildcards("{a|b|c}", rng) for _ in range(3000)]
    assert all(850 < found.count(letter) < 1150 for letter in "abc")


@given(st.text(alphabet="ab{}|\\/* \n", max_size=60), st.integers(0, 9))
def test_any_text_resolves(text: str, seed: int) -> None:
    """Unbalanced braces and stray comments are valid text. A text without braces, slashes and
    backslashes doesn't change."""
    result = resolve_wildcards(text, random.Random(seed))
    assert len(result) <= len(text)
    if not set(text) & set("{\\/"):
        assert result == text


@pytest.mark.parametrize(
    "text",
    [
        "{" * 10_000_000,
        "{a|" * 100_000,
        "{" * 64 + "\\a" * 99_000,
        "{}" * 99_000,
        "/* " * 66_000,
        "{/*" * 60,
        "x" * (MAX_LENGTH + 1) + "{a|b}",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """Resolving ends in time even for a text that no user would write by hand. At worst the text
    stays unchanged."""
    begun = time.process_time()
    resolve_wildcards(text, random.Random(1))
    assert time.process_time() - begun < 10


def as_the_editor_does(text: str, rng: random.Random) -> str:
    """Resolve a text like the editor's `processDynamicPrompt`, character by character and level by
    level."""
    text = re.sub(r"//[^\n\r\u2028\u2029]*|/\*[\s\S]*?\*/", "", text)
    result, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            result, at = result + text[at : at + 2], at + 2
        elif text[at] != "{":
            result, at = result + text[at], at + 1
        else:
            choices, depth, at = [""], 0, at + 1
            while at < len(text) and (depth or text[at] != "}"):
                if text[at] == "|" and not depth:
                    choices.append("")
                else:
                    taken = text[at : at + 2] if text[at] == "\\" else text[at]
                    depth += (taken == "{") - (taken == "}")
                    choices[-1] += taken
                    at += len(taken) - 1
                at += 1
            at += 1
            result += as_the_editor_does(choices[int(rng.random() * len(choices))], rng)
    return re.sub(r"\\([{}|])", r"\1", result)


@settings(max_examples=examples(2_000))
@given(st.text(alphabet="ab{}|\\/* \n", max_size=60), st.integers(0, 9))
def test_one_pass_resolves_wildcards_like_the_editor(text: str, seed: int) -> None:
    """Resolving comments, escapes and nested choices in one pass gives the same text as resolving
    them level by level."""
    assert resolve_wildcards(text, random.Random(seed)) == as_the_editor_does(
        text, random.Random(seed)
    )


@given(st.text(st.sampled_from("\\{}|/*a\n "), max_size=40))
def test_a_literal_text_resolves_to_itself(text: str) -> None:
    """The literal text may contain any special characters. Without them, it is written as it is."""
    assert resolve_wildcards(literal_text(text), random.Random(1)) == text
    if not set(text) & set("{}|/"):
        assert literal_text(text) == text


def test_a_literal_text_is_read_easily() -> None:
    """It looks like text that users write themselves, as far as possible."""
    assert literal_text('{"style": "ink"}') == r'\{"style": "ink"\}'
    assert literal_text("http://a.org") == "http:/{}/a.org"
