"""Grids of a batch: settings, layout and the image of the whole grid."""
