"""Each of the app's languages translates everything that the app says."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from comfyforms.plugin_manager import plugin_folders
from tools.messages import APP, extracted, messages, read_catalog, updated
from ui.languages.catalogs import CATALOG, Languages

FOLDERS = (APP, *(folder / "languages" for folder in plugin_folders()))
TAGS = sorted(Languages().all.keys() - {"en"})
CATALOGS = {
    f"{folder.parent.name}-{tag}": folder / tag.replace("-", "_") / CATALOG
    for folder in FOLDERS
    for tag in TAGS
    if folder.is_dir()
}
STRAIGHT = re.compile(r"[^\W\d_]'[^\W\d_]")
PLACE = re.compile(r"\{\w+\}")
A_BATCH = re.compile(r"\bbatch(es)?\b(?!})", re.IGNORECASE)
# The form of address that a language doesn't use: de Sie, es tú, fr vous, ja polite, zh-CN 你.
OTHER_ADDRESS = {
    "de": r"\b([Dd](u|ich|ir|ein\w*)|[Ee]u(ch|re?[mnrs]?))\b|(?<!\w)(Wähle|Öffne|Prüfe|Lade|Gib) ",
    "es": r"\b(?i:usted(es)?|sobrescríbal[ao]s?)\b|(^|[.:;] |, )(Abra|Añada|Cargue|Cierre|Compruebe"
    r"|Corrija|Descargue|Detenga|Elija|Escriba|Espere|Haga|Inicie|Introduzca|Mire|Pida|Ponga|Pruebe"
    r"|Quite|Reinicie|Seleccione|Suelte|Use|Vea|Vuelva)\b",
    "fr": r"\b(?i:tu|toi|te|ton|ta|tes)\b|\b[Tt]\u2019|(^|[.:;] )(Choisis|Essaie|Mets|Prends|Réessaie)\b",
    "ja": r"(だ|である|する|(?<![まで])した|しない|れる|いる)。|君|お前",
    "zh-CN": "您",
}
CALLED = {"de": "serie", "es": "lote", "fr": "lot", "ja": "バッチ", "zh-CN": "批次"}


@pytest.fixture(params=CATALOGS)
def file(request: pytest.FixtureRequest) -> Path:
    return CATALOGS[request.param]


@pytest.fixture
def catalog(file: Path) -> Catalog:
    return read_catalog(file)


def forms(texts: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the forms of a message: a single sentence, or the singular and plural forms."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


def places(one: Message) -> set[str]:
    """Return the names of the values in a message's English text."""
    return {name for form in forms(one.id) for name in PLACE.findall(form)}


def test_every_sentence_is_translated(file: Path, catalog: Catalog) -> None:
    """The catalog has every sentence in the code, as many plural forms as the language needs, and
    no unreviewed fuzzy entry."""
    missing, guessed, few = [], [], []
    for one in messages(extracted()[file.parents[2]]).values():
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
    """The tool sorts them. Adding a sentence then changes no other line."""
    said = [forms(text)[0] for text in messages(catalog)]
    assert [pair for pair in pairwise(said) if pair[0] > pair[1]] == []


def test_no_word_has_a_straight_apostrophe(catalog: Catalog) -> None:
    """Each of these languages uses curved apostrophes."""
    straight = [
        form for one in catalog for form in forms(one.string) if STRAIGHT.search(form) and one.id
    ]
    assert not straight


def test_french_signs_are_not_parted_from_their_words() -> None:
    """No line begins with “:” or “»”, or ends with “«”."""
    files = (file for file in CATALOGS.values() if file.parents[1].name == "fr")
    found = (one for file in files for one in messages(read_catalog(file)).values())
    said = [form for one in found for form in forms(one.string)]
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


def test_a_language_addresses_the_user_in_one_way(catalog: Catalog) -> None:
    """A reader is never addressed formally in one sentence and informally in the next."""
    other = re.compile(OTHER_ADDRESS[str(catalog.locale_identifier).replace("_", "-")])
    said = (form for one in catalog if one.id for form in forms(one.string))
    assert not [form for form in said if other.search(form)]


def test_three_dots_end_all_sentences_in_the_same_way(catalog: Catalog) -> None:
    """In German, a no-break space precedes the dots, as required for omitted words. In other
    languages, the dots follow the last word directly."""
    is_german = str(catalog.locale_identifier) == "de"
    ends = [form for one in catalog if one.id for form in forms(one.string) if form[-1:] == "…"]
    assert not [form for form in ends if (form[-2] == "\N{NO-BREAK SPACE}") != is_german]
    assert not [form for form in ends if form[-2] == " "]


def test_the_catalog_has_no_removed_sentences(file: Path, catalog: Catalog) -> None:
    assert not messages(catalog).keys() - messages(extracted()[file.parents[2]]).keys()
    assert not catalog.obsolete


def test_each_folder_with_sentences_has_catalogs() -> None:
    """A plugin's sentences are in its own folder, unless the app says them, too."""
    assert {file.parents[2] for file in CATALOGS.values()} == set(extracted())


def test_a_language_to_add_gets_all_sentences() -> None:
    """The tool leaves the other catalogs' lines as they are."""
    files = updated("pt")
    for file in CATALOGS.values():
        before = file.read_text(encoding="utf-8").splitlines()
        changed = set(before) - set(files[file].decode().splitlines())
        assert {line.partition(":")[0] for line in changed} <= {'"Generated-By'}
    for folder, template in extracted().items():
        added = files[folder / "pt" / CATALOG].decode()
        assert added.count("\nmsgid ") == len(template) + 1
