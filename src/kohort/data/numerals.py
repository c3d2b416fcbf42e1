"""Numbers that are written as text: marks between thousands, decimal commas, units of money."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from kohort.deferred import pd

_SPACES = " \u00a0\u2007\u2009\u202f'\u2019`\u00b4"
# Between thousands, and before decimals.
_STYLES = ((",", "."), (".", ","), (_SPACES, "."), (_SPACES, ","))
_MONEY = {
    "usd", "eur", "gbp", "jpy", "krw", "cny", "rmb", "chf", "fr", "sfr", "inr", "rs", "kr", "pln",
    "zł", "원", "元", "円",
}  # fmt: skip
_UNITS = {"%", "‰", *_MONEY}
_SAME = {
    "us$": "$", "usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "円": "¥", "cny": "元",
    "rmb": "元", "krw": "₩", "원": "₩", "inr": "₹", "rs": "₹", "fr": "chf", "sfr": "chf",
    "pln": "zł",
}  # fmt: skip
# Letters of full width, as East Asian keyboards write them, and longer dashes.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    {
        "\u2212": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\uffe0": "¢",
        "\uffe1": "£",
        "\uffe5": "¥",
        "\uffe6": "₩",
    }
)


@dataclass(frozen=True)
class Numerals:
    """The content of a column of text.

    Attributes
    ----------
    values : Series of float64, shape (row,)
        NaN where the text is no number or nothing.
    first : str
        The first of the texts.
    failing : list of (int, str)
        Rows, counted from 0, whose text is no number.
    units : list of str
        Signs of money and percent beside the numbers, `"€"` for "EUR" too, in the order in which
        they come; more than one: the values are not to be compared.
    other : (float, float) or None
        Where all points could stand between thousands as well: the first number, read with
        decimals and read with thousands.
    """

    values: pd.Series[Any]
    first: str
    failing: list[tuple[int, str]]
    units: list[str]
    other: tuple[float, float] | None

    @property
    def named_units(self) -> str:
        """The units in words, such as "$ and €"; there are at least two."""
        return " and ".join([", ".join(self.units[:-1]), self.units[-1]])

    def points(self, holder: str) -> list[str]:
        """Tell of the other reading, if there is one, in a sentence that begins with a holder."""
        if self.other is None:
            return []
        decimal, thousands = self.other
        return [
            f"{holder}: points are taken for decimal ones, the first number for {decimal:g}; if "
            f"they stand between thousands ({thousands:g}), remove them."
        ]


def numerals(column: pd.Series[Any]) -> Numerals | None:
    """Read a column of text as numbers; None if it holds no text, or not mostly numbers.

    Of the four ways to write thousands and decimals, the one that most of the column is written
    in. "12 %" is 12, "(3.2)" is -3.2; signs of money and percent are dropped where they are.

    Examples
    --------
    >>> numerals(pd.Series(["1,234.50", "-7"])).values.tolist()
    [1234.5, -7.0]
    >>> numerals(pd.Series(["1,5", "1.234,50 €"])).values.tolist()
    [1.5, 1234.5]
    >>> numerals(pd.Series(["red", "12"])) is None
    True
    >>> numerals(pd.Series(["$3", "EUR 4", "5 €"])).units
    ['$', '€']
    >>> numerals(pd.Series(["€ 1.234", "€ 2.500"])).other
    (1.234, 1234.0)
    """
    known = column.dropna()
    texts = known.map(lambda value: isinstance(value, str | Decimal))
    if pd.api.types.is_numeric_dtype(column) or known.empty or not texts.all():
        return None
    distinct = known.astype(str).unique()
    bare = {text: _bare(text) for text in distinct}
    readings = [
        {t: value for t in distinct if (value := _read(bare[t][0], style)) is not None}
        for style in _STYLES
    ]
    best = max(readings, key=len)
    written = known.astype(str)
    good = written.isin(list(best))
    if good.mean() <= 0.5:
        return None
    values = column.astype(object).map(lambda value: best.get(str(value), np.nan))
    places = np.flatnonzero(column.notna())[~good.to_numpy()]
    failing = [(int(place), str(column.iloc[place])) for place in places]
    units = list(dict.fromkeys(unit for text in best for unit in bare[text][1]))
    first = str(written.iloc[0])
    return Numerals(values.astype(np.float64), first, failing, units, _otherwise(best, readings))


def _otherwise(
    best: dict[str, float], readings: list[dict[str, float]]
) -> tuple[float, float] | None:
    """The first number that another reading of as many texts takes for a larger one, both ways."""
    for other in readings:
        if len(other) == len(best) and other != best:
            larger = (t for t in best if abs(other.get(t, 0.0)) > abs(best[t]))
            return next(((best[text], other[text]) for text in larger), None)
    return None


def _bare(text: str) -> tuple[str, list[str]]:
    """Without quotes and units (money, percent) around the digits, and these units; brackets of
    negative amounts and a sign at the end become one in front.
    """
    units = []
    sign, text = _signed("", text.translate(_PLAIN).strip().strip('"').strip())
    front = re.match(r"[^\d.,+()-]*(?:(?<=[^\W\d_])\.)?", text)  # "Fr." has a point of its own.
    before = front.group().strip() if front else ""
    if before and _is_unit(before):
        units.append(_unit(before))
        text = text[len(front.group()) if front else 0 :]
    back = re.search(r"(?:\s*[^\W\d_]+\.|[^\d.,+()-]*)$", text)
    after = back.group().strip() if back else ""
    if after and _is_unit(after):
        units.append(_unit(after))
        text = text[: back.start() if back else None]
    sign, text = _signed(sign, text)  # "$ -3", "$(3)"
    return sign + text, units


def _signed(sign: str, text: str) -> tuple[str, str]:
    """The sign of a number, and the rest; a number that has a sign already takes no other."""
    text = text.strip()
    if sign:
        return sign, text
    if text.startswith("(") and text.endswith(")"):
        return "-", text[1:-1].strip().removeprefix("-")
    if text[:1] in ("-", "+"):
        return text[0].strip("+"), text[1:].strip()
    bare = text.rstrip("-")
    if bare == text or not bare[:1].isdigit():
        return "", text
    if bare[-1] in ".,":  # "3.-": without cents.
        return "", bare[:-1]
    return "-", bare.strip()  # "3-", as ledgers write it.


def _unit(text: str) -> str:
    bare = text.lower().removesuffix(".")
    return _SAME.get(bare, bare)


def _is_unit(text: str) -> bool:
    bare = text.lower().removesuffix(".")
    return bare in _UNITS or any(
        unicodedata.category(mark) == "Sc" for mark in bare[-1:] + bare[:1]
    )


def _read(text: str, style: tuple[str, str]) -> float | None:
    """A number in one style; None if it is not written so."""
    marks, point = style
    between = f"[{re.escape(marks)}]"
    # No number with marks between its thousands begins with 0: "0,123" has a decimal comma.
    whole = rf"[1-9]\d{{0,2}}({between})\d{{2,3}}(?:\1\d{{2,3}})*(?<=\d{{3}})|\d+"
    matched = re.fullmatch(rf"-?(?:{whole})?(?:{re.escape(point)}\d*)?(?:[eE][+-]?\d+)?", text)
    if not matched or not re.search(r"\d", text):
        return None
    bare = re.sub(between, "", text).replace(point, ".")
    try:
        return float(bare)
    except ValueError:
        return None
