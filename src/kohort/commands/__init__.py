"""The command line: one file per command, all listed in `app.py`."""
