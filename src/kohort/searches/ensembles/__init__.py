"""Ensembles of what a search has trained: kept fold models, selection, the fitted estimator."""
