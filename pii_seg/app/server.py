"""The server of the page, for this machine only.

It is bound to 127.0.0.1. Other programs of this machine, and pages of other sites in the same
browser, are kept out by a random token in the address, by the Host header (a name that resolves to
127.0.0.1 is rejected) and by the Origin header. The page may load nothing from elsewhere, and the
browser stores none of it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from pii_seg.anonymize.redaction import STYLES, warning_of
from pii_seg.app.session import Session, Stroke
from pii_seg.errors import InputError, MediaError

STATIC = Path(__file__).with_name("static")
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_POINTS = 200_000  # of all strokes of an image: an hour of brushing
MOST_STROKES_BYTES = 64 * MOST_POINTS
TOO_MANY = "too many strokes for one image; undo some"

Handler = Callable[[Request], Awaitable[Response]]


def parse_strokes(body: bytes) -> list[Stroke]:
    """Parse the page's JSON: [{"erases": bool, "radius": px, "points": [[x, y], …]}, …].

    Raises:
        InputError: It is malformed, or has too many points.
    """
    try:
        given = json.loads(body)
        strokes = [
            Stroke(
                bool(s["erases"]),
                float(s["radius"]),
                tuple((float(x), float(y)) for x, y in s["points"]),
            )
            for s in given
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("the strokes cannot be read; reload the page") from None
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise InputError(TOO_MANY)
    for stroke in strokes:
        numbers = [stroke.radius, *(value for point in stroke.points for value in point)]
        if (
            not stroke.points
            or not all(abs(value) < 1e6 for value in numbers)
            or stroke.radius <= 0
        ):
            raise InputError("a stroke lies outside the image; undo it")
    return strokes


def make_app(session: Session, token: str) -> Starlette:
    """Create the application.

    Args:
        session: Holds the images.
        token: First part of the path; requests without it get 404.
    """
    styles = [name for name, style in STYLES.items() if not style.needs_painter]
    images = ImageRoutes(session, styles)
    routes = [*_static_routes(), *(Route(p, _guarded(h), methods=m) for p, m, h in images.table())]
    hosts = Middleware(
        TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
    )
    return Starlette(routes=[Mount(f"/{token}", routes=routes)], middleware=[hosts])


class ImageRoutes:
    """The requests that concern images, one method each."""

    def __init__(self, session: Session, styles: Sequence[str]) -> None:
        """Serve the images of `session`; the first of `styles` is the default."""
        self.session = session
        self.styles = styles

    def table(self) -> list[tuple[str, list[str], Handler]]:
        """List (path, methods, handler)."""
        get = ["GET"]
        return [
            ("/state", get, self.state),
            ("/pictures", ["POST"], self.add),
            ("/pictures/{number:int}", ["DELETE"], self.remove),
            ("/pictures/{number:int}/strokes", get, self.strokes),
            ("/pictures/{number:int}/strokes", ["PUT"], self.correct),
            ("/pictures/{number:int}/before", get, self.before),
            ("/pictures/{number:int}/mask", get, self.mask),
            ("/pictures/{number:int}/after", get, self.after),
            ("/pictures/{number:int}/download", get, self.download),
            ("/download", get, self.download_all),
        ]

    async def state(self, request: Request) -> Response:
        """Describe all images and styles."""
        return JSONResponse(
            {
                "pictures": self.session.entries(),
                "styles": [{"name": style, "warning": warning_of(style)} for style in self.styles],
                "promise": (self.session.anonymizer.model or {}).get("promise"),
            }
        )

    async def add(self, request: Request) -> Response:
        """Take an uploaded file."""
        content = await _body(request, self.session.limits.upload)
        if content is None:
            return _error(f"is larger than {self.session.limits.upload >> 20} MB", 413)
        number = self.session.add(request.query_params.get("name", "image"), content)
        return JSONResponse({"id": number}, 201)

    async def remove(self, request: Request) -> Response:
        """Delete an image."""
        self.session.remove(_number(request))
        return Response(status_code=204)

    async def strokes(self, request: Request) -> Response:
        """Return the strokes of an image."""
        return JSONResponse([asdict(stroke) for stroke in self.session.strokes(_number(request))])

    async def correct(self, request: Request) -> Response:
        """Replace the strokes of an image."""
        content = await _body(request, MOST_STROKES_BYTES)
        if content is None:
            return _error(TOO_MANY, 413)
        return JSONResponse(self.session.correct(_number(request), parse_strokes(content)))

    async def before(self, request: Request) -> Response:
        """Return the original as a preview."""
        content = await run_in_threadpool(self.session.before, _number(request))
        return Response(content, media_type="image/jpeg")

    async def mask(self, request: Request) -> Response:
        """Return the mask as a preview."""
        content = await run_in_threadpool(self.session.mask, _number(request))
        return Response(content, media_type="image/png")

    async def after(self, request: Request) -> Response:
        """Return the redacted image as a preview."""
        style = self._style(request)
        content = await run_in_threadpool(self.session.after, _number(request), style)
        return Response(content, media_type="image/jpeg")

    async def download(self, request: Request) -> Response:
        """Return the redacted image as a file."""
        style = self._style(request)
        name, content = await run_in_threadpool(self.session.download, _number(request), style)
        return _attachment(name, content)

    async def download_all(self, request: Request) -> Response:
        """Return all redacted images as a zip archive."""
        numbered = request.query_params.get("names") == "numbered"
        style = self._style(request)
        content = await run_in_threadpool(_zipped, self.session, style, numbered)
        return _attachment("anonymised.zip", content)

    def _style(self, request: Request) -> str:
        style = request.query_params.get("style", self.styles[0])
        if style not in self.styles:
            raise InputError(f"style {style!r} is unknown; choose one of {', '.join(self.styles)}")
        return style


def _static_routes() -> list[Route]:
    """Serve the files of the folder static/, index.html at the root."""

    def serve(path: Path) -> Handler:
        async def respond(request: Request) -> Response:
            return Response(path.read_bytes(), media_type=MEDIA_TYPES[path.suffix])

        return respond

    return [
        Route("/" if path.name == "index.html" else f"/{path.name}", _guarded(serve(path)))
        for path in sorted(STATIC.iterdir())
        if path.suffix in MEDIA_TYPES
    ]


def _guarded(handler: Handler) -> Handler:
    """Reject requests of other sites, answer errors in words, and add the headers."""

    async def respond(request: Request) -> Response:
        origin = request.headers.get("origin")
        own = f"{request.url.scheme}://{request.headers.get('host')}"
        if origin is not None and origin != own:
            return _error("requests from other sites are rejected", 403)
        try:
            response = await handler(request)
        except InputError as error:
            response = _error(str(error), 409)
        except MediaError as error:
            response = _error(str(error), 422)
        response.headers.update(HEADERS)
        return response

    return respond


def _number(request: Request) -> int:
    return int(request.path_params["number"])


async def _body(request: Request, most: int) -> bytes | None:
    """Read the body; None beyond `most` bytes.

    Bytes are counted as they come, so that a wrong Content-Length does no harm.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)


def _error(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status, headers=HEADERS)


def _attachment(name: str, content: bytes) -> Response:
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


def _zipped(session: Session, style: str, numbered: bool) -> bytes:
    """Pack all images that are ready, in memory."""
    file = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for place, number in enumerate(session.ready(), start=1):
            name, content = session.download(number, style)
            if numbered or name in taken:
                name = (
                    f"{place:04d}{Path(name).suffix}"
                    if numbered
                    else f"{Path(name).stem}-{place}{Path(name).suffix}"
                )
            taken.add(name)
            # ZipInfo's default date is the first that a zip can hold, which tells nothing.
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()
