"""Remove the metadata from images, videos and sounds without decoding them.

Each container has an allowlist: only the chunks, boxes or elements that a player needs are kept,
and bytes after the end are dropped. A file that can't be parsed to its end is refused. Pixels and
samples are copied bit by bit.

The parsers are our own for the reasons given in `comfy.media`. In addition, mutagen keeps unknown
blocks and boxes. Remuxing with ffmpeg (PyAV) would parse hostile files in C, copies codec headers
with comments inside, and can change the timing.
"""
