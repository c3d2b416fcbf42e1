"""Searches, their spaces, and the problems of the command line."""
