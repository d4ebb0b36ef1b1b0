"""Files that can carry a workflow beside their own content: one module a family, all of them yield
named texts.

Which texts are ComfyUI's is decided elsewhere (`comfy.workflow.extract`), by what they say and not
by where they stood.

Pillow reads what needs a library: EXIF; libsndfile, by soundfile, decodes sounds in a process of
its own. The other readers are our own and small, because only a few headers are wanted and anybody
may have made the files.
mutagen inflates ID3 frames without a bound (300 kB took 900 MB) and is GPL; tinytag takes time in
the square of the number of tags (400 kB took 7 s) and misses the tags of a MOV; the two Matroska
readers build the whole tree as deep as the file says; Pillow reaches PNG texts behind the pixels by
decoding every frame.
"""
