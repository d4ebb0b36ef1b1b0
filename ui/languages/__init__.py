"""The languages of the page: a catalogue for each, in gettext's own format."""
