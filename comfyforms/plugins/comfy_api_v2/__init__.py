"""Comfy API v2 for its clients, such as Comfy SDK."""

from __future__ import annotations

# occur nowhere outside this folder
NOUNS = ("comfy_api_v2", "comfy api v2", "api/v2", "AssetStore", "JobHandlers")
