"""Questions asked of fits: uncertainty, pretraining."""
