"""Rights of people in albums. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from comfyforms.plugins.albums.store import AlbumAccess, AlbumLink

# A user's relation to an album. A visitor isn't signed in.
Relation = Literal["owner", "administrator", "member", "visitor"]


class Right(StrEnum):
    """Thing that a caller may do in an album."""

    LOOK = "look"  # see the album and download its files: without OPINIONS, the kept ones
    OPINIONS = "opinions"  # see all results, votes, comments, and names of people
    SETTINGS = "settings"  # see prompts and settings where their owner shows them
    REVIEW = "review"  # review and comment
    ADD = "add"  # add own results, and remove them
    TAKE_BACK = "take_back"  # remove any result, any comment and the album
    CHANGE = "change"  # change the album, and make links to it


_TAKE_PART = frozenset(Right) - {Right.TAKE_BACK, Right.CHANGE}
_MODERATE = _TAKE_PART | {Right.TAKE_BACK}


def rights_of(
    relation: Relation, access: AlbumAccess, *, public_settings: bool = False
) -> frozenset[Right]:
    """Return the rights without a link. `public_settings`: visitors see prompts and settings."""
    match relation, access:
        case "owner", _:
            return frozenset(Right)
        case _, "private":
            return frozenset()
        case "administrator", _:
            return _MODERATE
        case "member", _:
            return _TAKE_PART
        case _, "public":
            return frozenset({Right.LOOK} | ({Right.SETTINGS} if public_settings else set()))
        case _:
            return frozenset()


def rights_by_link(link: AlbumLink) -> frozenset[Right]:
    """Return the rights of guests with a link. They don't depend on the album's access."""
    rights = {Right.LOOK, Right.OPINIONS}
    if link.settings:
        rights.add(Right.SETTINGS)
    if link.comments:
        rights.add(Right.REVIEW)
    return frozenset(rights)
