"""Hostile values, names and documents for every endpoint of the app and the ComfyUI server."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# Texts: endless, cut characters, control characters, directions, zero bytes, markup, templates,
# patterns, formulas.
TEXTS: tuple[str, ...] = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "a\udfffb",
    "\u202eevil",
    "\ufeff",
    "\u2028\u2029",
    "\x1b[31m",
    "\r\nSet-Cookie: a=b",
    "<script>window.owned=1</script>",
    "${window.owned=1}{{7*7}}%{7*7}",
    "%s%n%d {0} {x.__class__}",
    "' OR 1=1 --",
    "=1+1",
    "../../../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "file:///etc/passwd",
    "http://127.0.0.1:1/x",
    "CON",
    "nul.png",
    ".",
    "..",
    "~",
    "~root",
    "-rf",
    "a" * 10_000,
    "ä" * 5_000,
    "\N{MAN}\u200d" * 500,
    "e\u0301" * 1_000,
    "1e999",
    "-0",
    "NaN",
    "9" * 400,
    "0x10",
    "\u0661\u0662\u0663",
    "None",
    "[" * 200,
    '{"a":' * 50,
    "__proto__",
    "constructor",
    "data:image/png;base64,AAAA",
    "data:text/html;base64,PHNjcmlwdD4=",
    "a.png [output]",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    -(2**64),
    10**300,
    1e308,
    -1e308,
    5e-324,
    0.1,
    True,
)
SHAPES: tuple[Any, ...] = (
    None,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    [None] * 50,
    {"path": 1},
    {"value": {}},
    [1, "a"],
    ["1", 0],
)
VALUES: tuple[Any, ...] = (*TEXTS, *NUMBERS, *SHAPES)

# Values that JSON allows and users seldom write.
LEAVES = (
    st.sampled_from(VALUES)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(TEXTS) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def nested(depth: int) -> Any:
    """Return a list nested to this depth."""
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def spelled(value: object) -> bytes:
    """Return the value as JSON bytes. Unpaired surrogates are allowed."""
    return json.dumps(value).encode()
