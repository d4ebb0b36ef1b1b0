"""What a page, a shell, scripts and routes all call: forms, the start of a run, files on their way
to it.

Nothing here knows of the web.
"""
