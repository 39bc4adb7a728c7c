"""Anonymise images by hand on a web page that only this machine can open.

    python -m pii_seg.app
    python -m pii_seg.app --checkpoint RUN/best.ckpt

The browser opens. Drop images, check what was found, correct it with a brush, download. Images stay
in memory: nothing is written to disk, and nothing leaves the machine. Ctrl-C stops the server and
discards everything.
"""

from __future__ import annotations

import secrets
import signal
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from pii_seg.anonymize.arguments import add_threshold_arguments
from pii_seg.command_line import (
    DONE,
    add_inference_arguments,
    inference_settings,
    make_parser,
    parse,
    run_command,
)
from pii_seg.errors import InputError
from pii_seg.inference.backends.option import add_backend_argument
from pii_seg.models.bundled import DEFAULT

HOST = "127.0.0.1"


def parser() -> ArgumentParser:
    """Create the parser."""
    p = make_parser("app", __doc__, "[options]")
    main = p.add_argument_group("main options")
    main.add_argument(
        "--checkpoint",
        type=Path,
        default=Path(DEFAULT),
        metavar="CKPT",
        help="Find persons with this checkpoint, RUN/best.ckpt of a training, or with a bundled "
        "segmenter by its name.",
    )
    main.add_argument(
        "--port", type=int, default=0, help="Listen on this port; 0 chooses one that is free."
    )
    main.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="Print the address and do not open a browser (default: open one).",
    )
    main.add_argument("--device", default="cpu", help="Run the model on cpu, cuda, cuda:1 or mps.")
    add_backend_argument(main)
    add_threshold_arguments(p)
    add_inference_arguments(p, tiles="auto")
    return p


def serve(arguments: Namespace) -> int:
    """Serve the page until Ctrl-C, and return the exit code."""
    # Here, because torch takes seconds to import, which --help should not wait for.
    import uvicorn

    from pii_seg.anonymize.anonymizer import Anonymizer
    from pii_seg.app.http_protocol import GuardedProtocol
    from pii_seg.app.server import make_app
    from pii_seg.app.session import Session

    anonymizer = Anonymizer.load(
        arguments.checkpoint,
        device=arguments.device,
        recall=arguments.recall,
        person_recall=arguments.person_recall,
        uncovered=arguments.uncovered,
        threshold=arguments.threshold,
        dilate=arguments.dilate,
        complete_heads=arguments.complete_heads,
        also=arguments.also,
        inference=inference_settings(arguments, tiles="auto"),
        backend=arguments.backend,
    )
    token = secrets.token_urlsafe(24)
    session = Session(anonymizer)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, arguments.port))
            listening.listen()  # so that the address that is printed answers at once
        except (OSError, OverflowError) as error:
            raise InputError(f"--port {arguments.port}: {error}; choose another") from None
        address = f"http://{HOST}:{listening.getsockname()[1]}/{token}/"
        print(f"{address}\nOpen it in a browser on this machine; Ctrl-C stops.", flush=True)
        if arguments.browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        # No access log: it would hold the token, and the names of images.
        config = uvicorn.Config(
            make_app(session, token),
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,  # s
        )
        # uvicorn raises the signal that ended it once more: SIGTERM ends like Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            session.close()
    return DONE


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(
        lambda: serve(parse(parser(), argv)), interrupted="stopped; all images were discarded"
    )


if __name__ == "__main__":
    sys.exit(main())
