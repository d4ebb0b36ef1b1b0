"""Notify users by Web Push when a run is done while no page is open."""
