"""Notify users by Web Push when a run is done while no page is open."""

from __future__ import annotations

NOUNS = ("web_push", "push.subscription", "web push", "PushMessages")
EXTRA = "push"  # in pyproject.toml, with the packages that it needs
