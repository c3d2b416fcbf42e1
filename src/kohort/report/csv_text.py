"""A table as the text of a CSV file in which a spreadsheet finds no formula."""

from __future__ import annotations

from kohort.deferred import pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV, without its index.

    Text from outside, such as a class or the name of a file, may begin like a formula, which a
    spreadsheet would compute: with `=`, `+`, `-`, `@`, a tab or a carriage return. It gets an
    apostrophe in front, in headers too. Numbers stay numbers, also those written as text.

    Parameters
    ----------
    table : DataFrame, shape (row, column)

    Examples
    --------
    >>> print(csv_text(pd.DataFrame({"=1+1": ["@cmd", "-1"], "b": [-2.5, 3]})), end="")
    '=1+1,b
    '@cmd,-2.5
    -1,3.0
    """
    escaped = table.map(_no_formula).rename(columns=_no_formula)
    text = escaped.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # It would end a line; it is quoted where lines end with it.
        text = escaped.to_csv(index=False, lineterminator="\r\n")
    return text


def _no_formula(cell: object) -> object:
    dangerous = isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell)
    return f"'{cell}" if dangerous else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
