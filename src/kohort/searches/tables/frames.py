"""Tables of every accepted form, as DataFrames of pandas."""

from __future__ import annotations

from typing import cast

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from kohort.arrays import Estimator, TableLike
from kohort.data.csv_files import refuse_repeated_names
from kohort.deferred import pd


def as_frame(estimator: Estimator, X: TableLike, reset: bool) -> pd.DataFrame:
    """A table that was given to an estimator, with texts for names of columns.

    Parameters
    ----------
    estimator : estimator
        Learns number and names of the columns when `reset`, and holds X to them otherwise.
    X : DataFrame of pandas or polars, array or list of lists, shape (row, column)
        Columns of arrays are named x0, x1, ...; those of objects get types of their own.
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
        return frame.set_axis(names, axis=1)
    values = check_array(
        X, dtype=None, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"
    )
    validate_data(estimator, values, reset=reset, skip_check_array=True)
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(values.shape[1])])
    return frame.infer_objects() if values.dtype == np.dtype(object) else frame
