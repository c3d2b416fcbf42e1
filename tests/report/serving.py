"""A page's server that answers in a thread of its own."""

import threading
from contextlib import contextmanager


@contextmanager
def serving(server):
    """The port of a server, until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
