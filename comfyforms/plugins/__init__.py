"""The app's own plugins, one folder each with a module `plugin`. The app finds them by their
folders, and imports none of them by name."""
