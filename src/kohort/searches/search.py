"""scikit-learn's searches, with all fits trained as one cohort."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Self

from sklearn import model_selection

from kohort.cohort.together import together
from kohort.engine.programs import compilations
from kohort.estimators.reprs import RichReprMixin, leaders_html


class _TogetherMixin(RichReprMixin):
    """A search whose `fit` runs inside `kohort.together()`."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Run the search; parameters are those of scikit-learn's `fit`."""
        with together() as cohort, compilations() as programs:
            before, times, start = len(cohort.record), cohort.times(), time.perf_counter()
            super().fit(X, y, **params)  # type: ignore[misc]
            self.cohort_record_ = cohort.record[before:]
            seconds = asdict(cohort.times() - times)
            wall = time.perf_counter() - start
            seconds["idle"] = max(0.0, wall * cohort.threads - sum(seconds.values()))
            self.cohort_times_ = {
                "wall": wall,
                "threads": cohort.threads,
                "seconds": seconds,
                "programs": len(programs),
                "programs_from_cache": sum(program.cached for program in programs),
            }
        return self

    def _learned_html(self) -> str:
        return leaders_html(self)


class GridSearchCV(_TogetherMixin, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV` whose `fit` runs inside `kohort.together()`.

    Parameters, attributes and results are scikit-learn's; see its documentation.

    Attributes
    ----------
    cohort_record_ : list of Record
        What became of each kohort fit, in the order in which the search asked for them.
    cohort_times_ : dict
        `wall`, the seconds that `fit` took; `threads`, how many trained; `seconds`, what the time
        of all threads went into (`compile`, `train`, `host` and `idle`, which add up to wall x
        threads); `programs`, how many the search asked for; `programs_from_cache`, how many of
        them an earlier process had compiled.

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
    cohort_times_ : dict
        `wall`, the seconds that `fit` took; `threads`, how many trained; `seconds`, what the time
        of all threads went into (`compile`, `train`, `host` and `idle`, which add up to wall x
        threads); `programs`, how many the search asked for; `programs_from_cache`, how many of
        them an earlier process had compiled.

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
