"""Smaller previews, encoded once for all browsers that watch a run over a slow link."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping

from cachetools import LRUCache

from comfy.media.thumbnails import PREVIEW_SIZES, PreviewSize, smaller_preview
from ui.sockets.preview_window import PreviewWindow

_MOST = 64  # remembered previews of all runs, each while it is the newest


class PreviewEncodings:
    """Smaller previews for all runs of an app. Belongs to the event loop. `enabled`: if False, all
    previews are sent unchanged."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._made: MutableMapping[tuple[str, int, PreviewSize], asyncio.Future[bytes]] = LRUCache(
            _MOST
        )
        # Size ratio of the last preview, to choose the next one's encoding.
        self._shares: MutableMapping[tuple[str, PreviewSize], float] = LRUCache(_MOST)
        self.count = 0
        """Number of previews made smaller so far."""

    async def fitting(self, run: str, number: int, data: bytes, window: PreviewWindow) -> bytes:
        """Return preview `number` of a run, as large as the window allows."""
        most = window.most_bytes(len(data)) if self._enabled else None
        if most is None:
            return data
        size = self._size(run, len(data), most)
        key = (run, number, size)
        if key not in self._made:
            self.count += 1
            self._made[key] = asyncio.ensure_future(asyncio.to_thread(smaller_preview, data, size))
        encoded = await asyncio.shield(self._made[key])
        self._shares[run, size] = len(encoded) / len(data)
        return encoded

    def _size(self, run: str, size: int, most: int) -> PreviewSize:
        """Return the largest size that fits, otherwise the smallest one."""
        fits = (
            one for one in PREVIEW_SIZES if self._shares.get((run, one), one.share) * size <= most
        )
        return next(fits, PREVIEW_SIZES[-1])
