"""HTTP as uvicorn speaks it, with the headers of the page on the one answer of its own."""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pii_seg.app.guard import HEADERS


class GuardedProtocol(H11Protocol):
    """Answers bytes that are no HTTP request with the same headers as all else."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close the connection."""
        content = msg.encode("ascii", "replace")
        own = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
        headers = [(key.encode(), value.encode()) for key, value in (own | HEADERS).items()]
        events: list[h11.Event] = [
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ]
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
