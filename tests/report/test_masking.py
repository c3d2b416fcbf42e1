"""No secret of an address is ever shown, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kohort
from kohort.report.masking import masked, masked_text
from kohort.report.trackers.tracker import Tracker


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ada:secret@host/db", "postgresql://ada:***@host/db"),
        ("postgresql://ada:se/cret@host:5432/db", "postgresql://ada:***@host:5432/db"),
        ("postgresql://ada:p@ss@host/db", "postgresql://ada:***@host/db"),
        ("postgresql://ada:p@ss/word@host/db", "postgresql://ada:***@host/db"),
        ("mysql://ada:se?cret@host/db", "mysql://ada:***@host/db"),
        ("mysql://ada:se#cret@host/db", "mysql://ada:***@host/db"),
        ("mysql://ada:se:cret@[::1]:33/db", "mysql://ada:***@[::1]:33/db"),
        ("mysql://:secret@host", "mysql://:***@host"),
        ("https://secret@host/path", "https://***@host/path"),
        ("https://secret:@host", "https://***@host"),
        ("https://secret:x-oauth-basic@host", "https://***@host"),
        ("https://host/?token=secret&timeout=3", "https://host/?token=***&timeout=3"),
        ("https://host/x?secret", "https://host/x?***"),
        ("https://host/x#secret", "https://host/x#***"),
        ("mssql+pyodbc:///?odbc_connect=D%3Bsecret", "mssql+pyodbc:///?odbc_connect=***"),
        ("postgresql:///db?user=ada&password=secret", "postgresql:///db?user=***&password=***"),
        ("jdbc:sqlserver://host;password=secret;a=b", "jdbc:sqlserver://host;password=***;a=b"),
        ("--track=optuna:mysql://ada:secret@host", "--track=optuna:mysql://ada:***@host"),
        ("optuna:mysql://ada:sec ret@host", "optuna:mysql://ada:***@host"),
        ("sqlite:///optuna.db", "sqlite:///optuna.db"),
        ("http://localhost:5000/path", "http://localhost:5000/path"),
        ("runs/mine", "runs/mine"),
        ("--set", "--set"),
    ],
)
def test_what_is_shown_of_an_address(address, shown):
    assert masked(address) == shown
    assert masked(shown) == shown


@given(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=12).filter(str.isprintable))
def test_no_password_is_shown(password):
    assert password not in masked(f"postgresql://ada:{password}@host/db")
    assert password not in masked_text(f"no {password}", f"http://ada:{password}@host")


def test_messages_of_others_are_masked():
    address = "postgresql://ada:se%2Fc/ret@host/db?key=hidden"
    text = "cannot connect: 'ret@host' as ada with se/c/ret, hidden; see https://b:c@d/?password=e."
    shown = masked_text(text, address)
    for secret in ("ret@", "se/c", "hidden", "b:c", "=e"):
        assert secret not in shown


class _Failing(Tracker):
    package = "kohort"
    place = masked("http://ada:secret@host")
    _address = "http://ada:secret@host"

    def _open(self):
        raise OSError(f"no route to {self._address}, password secret")

    def _write(self, trials):
        self._open()


def test_a_tracker_s_error_shows_no_secret_nor_does_its_traceback():
    with pytest.raises(kohort.TrackerError, match="OSError: no route") as caught:
        _Failing().check()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
