"""scikit-learn's searches, with all fits trained as one cohort."""

from __future__ import annotations

from typing import Any, Self

from sklearn import model_selection

from kohort.estimators.together import together


class _TogetherMixin:
    """A search whose `fit` runs inside `kohort.together()`."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Run the search; parameters are those of scikit-learn's `fit`."""
        with together() as cohort:
            before = len(cohort.record)
            super().fit(X, y, **params)  # type: ignore[misc]
            self.cohort_record_ = cohort.record[before:]
        return self


class GridSearchCV(_TogetherMixin, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV` whose `fit` runs inside `kohort.together()`.

    Parameters, attributes and results are scikit-learn's; see its documentation.

    Attributes
    ----------
    cohort_record_ : list of Record
        What became of each kohort fit, in the order in which the search asked for them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.GridSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=5, random_state=0),
    ...     {"learning_rate": [1e-3, 1e-2]},
    ...     cv=3,
    ... )
    >>> search.fit(X, y).best_params_
    {'learning_rate': 0.01}
    """


class RandomizedSearchCV(_TogetherMixin, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.RandomizedSearchCV` whose `fit` runs inside `kohort.together()`.

    Parameters, attributes and results are scikit-learn's; see its documentation.

    Attributes
    ----------
    cohort_record_ : list of Record
        What became of each kohort fit, in the order in which the search asked for them.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.RandomizedSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=5, random_state=0),
    ...     {"learning_rate": loguniform(1e-3, 1e-2)},
    ...     n_iter=3,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> len(search.fit(X, y).cohort_record_)
    10
    """
