"""Estimators for raw tables: text, dates, missing values and all."""
