"""Tables that are larger than memory: rows of a Parquet file, read when they are needed."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import DTypeLike, Floats, HostArray, PathLike
from kohort.data.moments import Moments, moments
from kohort.data.parquet_rows import ParquetRows, StampedFile, read_group
from kohort.data.standardising import Standardisation
from kohort.data.streams import Stream
from kohort.errors import DataError, ParameterError, explain
from kohort.recipe.constraints import check, path_like

if TYPE_CHECKING:
    import pyarrow

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
        The Parquet file.
    columns : sequence of str or None, default=None
        Features in their order; None for all columns that are not excluded.
    exclude : sequence of str, default=()
        Columns that are no features, such as the target.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and columns.
    columns : tuple of str
        Names of the features, in their order.

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
        path: PathLike,
        columns: Sequence[str] | None = None,
        *,
        exclude: Sequence[str] = (),
    ) -> None:
        check("path", path, path_like())
        self.path = str(Path(path).absolute())
        self._file, schema, lengths = _opened(self.path)
        if isinstance(columns, str) or isinstance(exclude, str):
            given = columns if isinstance(columns, str) else exclude
            raise ParameterError(explain("columns and exclude", "lists of names", given))
        chosen = schema.names if columns is None else list(columns)
        missing = [name for name in (*chosen, *exclude) if name not in schema.names]
        if missing:
            raise DataError(
                f"{self.path} has no column {missing[0]!r}. It has: {', '.join(schema.names)}."
            )
        refuse_repeated(schema.names, (*chosen, *exclude), self.path)
        refuse_repeated(chosen, chosen, "columns")
        self.columns = tuple(name for name in chosen if name not in set(exclude))
        for name in self.columns:
            kind = schema.field(name).type
            if not _is_number(kind):
                raise DataError(
                    f"Column {name!r} of {self.path} must hold numbers; it holds {kind}. Leave it "
                    f"out (exclude=[{name!r}]), or encode it in the file."
                )
        if not self.columns or not sum(lengths):
            raise DataError(
                f"{self.path} must have rows and at least one column of features; got "
                f"{sum(lengths)} rows and {len(self.columns)} columns. Write rows into it, or "
                "choose columns=[...]."
            )
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
        chosen._rows = self._rows[checked_rows(rows, len(self))]
        return chosen

    def __iter__(self) -> Iterator[ParquetTable]:
        """Tables of one row each."""
        return (self[[number]] for number in range(len(self)))

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> NDArray[Any]:
        """Refuse to be read into memory as an array."""
        raise DataError(
            "A ParquetTable stays in its file, and only dense estimators read it from there. For "
            "others, read it into memory: pandas.read_parquet(path, columns=[...])."
        )

    def column(self, name: str) -> NDArray[Any]:
        """Read one column into memory, such as the target.

        Parameters
        ----------
        name : str
            The column's name in the file; it need not be a feature.

        Returns
        -------
        array, shape (row,)
            The column's values in this table's rows.

        Raises
        ------
        DataError
            If there is no such column, or the file has changed since the table was opened.
        """
        import pyarrow
        import pyarrow.parquet

        def read(path: str) -> tuple[list[str], Any]:
            with pyarrow.parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                return names, file.read(columns=[name] if name in names else [])

        with _data_errors():
            names, table = self._file.read(read)
        if name not in names:
            raise DataError(f"{self.path} has no column {name!r}. It has: {', '.join(names)}.")
        refuse_repeated(names, [name], self.path)
        found = table[name]
        if pyarrow.types.is_decimal(found.type):
            found = found.cast(pyarrow.float64())
        return np.asarray(found.to_pandas())[self._rows]

    def moments(self, weight: Floats | None) -> Moments:
        """Compute range, mean and standard deviation of each column.

        The file is read once, group by group, for all fits that need the moments of the same rows.

        Parameters
        ----------
        weight : array, shape (row,), or None
            Weight of each row, non-negative. None for equal weights.

        Returns
        -------
        Moments
            Arrays of shape (column,), in the column's own units.
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
            with _data_errors():
                values = read_group(self._file, int(group), self.columns)
            yield values[self._rows[here] - self._starts[group]], here

    @property
    def _blocks(self) -> NDArray[np.intp]:
        return np.searchsorted(self._starts, self._rows, side="right") - 1

    def stream(self, scaling: Standardisation, dtype: np.dtype[Any], workers: int) -> Stream:
        """Give the standardised rows as a stream, which reads them when they are needed.

        Parameters
        ----------
        scaling : Standardisation
            Offset and scale of each column.
        dtype : numpy.dtype
            Type of the numbers in the batches.
        workers : int
            Number of processes that read, >= 0; with 0 the training process reads.

        Returns
        -------
        Stream
            Batches of shape (batch, column), in the order of rows that each epoch asks for.
        """
        source = ParquetRows(self._file, self.columns, self._rows, self._starts, scaling, dtype)
        blocks = self._blocks
        # A group is read as a whole, however few of its rows are in the table.
        group_bytes = 8 * len(self.columns) * int(self._lengths[blocks].max())
        window = max(1, _WINDOW_BYTES // group_bytes)
        return Stream(source, (len(self.columns),), dtype, workers, blocks, window)


def checked_rows(rows: Any, count: int) -> slice | NDArray[np.intp] | NDArray[np.bool_]:
    """An index of rows that NumPy takes as it was meant.

    Parameters
    ----------
    rows : int, slice, sequence of int, or mask
    count : int
        Rows that there are.

    Raises
    ------
    DataError
        If it is out of range, a mask of another length, or holds no whole numbers.

    Examples
    --------
    >>> checked_rows([0, -1], 3).tolist(), checked_rows(2, 3).tolist()
    ([0, -1], [2])
    """
    name = "The index"
    if isinstance(rows, slice):
        try:
            rows.indices(count)
        except (TypeError, ValueError) as error:
            raise DataError(explain(name, "a slice of row numbers", rows, f"{error}.")) from error
        return rows
    chosen = np.atleast_1d(np.asarray(rows))
    if chosen.dtype == bool:
        if chosen.shape != (count,):
            requirement = f"a mask of shape ({count},), an entry for each row"
            raise DataError(explain(name, requirement, chosen.shape, "Make one from this table."))
        return chosen
    if chosen.shape == (0,):
        return chosen.astype(np.intp)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
        shown = f"{chosen.dtype} of shape {chosen.shape}"
        raise DataError(
            explain(name, "row numbers, a mask or a slice", shown, "Use whole numbers.")
        )
    outside = chosen[(chosen < -count) | (chosen >= count)]
    if len(outside):
        requirement = f"row numbers from {-count} to {count - 1}, for {count} rows"
        raise DataError(explain(name, requirement, int(outside[0]), "Choose rows that exist."))
    return chosen.astype(np.intp)


def refuse_repeated(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Refuse names that stand more than once where only one of the columns can be meant.

    Raises
    ------
    DataError
        If one of `wanted` is in `names` twice.
    """
    counts = Counter(names)
    repeated = sorted({name for name in wanted if counts[name] > 1})
    if repeated:
        shown = ", ".join(map(repr, repeated))
        raise DataError(
            f"Column names must differ; got {shown} more than once in {where}. Rename or remove "
            "the copies."
        )


@contextmanager
def _data_errors() -> Iterator[None]:
    """Errors of reading as `DataError`."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{error}.") from error


def _is_number(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    decimal = types.is_decimal(kind)
    return bool(
        decimal or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    )


def _opened(path: str) -> tuple[StampedFile, Any, list[int]]:
    """The file as it is, its schema, and the number of rows in each group."""
    import pyarrow.parquet

    def read(path: str) -> tuple[Any, list[int]]:
        with pyarrow.parquet.ParquetFile(path) as opened:
            metadata = opened.metadata
            lengths = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
            return opened.schema_arrow, lengths

    try:
        file = StampedFile.of(path)
        return file, *file.read(read)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(explain("path", "a Parquet file", path, f"{reason}.")) from error
