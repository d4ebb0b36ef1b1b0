"""Rights of people in albums. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from comfyforms.plugins.albums.store import AlbumAccess, AlbumLink

# A user's relation to an album. A visitor isn't signed in.
Relation = Literal["owner", "administrator", "member", "visitor"]


class Right(StrEnum):
    """Thing that a caller may do in an album."""

    LOOK = "look"  # see the album and download its files
    SETTINGS = "settings"  # see prompts and settings where their owner shows them
    REVIEW = "review"  # review and comment
    ADD = "add"  # add own results, and remove them
    TAKE_BACK = "take_back"  # remove any result, any comment and the album
    CHANGE = "change"  # change the album, and make links to it


_LOOK = frozenset({Right.LOOK, Right.SETTINGS})
_TAKE_PART = _LOOK | {Right.REVIEW, Right.ADD}
_MODERATE = _TAKE_PART | {Right.TAKE_BACK}


def rights_of(relation: Relation, access: AlbumAccess) -> frozenset[Right]:
    match relation, access:
        case "owner", _:
            return frozenset(Right)
        case _, "private":
            return frozenset()
        case "administrator", _:
            return _MODERATE
        case "member", _:
            return _TAKE_PART
        case _:
            return _LOOK if access == "public" else frozenset()


def rights_by_link(link: AlbumLink) -> frozenset[Right]:
    """Return the rights of guests with a link. They don't depend on the album's access."""
    rights = {Right.LOOK}
    if link.settings:
        rights.add(Right.SETTINGS)
    if link.comments:
        rights.add(Right.REVIEW)
    return frozenset(rights)
