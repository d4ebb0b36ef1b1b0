"""Replace words in a text without exceeding the length limit of fields. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from comfy.base.messages import message
from comfy.prompt.value_types import LONGEST_TEXT, BadValue, too_long


def replaced(text: str, find: str, value: str) -> str:
    """Return the text with all occurrences of `find` replaced by `value`. Raises BadValue
    beforehand if the result would exceed the limit of fields."""
    if len(text) > LONGEST_TEXT:
        raise too_long()
    if len(text) + text.count(find) * (len(value) - len(find)) > LONGEST_TEXT:
        raise too_long()
    return text.replace(find, value)


def check_together(
    texts: Collection[str], replacements: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """Raise BadValue if a text could exceed the limit of fields after all replacements. Each
    replacement has a search text and its possible values.

    Uses the maximum count of each character: a text contains the search text at most as often as
    its rarest character.
    """
    length = max(map(len, texts), default=0)
    most = Counter[str]()
    if len(replacements) > 1 and length <= LONGEST_TEXT:
        for text in texts:
            most |= Counter(text)
    for index, (find, values) in enumerate(replacements):
        looked_for = Counter(find)
        if index == 0:
            count = max((text.count(find) for text in texts), default=0)
        else:
            count = min(most[letter] // times for letter, times in looked_for.items())
        length += count * max(0, *(len(value) - len(find) for value in values))
        if length > LONGEST_TEXT:
            raise BadValue(message("Maximum {most} characters.", most=f"{LONGEST_TEXT:,}"))
        if index + 1 < len(replacements):
            added = Counter[str]()
            for value in values:
                added |= Counter(value) - looked_for
            most += Counter({letter: count * times for letter, times in added.items()})
