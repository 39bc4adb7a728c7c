"""A web page, on this machine and for it alone, to anonymise pictures and correct by hand what was found.

    python -m pii_seg.app --checkpoint RUN/best.ckpt

Opens the browser. Drop pictures, look at what was found, correct it with a brush, download. Pictures stay in memory:
nothing is written to disk and nothing leaves the machine. Ctrl-C ends it and forgets everything.
"""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path

import uvicorn
from jsonargparse import ArgumentParser, Namespace

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.app.server import make_app
from pii_seg.app.session import Studio
from pii_seg.command_line import (
    DONE,
    PlainHelp,
    add_inference_arguments,
    inference_settings,
    parse,
    run_command,
)
from pii_seg.errors import CalibrationError, CheckpointError, InputError

HOST = "127.0.0.1"
STYLES = ("solid", "inpaint", "mosaic", "blur")


def parser() -> ArgumentParser:
    p = ArgumentParser(
        prog="python -m pii_seg.app",
        description=__doc__,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
    )
    p.add_argument("--config", action="config", help="a TOML file with any of these arguments")
    p.add_argument("--checkpoint", type=Path, required=True, help="RUN/best.ckpt of a training")
    p.add_argument(
        "--recall", type=float, help="promise a recall, see python -m pii_seg.anonymize --help"
    )
    p.add_argument("--threshold", type=float, help="probability from which on a pixel is person")
    p.add_argument(
        "--dilate", type=float, default=0.05, help="margin, as a share of each person's size"
    )
    p.add_argument("--port", type=int, default=0, help="default: any that is free")
    p.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the address only"
    )
    p.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")
    add_inference_arguments(p)
    p.set_defaults(tiles="auto")
    return p


def serve(arguments: Namespace) -> int:
    try:
        anonymizer = Anonymizer(
            arguments.checkpoint,
            recall=arguments.recall,
            threshold=arguments.threshold,
            dilate=arguments.dilate,
            inference=inference_settings(arguments),
            device=arguments.device,
        )
    except (CheckpointError, CalibrationError):
        raise
    except ValueError as error:
        raise InputError(str(error)) from None
    token = secrets.token_urlsafe(24)
    studio = Studio(anonymizer)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, arguments.port))
        except (OSError, OverflowError) as error:
            raise InputError(f"--port {arguments.port}: {error}") from None
        address = f"http://{HOST}:{listening.getsockname()[1]}/{token}/"
        print(f"{address}\nOpen it in a browser of this machine; Ctrl-C ends.", flush=True)
        if arguments.browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        # The log would hold the token, and the names of pictures.
        config = uvicorn.Config(
            make_app(studio, token, styles=STYLES),
            log_level="warning",
            access_log=False,
            server_header=False,
        )
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            studio.close()
    return DONE


def main(argv: list[str] | None = None) -> int:
    def work() -> int:
        arguments = parse(parser(), argv)
        return serve(arguments)

    return run_command(work, interrupted="ended; nothing was kept")


if __name__ == "__main__":
    sys.exit(main())
