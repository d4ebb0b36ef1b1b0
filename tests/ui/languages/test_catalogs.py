"""Message catalogs, and how the app selects a user's language."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.messages import Message, message, plural
from comfy.base.wording import minimum
from tests.support.languages.catalogs import extracted, write_catalog
from ui.languages.catalogs import Language, Languages, wanted_languages

POLISH = {
    "Can't reach {server}.": "Nie można połączyć się z {server}.",
    "{field}: {why}": "{why} ({field})",
    "Enter some text.": "Wpisz tekst.",
    "Stopped.": "",
    "{step} of {steps}": "{step} z {kroki}",
    "{number} of {all}": "{number} z {",
    ("{count} lamp", "{count} lamps"): ("{count} lampa", "{count} lampy", "{count} lamp"),
}


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    """Return a `Languages` object with English, Polish, zh-CN and zh-TW."""
    write_catalog(tmp_path, "pl", POLISH)
    write_catalog(tmp_path, "zh-CN", {"Stopped.": "已停止。"})
    write_catalog(tmp_path, "zh-TW", {"Stopped.": "已停止。"})
    return Languages(tmp_path)


@pytest.mark.parametrize(
    ("tag", "date", "time"),
    [("en", "Nov 21, 2026", "3:33\u00a0PM"), ("de", "21.11.2026", "15:33")],
)
def test_dates_are_in_the_scripts_format(tag: str, date: str, time: str) -> None:
    """`when` in ui/page/script/clock.js writes the same."""
    seconds = datetime(2026, 11, 21, 15, 33).timestamp()
    assert Language(tag).date(seconds) == date
    assert Language(tag).moment(seconds) == f"{date}, {time}"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ["1 sec. ago", "2 hr. ago", "3 days ago"]),
        ("fr", ["il y a 1\u00a0s", "il y a 2\u00a0h", "il y a 3\u00a0j"]),
        ("zh-CN", ["1秒前", "2小时前", "3天前"]),
    ],
)
def test_past_times_are_relative(tag: str, words: list[str]) -> None:
    """A clock that is ahead counts as now."""
    passed = -60, 2 * 3600, 3 * 24 * 3600
    assert [Language(tag).ago(time.time() - one) for one in passed] == words


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], "en"),
        (["pl"], "pl"),
        (["PL"], "pl"),
        (["pl-PL"], "pl"),
        (["pl_PL"], "en"),
        (["fr", "pl"], "pl"),
        (["en-GB", "pl"], "en"),
        (["zh-TW"], "zh-TW"),
        (["zh-tw"], "zh-TW"),
        (["zh"], "zh-CN"),
        (["zh-HK", "zh-TW"], "zh-CN"),
        (["", "*", "-", "pl"], "pl"),
    ],
)
def test_the_best_available_language_is_chosen(
    languages: Languages, wanted: list[str], found: str
) -> None:
    """The app prefers an exact match, or a variant of the same language, over the next requested
    language. The fallback is English."""
    assert languages.best(wanted).tag == found


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("de", ["de"]),
        ("de-AT, de;q=0.9, en;q=0.8", ["de-AT", "de", "en"]),
        ("en;q=0.8,pl;q=0.9 , fr", ["fr", "pl", "en"]),
        ("de;q=0, en", ["en"]),
        ("de; q=0.5, en ; q=0.7", ["en", "de"]),
        ("de;q=much, en", ["en"]),
        ("de;q=nan, en;q=-1", []),
    ],
)
def test_accepted_languages_are_sorted_by_weight(header: str, tags: list[str]) -> None:
    """The app sorts languages by weight and keeps the order of equal weights. It leaves out refused
    and malformed entries."""
    assert wanted_languages(header) == tags


@given(
    st.text()
    | st.text("aeq=;,.-* 019")
    | st.from_regex(r"[a-z]{2}(;q=[0-9.]{1,4})?", fullmatch=True)
)
def test_any_header_leads_to_a_language(header: str) -> None:
    """The app finds a language for any header that a browser may send."""
    assert Languages().best(wanted_languages(header)).tag in Languages().all


def test_a_message_is_translated_with_its_values(languages: Languages) -> None:
    """The app inserts the message's values and translates nested messages into the same language.
    Other text and untranslated messages stay as they are."""
    polish = languages.all["pl"]
    assert (
        polish.text(message("Can't reach {server}.", server="pl")) == "Nie można połączyć się z pl."
    )
    nested = message("{field}: {why}", field="Steps", why=message("Enter some text."))
    assert polish.text(nested) == "Wpisz tekst. (Steps)"
    assert nested == "Steps: Enter some text."
    assert languages.english.text(nested) == "Steps: Enter some text."
    for same in ("Enter some text.", message("Stopped."), message("Never heard of {it}.", it="x")):
        assert polish.text(same) == same


def test_a_plugins_catalog_adds_to_the_apps(tmp_path: Path) -> None:
    """A plugin can't change a translation of the app's."""
    said = {"Enter some text.": "Inny tekst.", "Sit down.": "Siadaj.", "Get up.": ""}
    files = write_catalog(tmp_path, "pl", POLISH), write_catalog(tmp_path / "plugin", "pl", said)
    texts = [message(text) for text in ("Enter some text.", "Sit down.", "Get up.")]
    polish = Language("pl", files)
    assert [polish.text(text) for text in texts] == ["Wpisz tekst.", "Siadaj.", "Get up."]
    assert polish.text(plural("{count} lamp", "{count} lamps", count=2)) == "2 lampy"


def test_a_number_of_things_takes_the_form_of_the_language(languages: Languages) -> None:
    """Each language has its own plural forms, and its catalog defines them."""
    said = [plural("{count} lamp", "{count} lamps", count=number) for number in (1, 2, 5, 22)]
    polish = [languages.all["pl"].text(one) for one in said]
    assert polish == ["1 lampa", "2 lampy", "5 lamp", "22 lampy"]
    assert said == ["1 lamp", "2 lamps", "5 lamps", "22 lamps"]
    assert languages.all["zh-CN"].text(said[0]) == "1 lamp"


def test_a_number_is_written_as_its_readers_write_it() -> None:
    """The decimal separator depends on the language: a German reader takes "1–4,096" as less than
    five."""
    known = Languages().all
    written = {tag: [known[tag].number(one) for one in (4096, -0.05)] for tag in ("en", "de", "ja")}
    english = ["4,096", "-0.05"]
    assert written == {"en": english, "de": ["4.096", "-0,05"], "ja": english}
    with_places = [known[tag].number(7.96, 1) for tag in ("en", "de", "es", "fr")]
    assert with_places == ["8.0", "8,0", "8,0", "8,0"]


@pytest.mark.parametrize(
    "said",
    [
        message("{step} of {steps}", step=1, steps=2),
        message("{number} of {all}", number=1, all=2),
        Message("{count} lamp", "{count} lamps", {"count": 1.5}),
        Message("{count} lamp", "{count} lamps", {"count": "many"}),
    ],
)
def test_a_faulty_translation_falls_back_to_english(languages: Languages, said: Message) -> None:
    """A missing value, an extra brace or a wrong number in a translation never shows the user a
    failure."""
    assert languages.all["pl"].text(said) in (said, "1.5 lampa", "1.5 lampy", "1.5 lamp")


def test_the_page_gets_only_the_messages_of_its_script(tmp_path: Path) -> None:
    """The script gets an ES module with its own sentences and the plural rule."""
    said = {
        "Can't reach ComfyForms.": "Brak połączenia z ComfyForms.",
        "Swap width and height": "x",
    }
    script = Language("pl", (write_catalog(tmp_path, "pl", POLISH | said),)).script.decode()
    texts = json.loads(script.partition("texts = ")[2].partition(";\n")[0])
    assert texts == {"Can't reach ComfyForms.": "Brak połączenia z ComfyForms."}
    assert "pluralForm = (n) =>" in script


def test_the_page_gets_all_messages_of_its_script() -> None:
    """Extraction finds the same messages in the script as the app."""
    script = Languages().all["de"].script.decode()
    texts = json.loads(script.partition("texts = ")[2].partition(";\n")[0])
    wanted = {
        one.id[0] if isinstance(one.id, tuple | list) else one.id
        for one in extracted()
        if any("/script/" in file for file, _ in one.locations)
    }
    assert len(wanted) > 300
    assert not wanted - texts.keys()


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0.05, "Minimum 0.05.", "Mindestens 0,05."),
        (-4.0, "Minimum -4.", "Mindestens -4."),
        (2**64, "Minimum 18446744073709551616.", "Mindestens 18446744073709551616."),
        (float("inf"), "Minimum inf.", "Mindestens inf."),
    ],
)
def test_a_number_is_written_as_in_its_language(number: float, english: str, german: str) -> None:
    """The number has the language's decimal separator. A whole number has no decimals."""
    told = minimum(number)
    assert told == english
    assert Languages().all["de"].text(told) == german


def test_every_language_has_its_own_name() -> None:
    """The menu shows each language's own name with a capital letter."""
    assert Language("de", (Path("none"),)).name == "Deutsch"
    assert Language("zh-CN", (Path("none"),)).name == "简体中文"
    assert {one.name[:1].islower() for one in Languages().all.values()} == {False}
