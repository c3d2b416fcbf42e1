"""Files of tables: what they are and which columns they have, before pandas is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kohort.data.csv_files import CsvFormat, CsvTable, open_csv, refuse_repeated_names
from kohort.errors import DataError, explain

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = {".csv": "CSV", ".tsv": "CSV", ".txt": "CSV", ".parquet": "Parquet", ".pq": "Parquet"}
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file of which only the schema was read.

    Attributes
    ----------
    path : path
    names : list of str
        Of the columns, without spaces around them; pandas's index may be among them.
    notes : list of str
        Sentences on what was assumed: none.
    """

    path: Path
    names: list[str]
    notes: list[str] = field(default_factory=list)

    def read(self) -> pd.DataFrame:
        """Read the table.

        Raises
        ------
        DataError
            If it does not parse.
        """
        import pandas as pd
        import pyarrow

        try:
            table = pd.read_parquet(self.path)
        except (pyarrow.ArrowException, OSError) as error:
            raise _unreadable(self.path, error) from error
        refuse_repeated_names([str(name).strip() for name in table.columns], repr(str(self.path)))
        return table.rename(columns=lambda name: str(name).strip())


def open_table(path: str | Path, form: CsvFormat | None = None) -> CsvTable | ParquetFile:
    """Open the file of a table; see `kohort.data.tables.read_table`.

    Raises
    ------
    DataError
        If there is no such file, or it is no table.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    kind = _FORMATS.get(suffix)
    if kind is None:
        remedy = "Convert it."
        if suffix in _SPREADSHEETS:
            remedy = "Save the sheet as CSV (in Excel: Save As, CSV UTF-8), and give that file."
        requirement = "a file that ends in .csv, .tsv, .txt, .parquet or .pq"
        raise DataError(explain("DATA", requirement, str(path), remedy))
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing there"
        raise DataError(
            explain("DATA", "an existing file", str(path), f"There is {found}; check the path.")
        )
    if kind == "CSV":
        return open_csv(path, form or CsvFormat())
    return ParquetFile(path, _parquet_names(path))


def _parquet_names(path: Path) -> list[str]:
    import pyarrow
    import pyarrow.parquet

    try:
        names = list(map(str, pyarrow.parquet.read_schema(path).names))
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    refuse_repeated_names(names, repr(str(path)))
    return [name.strip() for name in names]


def _unreadable(path: Path, error: Exception) -> DataError:
    """Why a Parquet file cannot be read; Arrow's errors are OSErrors without a number, too."""
    if isinstance(error, OSError) and error.strerror:
        return DataError(explain("DATA", "a readable file", str(path), f"{error.strerror}."))
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return DataError(explain("DATA", "a Parquet file", str(path), f"It does not parse: {reason}."))
