"""The page's server, for this machine alone.

Bound to 127.0.0.1. Other programs of this machine, and pages of other sites in the same browser, are kept out by a
random token in the address, by the Host header (a name that resolves to 127.0.0.1 is not enough) and by the Origin
header. What is served may load nothing from elsewhere, and browsers keep none of it.
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

from pii_seg.anonymize.redaction import WARNINGS
from pii_seg.app.session import Stroke, Studio, StudioError
from pii_seg.errors import MediaError

STATIC = Path(__file__).with_name("static")
FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_POINTS = 200_000  # of all strokes of a picture: an hour of brushing
MOST_STROKES_BYTES = 64 * MOST_POINTS

TOO_MANY = "too many strokes for one picture; undo some"

Handler = Callable[[Request], Awaitable[Response]]


def parse_strokes(body: bytes) -> list[Stroke]:
    """From the page's JSON: [{"erases": bool, "radius": px, "points": [[x, y], …]}, …]. Raises StudioError."""
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
        raise StudioError("the strokes cannot be read; reload the page") from None
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise StudioError(TOO_MANY)
    for stroke in strokes:
        numbers = [stroke.radius, *(value for point in stroke.points for value in point)]
        if (
            not stroke.points
            or not all(abs(value) < 1e6 for value in numbers)
            or stroke.radius <= 0
        ):
            raise StudioError("a stroke lies outside the picture; undo it")
    return strokes


def make_app(studio: Studio, token: str, *, styles: Sequence[str]) -> Starlette:
    """The application, below /TOKEN/. styles: those that may be chosen, the first by default."""

    def handles(work: Callable[[Request], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            origin = request.headers.get("origin")
            if (
                origin is not None
                and origin != f"{request.url.scheme}://{request.headers.get('host')}"
            ):
                return _refusal("requests from other sites are refused", 403)
            try:
                response = await work(request)
            except StudioError as error:
                response = _refusal(str(error), 409)
            except MediaError as error:
                response = _refusal(str(error), 422)
            response.headers.update(HEADERS)
            return response

        return answer

    def static(file: str, kind: str) -> Handler:
        async def answer(request: Request) -> Response:
            return Response((STATIC / file).read_bytes(), media_type=kind)

        return answer

    async def state(request: Request) -> Response:
        return JSONResponse(
            {
                "pictures": studio.entries(),
                "styles": [{"name": style, "warning": WARNINGS.get(style)} for style in styles],
                "promise": (studio.anonymizer.model or {}).get("promise"),
            }
        )

    async def add(request: Request) -> Response:
        content = await _body(request, studio.limits.upload)
        if content is None:
            return _refusal(f"is larger than {studio.limits.upload >> 20} MB", 413)
        number = studio.add(request.query_params.get("name", "picture"), content)
        return JSONResponse({"id": number}, 201)

    async def remove(request: Request) -> Response:
        studio.remove(_number(request))
        return Response(status_code=204)

    async def strokes(request: Request) -> Response:
        return JSONResponse([asdict(stroke) for stroke in studio.strokes(_number(request))])

    async def correct(request: Request) -> Response:
        content = await _body(request, MOST_STROKES_BYTES)
        if content is None:
            return _refusal(TOO_MANY, 413)
        return JSONResponse(studio.correct(_number(request), parse_strokes(content)))

    async def before(request: Request) -> Response:
        return Response(
            await run_in_threadpool(studio.before, _number(request)), media_type="image/jpeg"
        )

    async def mask(request: Request) -> Response:
        return Response(
            await run_in_threadpool(studio.mask, _number(request)), media_type="image/png"
        )

    async def after(request: Request) -> Response:
        made = await run_in_threadpool(studio.after, _number(request), _style(request))
        return Response(made, media_type="image/jpeg")

    async def download(request: Request) -> Response:
        name, content = await run_in_threadpool(studio.download, _number(request), _style(request))
        return _attachment(name, content)

    async def download_all(request: Request) -> Response:
        numbered = request.query_params.get("names") == "numbered"
        content = await run_in_threadpool(_zipped, studio, _style(request), numbered)
        return _attachment("anonymised.zip", content)

    def _style(request: Request) -> str:
        style = request.query_params.get("style", styles[0])
        if style not in styles:
            raise StudioError(f"style {style!r} is not one of {', '.join(styles)}")
        return style

    routes = [
        *(Route(path, handles(static(*file))) for path, file in FILES.items()),
        Route("/state", handles(state)),
        Route("/pictures", handles(add), methods=["POST"]),
        Route("/pictures/{number:int}", handles(remove), methods=["DELETE"]),
        Route("/pictures/{number:int}/strokes", handles(strokes)),
        Route("/pictures/{number:int}/strokes", handles(correct), methods=["PUT"]),
        Route("/pictures/{number:int}/before", handles(before)),
        Route("/pictures/{number:int}/mask", handles(mask)),
        Route("/pictures/{number:int}/after", handles(after)),
        Route("/pictures/{number:int}/download", handles(download)),
        Route("/download", handles(download_all)),
    ]
    hosts = Middleware(
        TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
    )
    return Starlette(routes=[Mount(f"/{token}", routes=routes)], middleware=[hosts])


def _number(request: Request) -> int:
    return int(request.path_params["number"])


async def _body(request: Request, most: int) -> bytes | None:
    """What was sent; None beyond `most` bytes. As it comes: a lie about the length costs nothing."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)


def _refusal(why: str, status: int) -> Response:
    return JSONResponse({"error": why}, status, headers=HEADERS)


def _attachment(name: str, content: bytes) -> Response:
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


def _zipped(studio: Studio, style: str, numbered: bool) -> bytes:
    """All pictures that are ready. In memory, like everything here."""
    file = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for place, number in enumerate(studio.ready(), start=1):
            name, content = studio.download(number, style)
            if numbered or name in taken:
                name = (
                    f"{place:04d}{Path(name).suffix}"
                    if numbered
                    else f"{Path(name).stem}-{place}{Path(name).suffix}"
                )
            taken.add(name)
            archive.writestr(
                zipfile.ZipInfo(name), content
            )  # the epoch of zip files, not the time of today
    return file.getvalue()
