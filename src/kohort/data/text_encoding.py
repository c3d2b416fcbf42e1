"""The encoding of a text file, and the text."""

from __future__ import annotations

import codecs
from collections import Counter
from pathlib import Path

from kohort.errors import DataError, KohortError, explain

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings of spreadsheets that do not write Unicode: Korean, Japanese, Chinese, Western,
# Cyrillic. Fewer than there are, so that short tables are told apart.
_ENCODINGS = ["cp949", "cp932", "gb18030", "big5", "cp1252", "cp1251"]
_SAMPLE_BYTES = 64 * 1024
_BIG_ENDS, _LITTLE_ENDS = (b"\0\r", b"\0\n"), (b"\r\0", b"\n\0")


def encoding_of(raw: bytes, path: Path) -> str:
    r"""Find the encoding of a file's content.

    A byte order mark decides. Without one, NUL bytes where UTF-16 has them make it that; else it is
    UTF-8 if it decodes so, else the likeliest encoding of spreadsheets.

    Raises
    ------
    DataError
        If NUL bytes stand elsewhere, or no encoding is likely.
    KohortError
        If it is not UTF-8, and charset-normalizer is not installed.

    Examples
    --------
    >>> encoding_of("a,b\n1,2\n".encode("utf-16-be"), Path("table.csv"))
    'utf-16-be'
    """
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return name
    sample = raw[:_SAMPLE_BYTES]
    if b"\0" in sample:
        found = _byte_order(sample)
        if found is None:
            raise _holds_nul(path, raw.index(0), raw.count(b"\n", 0, raw.index(0)))
        return found
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return _of_spreadsheets(raw, path)
    return "utf-8"


def decoded_text(raw: bytes, encoding: str, path: Path) -> str:
    """Decode a file's content, without its byte order mark.

    Raises
    ------
    DataError
        If it does not decode, or a character is NUL.
    """
    try:
        text = raw.decode(encoding)
    except UnicodeError as error:
        remedy = f"It is no text in {encoding}. Give its own with --encoding."
        raise DataError(explain("DATA", "a CSV file", str(path), remedy)) from error
    before, nul, _ = text.partition("\0")
    if nul:
        raise _holds_nul(path, len(before.encode(encoding)), before.count("\n"))
    return text.removeprefix("\ufeff")


def _byte_order(sample: bytes) -> str | None:
    """The encoding in UTF-16 without a mark of a sample with NUL bytes; None if it is another.

    Of a sample that could be UTF-8 as well, NUL bytes have to fill most of one side of its pairs
    and little of the other. In any other, line ends decide: U+AC00, a frequent syllable of Korean,
    has its NUL byte on the other side.
    """
    big, little = sample[::2].count(0), sample[1::2].count(0)
    if _could_be_utf8(sample):
        found = max(big, little) > max(len(sample) / 4, 4 * min(big, little))
    else:
        pairs = Counter(sample[place : place + 2] for place in range(0, len(sample), 2))
        big, little = (pairs[first] + pairs[last] for first, last in (_BIG_ENDS, _LITTLE_ENDS))
        found = big != little
    return ("utf-16-be" if big > little else "utf-16-le") if found else None


def _could_be_utf8(sample: bytes) -> bool:
    """Whether a sample, whose last character may be cut, decodes as UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _of_spreadsheets(raw: bytes, path: Path) -> str:
    """The likeliest of the encodings of spreadsheets."""
    try:
        from charset_normalizer import from_bytes
    except ImportError as error:
        raise KohortError(
            f"{str(path)!r} is not UTF-8, and charset-normalizer, which recognises encodings, is "
            'not installed. Give --encoding, or run: pip install "kohort[cli]"'
        ) from error
    lines = [line for line in raw.splitlines(keepends=True) if not line.isascii()]
    found = from_bytes(b"".join(lines)[:_SAMPLE_BYTES], cp_isolation=_ENCODINGS).best()
    if found is None:
        remedy = "Save it as UTF-8, or give its encoding with --encoding."
        raise DataError(explain("DATA", "text in UTF-8 or a known encoding", str(path), remedy))
    return str(found.encoding)


def _holds_nul(path: Path, place: int, lines: int) -> DataError:
    """The error of a NUL byte at a place, counted from 0, after a number of lines."""
    remedy = (
        f"The first one is byte {place + 1}, in line {lines + 1}. Remove these bytes, or give the "
        "encoding of the text with --encoding."
    )
    return DataError(explain("DATA", "text without NUL bytes", str(path), remedy))
