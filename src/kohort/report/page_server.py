"""An HTTP server for a few readers: few threads, however many connections are open."""

from __future__ import annotations

import io
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

HOST = "127.0.0.1"

_THREADS = 4
_MOST_WAITING = 256  # Connections; with one more, that which has waited longest is closed.
_LONGEST_REQUEST = 2**16  # Bytes.
_SENDING = 10.0  # Seconds in which an answer must have been taken.
_END = b"\r\n\r\n"


class PageRequest(BaseHTTPRequestHandler):
    """One request that has come completely; its answer is in `wfile`.

    Parameters
    ----------
    request : bytes
        From the first line to the empty one.
    client_address : tuple
    server : PageServer
    """

    server_version, sys_version = "kohort", ""

    def setup(self) -> None:
        """Read from the bytes that have come, and write into memory."""
        self.rfile, self.wfile = io.BytesIO(self.request), io.BytesIO()

    def handle(self) -> None:
        """Answer; an error that nobody foresaw is an answer too."""
        try:
            super().handle()
        except Exception as error:
            self.wfile = io.BytesIO()
            reason = f"{type(error).__name__}: {error}"
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, explain=reason)

    def finish(self) -> None:
        """Leave the answer where it is; the server sends it."""

    def do_GET(self) -> None:
        """Answer a request for reading."""
        self.read()

    def read(self) -> None:
        """Write the answer; sub-classes say what it is."""
        raise NotImplementedError

    def answer(self) -> bytes:
        """The bytes to send."""
        return self.wfile.getvalue()  # type: ignore[attr-defined]

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the program that started the server."""


class PageServer(HTTPServer):
    """Waits in one thread for the requests of all connections; a few threads answer them.

    A connection whose request is not there after `patience` seconds, or too long, is closed.

    Parameters
    ----------
    port : int
        Of 127.0.0.1; 0 takes one that is free.
    request : type of PageRequest
        Answers.
    patience : float, default=10
        Seconds.
    clock : callable, default=time.monotonic
        Gives seconds.
    """

    request_queue_size = 128

    def __init__(
        self,
        port: int,
        request: type[PageRequest],
        patience: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__((HOST, port), request)
        self._request, self._patience, self._clock = request, patience, clock
        self._waiting: dict[socket.socket, tuple[float, bytearray]] = {}
        self._stop, self._stopped = threading.Event(), threading.Event()
        self._stopped.set()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Answer until `shutdown`, for which it looks every `poll_interval` seconds."""
        self._stopped.clear()
        self.socket.setblocking(False)
        try:
            with selectors.DefaultSelector() as selector, ThreadPoolExecutor(_THREADS) as pool:
                selector.register(self.socket, selectors.EVENT_READ)
                while not self._stop.is_set():
                    for key, _ in selector.select(poll_interval):
                        if key.fileobj is self.socket:
                            self._accept(selector)
                        else:
                            self._receive(key.fileobj, selector, pool)  # type: ignore[arg-type]
                    self._close_idle(selector)
        finally:
            for connection in self._waiting:
                connection.close()
            self._waiting.clear()
            self._stop.clear()
            self._stopped.set()

    def shutdown(self) -> None:
        """End `serve_forever` and wait until it has ended."""
        self._stop.set()
        self._stopped.wait()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with suppress(OSError):  # The client has gone again, or too many files are open.
            connection, _ = self.socket.accept()
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
            self._waiting[connection] = self._clock(), bytearray()

    def _close_idle(self, selector: selectors.BaseSelector) -> None:
        """Close those that have waited too long, and the oldest where there are too many."""
        late = self._clock() - self._patience
        most = len(self._waiting) - _MOST_WAITING
        for number, (connection, (since, _)) in enumerate([*self._waiting.items()]):
            if since > late and number >= most:
                return
            self._no_longer_waiting(connection, selector)
            connection.close()

    def _no_longer_waiting(
        self, connection: socket.socket, selector: selectors.BaseSelector
    ) -> bytes:
        """Stop watching a connection; return the bytes that have come from it."""
        selector.unregister(connection)
        return bytes(self._waiting.pop(connection)[1])

    def _receive(
        self,
        connection: socket.socket,
        selector: selectors.BaseSelector,
        pool: ThreadPoolExecutor,
    ) -> None:
        come = self._waiting[connection][1]
        try:
            part = connection.recv(_LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        come.extend(part)
        if part and _END not in come and len(come) < _LONGEST_REQUEST:
            return
        request = self._no_longer_waiting(connection, selector)
        if _END in request:
            pool.submit(self._answer, connection, request)
        else:
            connection.close()

    def _answer(self, connection: socket.socket, request: bytes) -> None:
        answer = self._request(request, ("", 0), self).answer()  # type: ignore[arg-type]
        with suppress(OSError):  # The client has gone.
            connection.settimeout(_SENDING)
            connection.sendall(answer)
        self.shutdown_request(connection)
