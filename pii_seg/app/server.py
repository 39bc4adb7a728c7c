"""The server of the page, for this machine only.

It is bound to 127.0.0.1. Other programs of this machine, and pages of other sites in the same
browser, are kept out by a random token in the address, by the Host header (a name that resolves to
127.0.0.1 is rejected) and by the Origin header. The page may load nothing from elsewhere, and the
browser stores none of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from pii_seg.anonymize.redaction import STYLES, warning_of
from pii_seg.app.archive import zipped
from pii_seg.app.guard import Guard, answer_failure, answer_http_error, error_answer
from pii_seg.app.session import Session, Upload
from pii_seg.app.strokes import MOST_BYTES, TOO_MANY, parse_strokes
from pii_seg.errors import InputError, MediaError

STATIC = Path(__file__).with_name("static")
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
LONGEST_NAME = 1000

Handler = Callable[[Request], Awaitable[Response]]


def make_app(session: Session, token: str) -> ASGIApp:
    """Create the application.

    Args:
        session: Holds the images.
        token: First part of the path; requests without it get 404.
    """
    styles = [name for name, style in STYLES.items() if not style.needs_painter]
    images = ImageRoutes(session, styles)
    routes = [*_static_routes(), *(Route(p, _worded(h), methods=m) for p, m, h in images.table())]
    return Guard(
        Starlette(
            routes=[Mount(f"/{token}", routes=routes)],
            exception_handlers={HTTPException: answer_http_error, Exception: answer_failure},
        )
    )


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
                "most_bytes": self.session.limits.upload,
                "promise": (self.session.anonymizer.model or {}).get("promise"),
            }
        )

    async def add(self, request: Request) -> Response:
        """Take an uploaded file. Bytes are counted as they come, whatever Content-Length says."""
        most = self.session.limits.upload
        with Upload(self.session) as upload:
            async for chunk in request.stream():
                if upload.size + len(chunk) > most:
                    return error_answer(f"is larger than {most >> 20} MB", 413)
                upload.write(chunk)
            number = upload.finish(request.query_params.get("name", "image")[:LONGEST_NAME])
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
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MOST_BYTES:
                return error_answer(TOO_MANY, 413)
        strokes = await run_in_threadpool(parse_strokes, bytes(content))
        return JSONResponse(self.session.correct(_number(request), strokes))

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
        """Return all redacted images as a zip archive, made while it is sent."""
        numbered = request.query_params.get("names") == "numbered"
        style = self._style(request)
        parts = zipped(self.session, style, numbered=numbered)
        return _attachment("anonymised.zip", parts)

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
        Route("/" if path.name == "index.html" else f"/{path.name}", _worded(serve(path)))
        for path in sorted(STATIC.iterdir())
        if path.suffix in MEDIA_TYPES
    ]


def _worded(handler: Handler) -> Handler:
    """Answer errors in words."""

    async def respond(request: Request) -> Response:
        try:
            return await handler(request)
        except InputError as error:
            return error_answer(str(error), 409)
        except MediaError as error:
            return error_answer(str(error), 422)

    return respond


def _number(request: Request) -> int:
    return int(request.path_params["number"])


def _attachment(name: str, content: bytes | Iterator[bytes]) -> Response:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, errors='replace')}"
    }
    kind = "application/octet-stream"
    if isinstance(content, bytes):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)
