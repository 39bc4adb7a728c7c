"""A server of the page in a thread, as the command starts it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pii_seg.app.http_protocol import GuardedProtocol
from pii_seg.app.server import make_app
from pii_seg.app.session import Session

TOKEN = "secret"


@contextmanager
def served(session: Session) -> Iterator[int]:
    """Serve the page of a session; yields the port."""
    config = uvicorn.Config(
        make_app(session, TOKEN),
        port=0,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
