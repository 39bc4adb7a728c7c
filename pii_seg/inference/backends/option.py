"""The option --backend, which several commands have. It imports no back end."""

from __future__ import annotations

from typing import Any

from pii_seg.inference.backends import AUTO, BACKEND, BACKENDS


def add_backend_argument(parser: Any) -> None:
    """Add --backend to a parser or a group."""
    parser.add_argument(
        "--backend",
        choices=(AUTO, *BACKENDS),
        help="Compute with this program; 'auto' takes the one that a calibration is bound to, "
        "otherwise the fastest that is installed and agrees with torch (default: the environment "
        f"variable {BACKEND}, or auto).",
    )
