"""Message catalogs of each language, and the choice of a user's language."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from gettext import GNUTranslations
from itertools import chain
from math import isfinite
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from comfy.base.messages import Message
from comfyforms.plugin_manager import contributed, plugin_folders
from ui.brand import PRODUCT

CATALOG = "LC_MESSAGES/messages.po"
_FOLDER = Path(__file__).parent
_SCRIPT = _FOLDER.parent / "page" / "script"
_LITERAL = re.compile(r"""\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'""")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")


@dataclass(frozen=True)
class Language:
    """Language of the page. `tag`: its name in browsers, such as "zh-CN"; `files`: its catalogs,
    the app's first, which wins. English, in which all messages are written, has none."""

    tag: str = "en"
    files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Return the language's own name."""
        locale = self._locale
        written = locale.languages.get(f"{locale.language}_{locale.script}")
        own = written or locale.get_language_name() or self.tag
        return own[:1].upper() + own[1:]

    def text(self, text: str, app: str = PRODUCT) -> str:
        """Return a message in this language, or in English if it is missing or broken; return other
        text unchanged. `app`: the app's name, which replaces the product's."""
        if not isinstance(text, Message) or (not self.files and app == PRODUCT):
            return text
        values = {name: self._value(value, app) for name, value in text.values.items()}
        known = self._translations
        try:
            sentence = (
                known.ngettext(text.sentence, text.plural, int(str(values["count"])))
                if text.plural
                else known.gettext(text.sentence)
            )
            sentence = sentence.replace(PRODUCT, app)
            return sentence.format(**values) if values else sentence
        except (LookupError, ValueError, AttributeError):
            return text

    def _value(self, value: object, app: str) -> object:
        match value:
            case str():
                return self.text(value, app)
            case float() if isfinite(value):
                return self.number(value)
            case _:
                return value

    def number(self, number: float, places: int | None = None) -> str:
        """Format a number in this language, such as "1,024.5" or "1.024,5", with this many decimals
        or the number's own."""
        exact = Decimal(f"{number:.10g}" if places is None else f"{number:.{places}f}")
        return format_decimal(
            exact,
            format=None if places is None else f"#,##0.{'0' * places}",
            locale=self._locale,
            decimal_quantization=False,
        )

    def date(self, seconds: float) -> str:
        """Format a day of the app's time zone, such as "Nov 24, 2026". `seconds`: since 1970."""
        return format_date(_local(seconds), locale=self._locale)

    def time(self, seconds: float) -> str:
        """Format a time of day, such as "2:05 PM". `seconds`: since 1970."""
        return _spaced(format_time(_local(seconds), "short", locale=self._locale))

    def moment(self, seconds: float) -> str:
        """Format a day with the time, such as "Nov 24, 2026, 2:05 PM". `seconds`: since 1970."""
        return _spaced(format_datetime(_local(seconds), self._short_moment, locale=self._locale))

    def ago(self, seconds: float) -> str:
        """Format the time since a moment, such as "2 hr. ago". `seconds`: since 1970."""
        left = min(-1, round(seconds - time.time()))  # clocks can go backward
        return format_timedelta(left, add_direction=True, format="short", locale=self._locale)

    @property
    def _locale(self) -> Locale:
        return Locale.parse(self.tag, sep="-")

    @property
    def _short_moment(self) -> str:
        locale = self._locale
        parts = locale.time_formats["short"].pattern, locale.date_formats["medium"].pattern
        return str(locale.datetime_formats["medium"]).format(*parts)

    @cached_property
    def script(self) -> bytes:
        """Return the messages for the page's script, as an ES module: a text for each message, or
        its plural forms and the rule that selects one."""
        entries = (
            (one.id[0] if isinstance(one.id, tuple) else one.id, one.string)
            for one in self._catalog
            if not one.fuzzy
        )
        messages = {text: own for text, own in entries if text in _script_literals()}
        texts = json.dumps(messages, ensure_ascii=False)
        # The plural rule is a C expression, which is also valid JavaScript.
        form = f"(n) => Number({self._catalog.plural_expr})"
        return f"export const texts = {texts};\nexport const pluralForm = {form};\n".encode()

    @cached_property
    def _catalog(self) -> Catalog:
        catalog, *others = map(self._read, self.files or [None])
        for one in chain.from_iterable(others):
            if one.id and one.id not in catalog:
                catalog[one.id] = one
        return catalog

    def _read(self, file: Path | None) -> Catalog:
        locale = self.tag.replace("-", "_")
        if file is None:
            return Catalog(locale)
        with file.open("rb") as po:
            return read_po(po, locale)

    @cached_property
    def _translations(self) -> GNUTranslations:
        packed = io.BytesIO()
        write_mo(packed, self._catalog)
        packed.seek(0)
        return GNUTranslations(packed)


@cache
def _script_literals() -> frozenset[str]:
    """Return the string literals of the page's script, which include its messages."""
    folders = [_SCRIPT, *(part.folder / "script" for part in contributed("assets"))]
    files = (file for folder in folders for file in folder.rglob("*.js"))
    sources = (file.read_text(encoding="utf-8") for file in files)
    found = (one[1] or one[2] for source in sources for one in _LITERAL.finditer(source))
    return frozenset(_ESCAPE.sub(_unescaped, text) for text in found if text)


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2]


def _spaced(text: str) -> str:
    """Return a time with a usual no-break space, because a narrow one looks like none."""
    return text.replace("\u202f", "\u00a0")


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


@dataclass(frozen=True)
class Languages:
    """Available languages: English, and one per catalog in a folder. Plugins' catalogs add to
    them."""

    folder: Path = _FOLDER
    english: Language = field(default_factory=Language)

    @cached_property
    def all(self) -> Mapping[str, Language]:
        """Return the languages by tag, English first."""
        found = {self.english.tag: self.english}
        added = [folder / "languages" for folder in plugin_folders()]
        for file in sorted(self.folder.glob(f"*/{CATALOG}")):
            name = file.parents[1].name
            files = (file, *(folder / name / CATALOG for folder in added))
            language = Language(name.replace("_", "-"), tuple(filter(Path.is_file, files)))
            found[language.tag] = language
        return found

    def best(self, wanted: Iterable[str]) -> Language:
        """Return the first available language among these tags: an exact match, otherwise the same
        language of another region. The default is English."""
        for tag in map(str.lower, wanted):
            language = self._known.get(tag) or self._spoken.get(tag.partition("-")[0])
            if language:
                return language
        return self.english

    @cached_property
    def _known(self) -> Mapping[str, Language]:
        return {tag.lower(): language for tag, language in self.all.items()}

    @cached_property
    def _spoken(self) -> Mapping[str, Language]:
        return {tag.partition("-")[0]: one for tag, one in reversed(list(self._known.items()))}


def wanted_languages(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, most preferred first."""
    weighed = []
    for part in header.split(","):
        tag, _, rest = part.partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag.strip() and 0 < weight <= 1:
            weighed.append((-weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda one: one[0])]
