"""Names of the kinds of learning."""

REGRESSION = "regression"
CLASSIFICATION = "classification"
IMAGES = "image classification"
"""The task of a folder with a sub-folder per class."""

TASKS = ("auto", CLASSIFICATION, REGRESSION)
"""The tasks that a user may ask for."""
