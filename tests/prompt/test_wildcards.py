"""Wildcards in texts are resolved as the editor does before it queues a prompt."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.prompt.wildcards import MAX_LENGTH, literal_text, resolve_wildcards
from tests.support.distribution import examples


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
