"""Tables of every accepted form, as DataFrames of pandas."""

from __future__ import annotations

from typing import cast

from sklearn.utils.validation import check_array, validate_data

from kohort.arrays import Estimator, TableLike
from kohort.data.csv_files import refuse_repeated_names
from kohort.data.plain_columns import plain_columns
from kohort.deferred import pd


def as_frame(estimator: Estimator, X: TableLike, reset: bool) -> pd.DataFrame:
    """A table that was given to an estimator, with texts for names of columns.

    Parameters
    ----------
    estimator : estimator
        Learns number and names of the columns when `reset`, and holds X to them otherwise.
    X : DataFrame of pandas or polars, array or list of lists, shape (row, column)
        Columns of arrays have the names of those in `fit`, or else x0, x1, ...
    reset : bool

    Raises
    ------
    ValueError
        If it is no table, has no rows, or has other columns than in `fit`.
    """
    if isinstance(X, pd.DataFrame) or hasattr(X, "to_pandas"):
        frame = cast("pd.DataFrame", X if isinstance(X, pd.DataFrame) else X.to_pandas())
        names = list(map(str, frame.columns))
        refuse_repeated_names(names, "X")
        validate_data(estimator, frame, reset=reset, skip_check_array=True)
        if not len(frame):
            raise ValueError(f"Found array with 0 sample(s) (shape={frame.shape}).")
        if not names:
            raise ValueError(f"Found array with 0 feature(s) (shape={frame.shape}).")
        return plain_columns(frame.set_axis(names, axis=1))
    values = check_array(
        X, dtype=None, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"
    )
    validate_data(estimator, values, reset=reset, skip_check_array=True)
    names = [f"x{number}" for number in range(values.shape[1])]
    known = getattr(estimator, "feature_names_in_", names)
    return plain_columns(pd.DataFrame(values, columns=known))
