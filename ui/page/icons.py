"""The page's icons: one family, drawn as lines on a field of 24 by 24. An element shows one in the
color of its text in front of its words, if it has the attribute `data-icon` or the class `icon-of-`
with the icon's name. Words or an `aria-label` say what it does. Other rules use the variables, such
as `--icon-edit`."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from urllib.parse import quote

_STAR = "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z"
_SPEAKER = "M4 10v4h3l4.5 3.5v-11L7 10z"
_SLIDERS = "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4"
_FILLED = ("pause", "play", "star-filled")
_PATHS = MappingProxyType(
    {
        "back": "M14 6l-6 6 6 6",
        "bell": "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4M12 3v2",
        "bookmark": "M7 4h10v16l-5-4-5 4z",
        "brush": "M19.5 4.5L11 13M8 12.5a3.5 3.5 0 0 1 3.5 3.5c0 2.5-2 4-7 4 1-1 0-7.5 3.5-7.5z",
        "camera": "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM8.5 13a3.5 3.5 0 1 0 7 0 3.5 3.5 0 1 0-7 0z",
        "check": "M5 12.5l4.5 4.5L19 7",
        "close": "M6 6l12 12M18 6L6 18",
        "comment": "M4 5h16v11h-9l-4.5 4V16H4z",
        "compare": "M4 5h16v14H4zM12 3v18M7 15l2.5-3M17 9v6",
        "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
        "delete": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
        "details": "M4 12a8 8 0 1 1 16 0 8 8 0 0 1-16 0zM12 11v5M12 7.5v.5",
        "down": "M12 5v14M6.5 13.5L12 19l5.5-5.5",
        "download": "M12 4v11M7 10.5l5 5 5-5M5 20h14",
        "edit": "M5 19l.9-4L16 4.9a1.6 1.6 0 0 1 2.3 0l.8.8a1.6 1.6 0 0 1 0 2.3L9 18.1z",
        "eraser": "M9 19l-4.5-4.5L14 5l5.5 5.5L11 19zM9.5 9.5L15 15M9 19h11",
        "expand": "M14 4h6v6M10 20H4v-6M20 4l-7 7M4 20l7-7",
        "folder": "M3.5 6h6l2 2.5h9V19h-17z",
        "form": _SLIDERS,
        "forward": "M10 6l6 6-6 6",
        "link": "M10 14l4-4M11 7l2-2a4.2 4.2 0 0 1 6 6l-2 2M13 17l-2 2a4.2 4.2 0 0 1-6-6l2-2",
        "moon": "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
        "menu": "M4 7h16M4 12h16M4 17h16",
        "microphone": "M9 6.5a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
        "minus": "M5 12h14",
        "more": "M5.5 12h.01M12 12h.01M18.5 12h.01",
        "move": "M12 4v16M4 12h16M9.5 6.5L12 4l2.5 2.5M9.5 17.5L12 20l2.5-2.5M6.5 9.5L4 12l2.5 2.5"
        "M17.5 9.5L20 12l-2.5 2.5",
        "muted": f"{_SPEAKER}M16 10l4 4M20 10l-4 4",
        "pause": "M8 6h2v12H8zM14 6h2v12h-2z",
        "picture": "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15 9.5h.01",
        "play": "M9 6.5v11l8.5-5.5z",
        "plus": "M12 5v14M5 12h14",
        "redo": "M20 8h-9.5a5.5 5.5 0 0 0 0 11H14M16.5 4.5L20 8l-3.5 3.5",
        "reload": "M19 8a8 8 0 1 0 1 5M19.5 4v4.5H15",
        "reset": "M5 8a8 8 0 1 1-1 5M4.5 4v4.5H9",
        "reuse": _SLIDERS,
        "search": "M4.5 11a6.5 6.5 0 1 1 13 0 6.5 6.5 0 0 1-13 0zM16 16l4 4",
        "share": "M12 15V4M8 7.5L12 3.5l4 4M6 11H5v9h14v-9h-1",
        "sound": f"{_SPEAKER}M15.5 9.5a3.5 3.5 0 0 1 0 5M18 7a7 7 0 0 1 0 10",
        "star": _STAR,
        "star-filled": _STAR,
        "stop": "M7 7h10v10H7z",
        "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 1 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17"
        "l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4",
        "swap": "M7 4L3.5 7.5 7 11M4 7.5h16M17 13l3.5 3.5L17 20M20 16.5H4",
        "swap-vertical": "M4 7l3.5-3.5L11 7M7.5 4v16M13 17l3.5 3.5L20 17M16.5 20V4",
        "undo": "M4 8h9.5a5.5 5.5 0 0 1 0 11H10M7.5 4.5L4 8l3.5 3.5",
        "unfinished": "M4.5 12a7.5 7.5 0 1 1 15 0 7.5 7.5 0 0 1-15 0zM6.8 17.2L17.2 6.8",
        "upload": "M12 15V4M7.5 8L12 3.5 16.5 8M5 15v4.5h14V15",
        "up": "M12 19V5M6.5 10.5L12 5l5.5 5.5",
        "use": "M4 12h10M10 8l4 4-4 4M14 5h6v14h-6",
        "warning": "M12 4.5l8.5 15h-17zM12 10v4.5M12 17v.01",
        "vary": "M4 7h3.5c4 0 5 10 9 10H20M17.5 14.5L20 17l-2.5 2.5M4 17h3.5c1.5 0 2.6-1.4 3.5-3M14"
        " 9c.7-1.2 1.5-2 2.5-2H20M17.5 4.5L20 7l-2.5 2.5",
    }
)
_DRAWING = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='{fill}' stroke='black'"
    " stroke-width='{width}' stroke-linecap='round' stroke-linejoin='round'>"
    "<path d='{path}'/></svg>"
)
_WIDTHS = {"more": "2.75"}
_ANY = """:is([data-icon], [class*="icon-of-"])::before {
  content: "";
  display: inline-block;
  flex: none;
  width: var(--icon-size, 18px);
  height: var(--icon-size, 18px);
  margin: 0;
  border: none;
  transform: none;
  background: currentcolor;
  mask: center / contain no-repeat;
}"""


@cache
def icon_styles(*names: str) -> str:
    """Return the rules that draw these icons, or all."""
    names = names or tuple(_PATHS)
    drawings = "\n".join(f"--icon-{name}: {_drawing(name)};" for name in names)
    return "\n".join((f"& {{\n{drawings}\n}}", _ANY, *map(_rule, names)))


def _drawing(name: str) -> str:
    fill, width = "black" if name in _FILLED else "none", _WIDTHS.get(name, "1.75")
    drawing = quote(_DRAWING.format(fill=fill, width=width, path=_PATHS[name]), safe=" ='/:")
    return f'url("data:image/svg+xml,{drawing}")'


def _rule(name: str) -> str:
    selector = f':is([data-icon="{name}"], .icon-of-{name})::before'
    return f"{selector} {{ mask-image: var(--icon-{name}); }}"
