"""The report of a search: one page for a browser, a notebook or a colleague."""

from __future__ import annotations

import html
from pathlib import Path

from kohort.arrays import Search
from kohort.report.page.assembly import check_language, page
from kohort.report.page.facts import facts_of
from kohort.report.run_folder import is_unfinished, write_file
from kohort.report.watching import Watch

_FRAME_HEIGHT = 900


class SearchReport:
    """A finished report; a notebook shows it, `save` writes it.

    Attributes
    ----------
    html : str
        The page: one file with everything in it, about 5 MB of which are Plotly.
    """

    def __init__(self, page: str) -> None:
        self.html = page

    def save(self, path: str | Path) -> Path:
        """Write the page into a file; one that exists is replaced.

        Parameters
        ----------
        path : str or path
            Usually ends in `.html`.

        Returns
        -------
        path

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        write_file(path, self.html)
        return Path(path)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that no style of the notebook's meets its own."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="kohort" loading="lazy" '
            f'style="width: 100%; height: {_FRAME_HEIGHT}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"SearchReport({len(self.html) / 1e6:.1f} MB of HTML; save(path) writes it)"


def search_report(
    search: Search, path: str | Path | None = None, language: str = "en"
) -> SearchReport:
    """Show a search as one page: leaderboard, curves, importance of parameters, times.

    The page is a single HTML file that needs no server and no network. It has a leaderboard to
    sort and to filter, the learning curves of all fits, parallel coordinates, the importance of
    each parameter and of pairs of them, the winner's learning rate, times, versions, and the
    command to run the search again; the findings of a diagnosis where there was one, and the parts
    of the ensemble where the search ended in one.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV, str or path
        A fitted search, or the folder that `kohort search --out` wrote, or was about to write when
        it was interrupted. scikit-learn's own searches have no learning curves and no times to
        show.
    path : str, path or None, default=None
        Where to write the page; None only makes it.
    language : {"en", "ko"}, default="en"
        English or Korean, to begin with; the page has a switch.

    Returns
    -------
    SearchReport
        The page, as `report.html`; a notebook shows it.

    Raises
    ------
    ParameterError
        If `search` is not fitted or has several scores, or the language is unknown.
    DataError
        If the folder holds no search, or the file cannot be written.
    KohortError
        If Plotly is not installed.

    References
    ----------
    Importance is Optuna's functional ANOVA: Hutter, Hoos and Leyton-Brown, "An Efficient Approach
    for Assessing Hyperparameter Importance", ICML 2014.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=16, epochs=5, random_state=0)
    >>> search = kohort.GridSearchCV(model, {"learning_rate": [1e-3, 1e-2]}, cv=3).fit(X, y)
    >>> report = kohort.search_report(search)
    >>> report.html.startswith("<!DOCTYPE html>")
    True
    """
    check_language(language)
    died = isinstance(search, str | Path) and is_unfinished(Path(search))
    found = Watch(Path(search)).news()[0] if died else facts_of(search)
    report = SearchReport(page(found, language))
    if path is not None:
        report.save(path)
    return report
