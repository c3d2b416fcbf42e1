"""Ensembles of a search's models: kept fold models, selection, the fitted estimator."""
