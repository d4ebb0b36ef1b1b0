"""Read text metadata from media files: one module per file family, each yielding named texts.

`comfy.workflow.extract` recognizes ComfyUI's texts by their content, not by their position.

Pillow reads EXIF; libsndfile, through soundfile, decodes sounds in a separate process. The other
readers are our own and small, because they read only a few headers of untrusted files. mutagen
inflates ID3 frames without a limit (300 kB took 900 MB) and is GPL. tinytag takes quadratic time in
the number of tags (400 kB took 7 s) and misses the tags of a MOV. The two Matroska readers build
the whole tree, as deep as the file demands. Pillow reaches PNG texts after the pixels only by
decoding every frame.
"""
