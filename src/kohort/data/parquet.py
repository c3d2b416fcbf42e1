"""Tables that are larger than memory: rows of a Parquet file, read when they are needed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray
from kohort.data.moments import Moments, moments
from kohort.data.parquet_rows import ParquetRows, read_group
from kohort.data.streams import Stream
from kohort.errors import DataError, ParameterError, explain

_WINDOW_BYTES = 64 * 1024**2
_learning = threading.Lock()


class ParquetTable:
    """Numeric columns of a Parquet file as X of an estimator, without reading them into memory.

    scikit-learn's splitters and searches take it like an array: indexing with row numbers gives a
    table of these rows. Each epoch visits row groups in an order of its own and shuffles the rows
    of as many groups as 64 MiB hold; write the file with small groups
    (`table.to_parquet(path, row_group_size=50_000)`) for a thorough shuffle.

    Parameters
    ----------
    path : str or path
    columns : sequence of str or None, default=None
        Features in their order; None for all columns that are not excluded.
    exclude : sequence of str, default=()
        Columns that are no features, such as the target.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns.
    columns : tuple of str

    Raises
    ------
    DataError
        If the file cannot be read, has no rows, or a column is missing or holds no numbers.

    Examples
    --------
    >>> import pandas as pd, tempfile, pathlib, kohort
    >>> path = pathlib.Path(tempfile.mkdtemp(), "table.parquet")
    >>> pd.DataFrame({"a": range(100), "b": [0.5] * 100, "y": range(100)}).to_parquet(path)
    >>> X = kohort.ParquetTable(path, exclude=["y"])
    >>> X.shape, X.columns, X.column("y")[:3].tolist()
    ((100, 2), ('a', 'b'), [0, 1, 2])
    >>> model = kohort.DenseRegressor(width=4, epochs=1, random_state=0)
    >>> model.fit(X, X.column("y")).predict(X[[5, 6]]).shape
    (2,)
    """

    nbytes = 0

    def __init__(
        self,
        path: str | Path,
        columns: Sequence[str] | None = None,
        *,
        exclude: Sequence[str] = (),
    ) -> None:
        self.path = str(Path(path).absolute())
        schema, lengths = _opened(self.path)
        if isinstance(columns, str) or isinstance(exclude, str):
            given = columns if isinstance(columns, str) else exclude
            raise ParameterError(explain("columns and exclude", "lists of names", given))
        chosen = schema.names if columns is None else list(columns)
        missing = [name for name in (*chosen, *exclude) if name not in schema.names]
        if missing:
            raise DataError(
                f"{self.path} has no column {missing[0]!r}. It has: {', '.join(schema.names)}."
            )
        self.columns = tuple(name for name in chosen if name not in set(exclude))
        for name in self.columns:
            kind = schema.field(name).type
            if not _is_number(kind):
                raise DataError(
                    f"Column {name!r} of {self.path} must hold numbers; it holds {kind}. Leave it "
                    f"out (exclude=[{name!r}]), or encode it in the file."
                )
        if not self.columns or not sum(lengths):
            raise DataError(f"{self.path} must have rows and at least one column of features.")
        self._starts = np.cumsum([0, *lengths[:-1]]).astype(np.intp)
        self._lengths = np.array(lengths)
        self._rows = np.arange(sum(lengths))
        self._known: dict[bytes, Moments] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self._rows), len(self.columns)

    @property
    def ndim(self) -> int:
        """Number of axes, 2."""
        return 2

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> ParquetTable:
        """The table of the given rows: numbers, a mask or a slice."""
        if isinstance(rows, tuple):
            rows, *rest = rows
            if any(not (axis is Ellipsis or axis == slice(None)) for axis in rest):
                remedy = "Choose columns with ParquetTable(path, columns=[...])."
                raise DataError(
                    explain("The index", "row numbers, a mask or a slice", rest, remedy)
                )
        chosen = object.__new__(ParquetTable)
        vars(chosen).update(vars(self))
        chosen._rows = np.atleast_1d(self._rows[rows])
        return chosen

    def column(self, name: str) -> NDArray[Any]:
        """One column, in memory, such as the target.

        Parameters
        ----------
        name : str

        Returns
        -------
        array, shape (row,)

        Raises
        ------
        DataError
            If there is no such column.
        """
        import pyarrow.parquet

        schema, _ = _opened(self.path)
        if name not in schema.names:
            raise DataError(f"{self.path} has no column {name!r}. It has: {schema.names}.")
        table = pyarrow.parquet.read_table(self.path, columns=[name])
        return np.asarray(table[name].to_pandas())[self._rows]

    def moments(self, weight: Floats | None) -> Moments:
        """Range, mean and deviation of each column.

        The file is read once, group by group, for all fits that need those of the same rows.
        """
        key = hashlib.blake2b(self._rows.tobytes() + (b"" if weight is None else weight.tobytes()))
        with _learning:
            if key.digest() not in self._known:
                self._known[key.digest()] = self._moments(weight)
            return self._known[key.digest()]

    def _moments(self, weight: Floats | None) -> Moments:
        found = moments(
            (values, None if weight is None else weight[here]) for values, here in self._groups()
        )
        if not np.isfinite(found.mean).all():
            name = self.columns[int(np.argmin(np.isfinite(found.mean)))]
            raise DataError(
                f"Column {name!r} of {self.path} has missing or infinite values. Fill them in, or "
                f"leave it out (exclude=[{name!r}])."
            )
        return found

    def _groups(self) -> Iterator[tuple[HostArray, NDArray[np.intp]]]:
        """Rows of each row group, and their places in this table."""
        blocks = self._blocks
        for group in np.unique(blocks):
            here = np.flatnonzero(blocks == group)
            try:
                values = read_group(self.path, int(group), self.columns)
            except ValueError as error:
                raise DataError(f"{error}.") from error
            yield values[self._rows[here] - self._starts[group]], here

    @property
    def _blocks(self) -> NDArray[np.intp]:
        return np.searchsorted(self._starts, self._rows, side="right") - 1

    def stream(
        self, mean: NDArray[Any], scale: NDArray[Any], dtype: np.dtype[Any], workers: int
    ) -> Stream:
        """The rows as `(value - mean) / scale`, read when they are needed.

        Parameters
        ----------
        mean, scale : arrays, shape (column,)
        dtype : numpy.dtype
        workers : int
            Processes that read, >= 0.
        """
        source = ParquetRows(self.path, self.columns, self._rows, self._starts, mean, scale, dtype)
        blocks = self._blocks
        # A group is read as a whole, however few of its rows are in the table.
        group_bytes = 8 * len(self.columns) * int(self._lengths[blocks].max())
        window = max(1, _WINDOW_BYTES // group_bytes)
        return Stream(source, (len(self.columns),), dtype, workers, blocks, window)


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _opened(path: str) -> tuple[Any, list[int]]:
    """Schema of a file, and the number of rows in each group."""
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            metadata = file.metadata
            lengths = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
            return file.schema_arrow, lengths
    except Exception as error:
        raise DataError(explain("path", "a Parquet file", path, f"{error}.")) from error
