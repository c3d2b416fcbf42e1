"""Text files of tables: the separator is found, or given; the header is checked."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kohort.data.text_encoding import decoded_text, encoding_of
from kohort.errors import DataError, ParameterError, explain

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 100
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_DECIMAL_COMMA = re.compile(r"(?:^|;) *\"?-?[\d.]*\d,\d+\"? *(?:;|$)", re.MULTILINE)
_THOUSANDS = r"-?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"
UNNAMED = "Unnamed: "
"""Prefix of the names of columns that have none, as pandas names them."""

_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|"}


@dataclass(frozen=True)
class CsvFormat:
    """How a text file of a table is written; fields that are None are found in the file.

    Attributes
    ----------
    encoding : str or None, default=None
        A name that Python knows, such as `"utf-8"` or `"cp949"`.
    separator : str or None, default=None
        One character, or `"tab"`.
    """

    encoding: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                remedy = "Use utf-8, utf-16, cp949 or cp1252, for example."
                requirement = "an encoding that Python knows"
                raise ParameterError(
                    explain("encoding", requirement, self.encoding, remedy)
                ) from error
        if self.separator is not None:
            plain = _WORDS.get(self.separator.lower(), self.separator)
            if len(plain) != 1 or plain in '"\r\n' or plain.isalnum():
                remedy = "Use ',' or ';' or 'tab', for example."
                raise ParameterError(explain("separator", "one character", self.separator, remedy))
            object.__setattr__(self, "separator", plain)

    @property
    def unusual(self) -> str:
        """In words, its differences from UTF-8 and commas; empty if there are none."""
        parts = [] if self.encoding in ("utf-8", "utf-8-sig") else [f"encoding {self.encoding}"]
        if self.separator != ",":
            parts.append(f"separated by {_NAMES.get(str(self.separator), repr(self.separator))}")
        return ", ".join(parts)


@dataclass(frozen=True)
class CsvTable:
    """A text file that was read, and not yet parsed.

    Attributes
    ----------
    path : path
    text : str
    names : list of str
        Of the columns, without spaces around them.
    form : CsvFormat
        How it is written, nothing left open.
    notes : list of str
        Sentences on what was assumed.
    """

    path: Path
    text: str
    names: list[str]
    form: CsvFormat
    notes: list[str]

    def read(self) -> pd.DataFrame:
        """Parse the table.

        Spaces around names and after separators are dropped. Where semicolons separate, commas are
        decimal ones; points stand between thousands where any number has a decimal comma.

        Raises
        ------
        DataError
            If it does not parse.
        """
        return _parsed(self.text, str(self.form.separator), self.names, self.path)


def open_csv(path: Path, given: CsvFormat) -> CsvTable:
    """Read a text file, and find how it is written.

    Raises
    ------
    DataError
        If it does not decode, holds a NUL byte, or a name stands twice in the header.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(explain("DATA", "a readable file", str(path), f"{reason}.")) from error
    if not raw.strip():
        raise DataError(
            explain("DATA", "a table with a header and rows", str(path), "The file is empty.")
        )
    encoding = given.encoding or encoding_of(raw, path)
    text = decoded_text(raw, encoding, path)
    separator = given.separator or _separator(text, "\t" if path.suffix == ".tsv" else ",")
    form = CsvFormat(encoding, separator)
    notes = []
    if form.unusual and form != given:
        notes.append(f"Read {path.name} as {form.unusual}; --encoding and --separator overrule.")
    return CsvTable(path, text, _header(text, separator, path), form, notes)


def _separator(text: str, usual: str) -> str:
    """The mark that cuts the header and the first rows into the same number of fields, > 1.

    Where several do, the one with the most fields; where none does, the usual one if it is in the
    header, else the one that is there most often.
    """
    sample = _sample(text)
    marks = sorted(_NAMES, key=lambda mark: mark != usual)
    widths = {}
    for mark in marks:
        counts = {len(row) for row in _rows(sample, mark)}
        widths[mark] = counts.pop() if len(counts) == 1 else 1
    best = max(marks, key=lambda mark: widths[mark])
    if widths[best] > 1:
        return best
    header = sample.partition("\n")[0]
    return usual if usual in header else max(marks, key=header.count)


def _sample(text: str) -> str:
    return "".join(io.StringIO(text[:_SAMPLE_BYTES], newline=None).readlines()[:_SAMPLE_ROWS])


def _rows(text: str, separator: str) -> list[list[str]]:
    found = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=separator != "\t")
    try:
        return [row for row in found if row]
    except csv.Error:
        return []


def _header(text: str, separator: str, path: Path) -> list[str]:
    """Names of the columns.

    Raises
    ------
    DataError
        If one stands there twice: pandas would rename the second, and a second copy of the target
        would become a feature.
    """
    rows = _rows(_sample(text), separator)
    names = [name.strip() for name in rows[0]] if rows else []
    refuse_repeated_names([name for name in names if name], repr(str(path)))
    return [name or f"{UNNAMED}{place}" for place, name in enumerate(names)]


def refuse_repeated_names(names: list[str], where: str) -> None:
    """Raise `DataError` if a name stands there twice, or two that look the same."""
    repeated = sorted(name for name, count in Counter(map(_seen, names)).items() if count > 1)
    if repeated:
        requirement = "a table whose column names differ"
        remedy = f"Rename or remove the copies in {where}."
        raise DataError(explain("DATA", requirement, repeated, remedy))


def _seen(name: str) -> str:
    """A name as it looks: accents are part of their letters, marks without a width are none."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(mark for mark in composed if unicodedata.category(mark) != "Cf")


def _parsed(text: str, separator: str, names: list[str], path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Without this, rows longer than the header lose their last fields unnoticed.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text), sep=separator, index_col=False, low_memory=False,
                skipinitialspace=separator != "\t", decimal="," if separator == ";" else ".",
            )  # fmt: skip
    except pd.errors.EmptyDataError as error:
        raise DataError(
            explain("DATA", "a table with a header and rows", str(path), "The file is empty.")
        ) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        remedy = f"It does not parse: {reason}. Every row needs as many fields as the header."
        raise DataError(explain("DATA", "a CSV file", str(path), remedy)) from error
    if separator == ";" and _DECIMAL_COMMA.search(text):
        for name in table.select_dtypes(["object", "str"]):
            known = table[name].dropna().astype(str)
            if len(known) and known.str.fullmatch(_THOUSANDS).all():
                bare = known.str.replace(".", "").str.replace(",", ".").astype(float)
                table[name] = bare.reindex(table.index)
    if len(names) == table.shape[1]:  # A quoted name may go over several lines.
        table.columns = pd.Index(names)
    return table
