"""Each of the app's languages translates everything that the app says."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from tests.support.languages.catalogs import extracted
from ui.languages.catalogs import Languages

TRANSLATED = {tag: one for tag, one in Languages().all.items() if one.file}
STRAIGHT = re.compile(r"[^\W\d_]'[^\W\d_]")
PLACE = re.compile(r"\{\w+\}")
A_BATCH = re.compile(r"\bbatch(es)?\b(?!})", re.IGNORECASE)
CALLED = {"de": "serie", "es": "lote", "fr": "lot", "ja": "バッチ", "zh-CN": "批次"}


@pytest.fixture(params=sorted(TRANSLATED))
def catalog(request: pytest.FixtureRequest) -> Catalog:
    """Read a language's catalog from its folder."""
    file = TRANSLATED[request.param].file
    assert file is not None
    with file.open("rb") as po:
        return read_po(po, locale=request.param.replace("-", "_"))


def forms(texts: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the forms of a message: a single sentence, or the singular and plural forms."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


def places(one: Message) -> set[str]:
    """Return the names of the values in a message's English text."""
    return {name for form in forms(one.id) for name in PLACE.findall(form)}


def test_every_sentence_is_translated(catalog: Catalog) -> None:
    """The catalog has every sentence in the code, as many plural forms as the language needs, and
    no unreviewed fuzzy entry."""
    missing, guessed, few = [], [], []
    for one in extracted():
        if not one.id:
            continue
        known = catalog.get(one.id)
        if known is None or not all(forms(known.string)):
            missing.append(one.id)
        elif known.fuzzy:
            guessed.append(one.id)
        elif one.pluralizable and len(forms(known.string)) != catalog.num_plurals:
            few.append(one.id)
    assert not missing, f"{len(missing)} sentences, such as {missing[:10]}"
    assert not guessed
    assert not few


def test_the_catalogs_are_sorted_by_sentence(catalog: Catalog) -> None:
    """The order matches `pybabel update`. Adding a sentence then changes no other line."""
    said = [forms(one.id)[0] for one in catalog if one.id]
    assert [pair for pair in pairwise(said) if pair[0] > pair[1]] == []


def test_no_word_has_a_straight_apostrophe(catalog: Catalog) -> None:
    """Each of these languages uses curved apostrophes."""
    straight = [
        form for one in catalog for form in forms(one.string) if STRAIGHT.search(form) and one.id
    ]
    assert not straight


def test_french_signs_are_not_parted_from_their_words() -> None:
    """No line begins with “:” or “»”, or ends with “«”."""
    file = TRANSLATED["fr"].file
    assert file is not None
    with file.open("rb") as po:
        said = [form for one in read_po(po, locale="fr") for form in forms(one.string) if one.id]
    assert not [form for form in said if re.search(r" [»:;!]| \?( |$)|« ", form)]


def test_every_translation_has_the_values_of_its_sentence(catalog: Catalog) -> None:
    """A translation keeps every name unchanged. The form for a single number may omit the
    number."""
    wrong = []
    for one in catalog:
        for form in filter(None, forms(one.string) if one.id else ()):
            named = set(PLACE.findall(form))
            may_lack = {"{count}"} if one.pluralizable else set()
            if named - places(one) or places(one) - named - may_lack:
                wrong.append(form)
    assert not wrong


def test_a_batch_is_called_the_same_everywhere(catalog: Catalog) -> None:
    """Every sentence about a batch uses the language's term for it, if the language has one."""
    name = CALLED.get(str(catalog.locale_identifier).replace("_", "-"), "")
    told = [one for one in catalog if any(map(A_BATCH.search, forms(one.id)))]
    other = [form for one in told for form in forms(one.string) if name not in form.casefold()]
    assert not other


def test_three_dots_end_all_sentences_in_the_same_way(catalog: Catalog) -> None:
    """In German, a no-break space precedes the dots, as required for omitted words. In other
    languages, the dots follow the last word directly."""
    is_german = str(catalog.locale_identifier) == "de"
    ends = [form for one in catalog if one.id for form in forms(one.string) if form[-1:] == "…"]
    assert ends
    assert not [form for form in ends if (form[-2] == "\N{NO-BREAK SPACE}") != is_german]
    assert not [form for form in ends if form[-2] == " "]


def test_the_catalog_has_no_removed_sentences(catalog: Catalog) -> None:
    said = {one.id if isinstance(one.id, str) else tuple(one.id) for one in extracted()}
    known = {one.id if isinstance(one.id, str) else tuple(one.id) for one in catalog}
    assert not known - said
    assert not catalog.obsolete
