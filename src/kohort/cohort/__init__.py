"""Fits of many threads become one cohort."""
