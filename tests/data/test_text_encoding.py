"""Encodings of text files: any text reads back equal, and a NUL byte is told of."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kohort
from kohort.data.csv_files import CsvFormat
from kohort.data.tables import read_table
from kohort.data.text_encoding import decoded_text, encoding_of

_PATH = Path("table.csv")
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1)
_ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)
_HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
_CELLS = st.text(_HANGUL | st.characters(min_codepoint=32, max_codepoint=126))


def _read(raw):
    return decoded_text(raw, encoding_of(raw, _PATH), _PATH)


@given(_TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]))
@example("\u0a00\u0d00", "utf-16-le")
def test_any_text_reads_back(text, encoding):
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    assert _read((mark + text).encode(encoding)) == text


@given(st.lists(_CELLS, min_size=2), st.sampled_from(["\n", "\r\n"]))
@example(["가가가가", "가가가가"], "\n")
@example(["\uac0a\uac0d", "1"], "\n")
@example(["id,grade", "1,\u4e00"], "\n")
def test_lines_in_utf_16_read_back_without_a_mark(cells, end):
    text = end.join(cells)
    assert _read(text.encode("utf-16-le")) == _read(text.encode("utf-16-be")) == text


@given(st.lists(_ASCII, min_size=1), st.lists(_ASCII, min_size=1), _ASCII, _ASCII)
@example(["a,b"], ["3,4"], "1,", "2")
def test_a_nul_byte_in_plain_text_is_told_of(above, below, before, after):
    head = "\n".join([*above, before])
    raw = "\n".join([f"{head}\0{after}", *below]).encode()
    message = f"got '{_PATH}'. The first one is byte {len(head) + 1}, in line {len(above) + 1}."
    with pytest.raises(kohort.DataError, match=re.escape(message)):
        _read(raw)


@given(_TEXT, _TEXT, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]))
def test_a_nul_character_is_told_of_whatever_the_encoding(before, after, encoding):
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    head = (mark + before).encode(encoding)
    with pytest.raises(kohort.DataError, match=rf"without NUL bytes.* byte {len(head) + 1}, in "):
        decoded_text(head + ("\0" + after).encode(encoding), encoding, _PATH)


@pytest.mark.parametrize(
    "raw",
    [
        b"a,b\n1,2\n\0", b"abc\n12\n\0", b"a,b\n\x001,2\n", b"a,b\0\0\n1,2\0\0\n",
        b"a,bx\0\n1,2x\0\n", b"\0\0\0",
    ],
)  # fmt: skip
def test_nul_bytes_beside_line_ends_make_no_utf_16(raw, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(raw)
    for form in (None, CsvFormat("utf-8")):
        with pytest.raises(kohort.DataError, match=rf"byte {raw.index(0) + 1}, in line .*Remove"):
            read_table(path, form)
