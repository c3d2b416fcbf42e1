"""The server of pages: many connections, few threads, no connection for ever."""

import http.client
import socket
import threading
from contextlib import ExitStack, suppress

import pytest
from tests.report.serving import serving

from kohort.report import page_server
from kohort.report.page_server import HOST, PageRequest, PageServer


class Greeting(PageRequest):
    def read(self):
        if self.path == "/fault":
            raise RuntimeError("a reason")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello" * 10**6)


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


def _serving(clock=None):
    return serving(PageServer(0, Greeting, 10.0, clock or Clock()))


def _ask(port, path="/"):
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _open(port, stack, sent=b""):
    connection = stack.enter_context(socket.create_connection((HOST, port), timeout=20))
    connection.sendall(sent)
    return connection


def test_many_idle_connections_hold_few_threads_and_keep_nobody_waiting():
    before = threading.active_count()
    with _serving() as port, ExitStack() as stack:
        for number in range(400):
            _open(port, stack, b"GET / HT" if number % 2 else b"")
        for _ in range(4):
            assert _ask(port) == (200, b"hello" * 10**6)
        assert threading.active_count() - before <= 1 + page_server._THREADS


def test_idle_connections_are_closed_after_a_while():
    clock = Clock()
    with _serving(clock) as port, ExitStack() as stack:
        idle = [_open(port, stack), _open(port, stack, b"GET / HTTP/1.0\r\nHost")]
        assert _ask(port)[0] == 200  # By then the others have been accepted.
        clock.now = 9.0
        assert _ask(port)[0] == 200
        late = _open(port, stack, b"GET / HT")
        assert _ask(port)[0] == 200
        clock.now = 11.0
        assert [connection.recv(1) for connection in idle] == [b"", b""]
        late.sendall(b"TP/1.0\r\n\r\n")
        assert late.recv(12) == b"HTTP/1.0 200"


def test_with_too_many_connections_the_oldest_is_closed(monkeypatch):
    monkeypatch.setattr(page_server, "_MOST_WAITING", 3)
    with _serving() as port, ExitStack() as stack:
        idle = [_open(port, stack) for _ in range(5)]
        assert [connection.recv(1) for connection in idle[:2]] == [b"", b""]
        idle[2].sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert idle[2].recv(12) == b"HTTP/1.0 200"


def test_a_request_that_is_too_long_is_closed():
    with _serving() as port, ExitStack() as stack:
        connection = _open(port, stack, b"GET /" + b"a" * 2**16)
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        assert _ask(port)[0] == 200


def test_an_error_is_an_answer(capfd):
    with _serving() as port:
        status, body = _ask(port, "/fault")
        assert (status, b"RuntimeError: a reason" in body) == (500, True)
        assert _ask(port)[0] == 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.0\r\n\r\n"])
def test_a_reader_who_goes_away_is_no_error(sent, capfd):
    with _serving() as port:
        for _ in range(5):
            with ExitStack() as stack:
                _open(port, stack, sent)
        assert _ask(port)[0] == 200
    assert capfd.readouterr() == ("", "")
