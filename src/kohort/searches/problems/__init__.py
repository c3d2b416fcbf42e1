"""The problems of the command line: tables and folders of images."""
