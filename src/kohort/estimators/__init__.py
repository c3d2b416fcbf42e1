"""The scikit-learn face: estimators, searches and the joblib backend."""
