"""Backup of an app's data and workflows in one archive, its check, and its restoration."""
