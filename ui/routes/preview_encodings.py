"""Smaller previews, made once for all who watch a run over a link that needs them."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping

from cachetools import LRUCache

from comfy.media.smaller_preview import PREVIEW_SIZES, PreviewSize, smaller_preview
from ui.routes.preview_window import PreviewWindow

_MOST = 64  # previews of all runs that are remembered, each for as long as it is the newest


class PreviewEncodings:
    """For all runs of an app; used in its event loop only. `enabled`: else all previews go out as
    they came."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._made: MutableMapping[tuple[str, int, PreviewSize], asyncio.Future[bytes]] = LRUCache(
            _MOST
        )
        # Size ratio of the last preview, to choose the next one's encoding.
        self._shares: MutableMapping[tuple[str, PreviewSize], float] = LRUCache(_MOST)
        self.count = 0
        """Of previews that were made smaller so far."""

    async def fitting(self, run: str, number: int, data: bytes, window: PreviewWindow) -> bytes:
        """Preview `number` of a run, as large as the window lets it be."""
        most = window.most_bytes(len(data)) if self._enabled else None
        if most is None:
            return data
        size = self._size(run, len(data), most)
        key = (run, number, size)
        if key not in self._made:
            self.count += 1
            self._made[key] = asyncio.ensure_future(asyncio.to_thread(smaller_preview, data, size))
        made = await asyncio.shield(self._made[key])
        self._shares[run, size] = len(made) / len(data)
        return made

    def _size(self, run: str, size: int, most: int) -> PreviewSize:
        """The largest that fits, else the smallest there is."""
        fits = (
            one for one in PREVIEW_SIZES if self._shares.get((run, one), one.share) * size <= most
        )
        return next(fits, PREVIEW_SIZES[-1])
