"""The claims, one file each; a file is found by its `CLAIM`."""
