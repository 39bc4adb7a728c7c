"""Guards every answer of the page, errors included: headers, origin, words, no traceback."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HOSTS = ("127.0.0.1", "localhost")
OTHER_SITES = ("cross-site", "same-site")  # of Sec-Fetch-Site, which browsers send

SENTENCES = {
    404: "there is nothing at this address; open the address that the program printed",
    405: "this request is not possible here; reload the page",
}


class Guard:
    """Stands before the application.

    It rejects requests for another host (a name that resolves to 127.0.0.1) and from pages of other
    sites, adds the headers to every answer, and turns whatever fails into an answer and one line.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Guard an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":  # the page uses none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app: ASGIApp = refusal(Headers(scope=scope), scope.get("scheme", "http")) or self.app
        try:
            await app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Exception as error:  # a fault of the program; the page goes on
            print(f"error: a request {_failure(error)}", file=sys.stderr)
            if not started:
                await error_answer(_failure(error), 500)(scope, receive, send_guarded)


def refusal(headers: Headers, scheme: str) -> Response | None:
    """Return the answer to a request that is not of the page itself."""
    host = headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in HOSTS:
        return error_answer("this host is not served; open the address that was printed", 400)
    origin = headers.get("origin")
    foreign = origin is not None and origin != f"{scheme}://{host}"
    if foreign or headers.get("sec-fetch-site") in OTHER_SITES:
        return error_answer("requests from other sites are rejected", 403)
    return None


def error_answer(message: str, status: int) -> Response:
    """Say in one sentence what is wrong."""
    return JSONResponse({"error": message}, status)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what the routing rejects."""
    assert isinstance(error, HTTPException)
    sentence = SENTENCES.get(error.status_code, str(error.detail))
    answer = error_answer(sentence, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def answer_failure(request: Request, error: Exception) -> Response:
    """Answer a request that a fault of the program ended."""
    return error_answer(_failure(error), 500)


def _failure(error: Exception) -> str:
    return f"failed ({type(error).__name__}: {' '.join(str(error).split())})"
