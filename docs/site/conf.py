"""Configuration of the documentation site, which `make docs` builds from the Markdown files here.

The source folder is the root of the repository, so a relative link means the same on a code host
and on the site. A link to a file that is no page (a licence text, a source file) becomes a
download.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
# Captions of the navigation and the pages below each of them, from the root of the repository.
PAGES = {
    "Start": ["docs/README"],
    "Guides": [
        "docs/blender",
        "docs/render",
        "docs/train",
        "docs/self_training",
        "docs/diffusion",
        "docs/anonymise",
    ],
    "Reference": [
        "docs/dataset",
        "blender_addon/bodies/data/README",
        "diffusion_synth/embedded/README",
        "pii_seg/bundled/small/README",
    ],
    "Results": ["docs/results/README", "docs/results/[a-z]*"],
    "Contribute": [
        "CONTRIBUTING",
        "docs/architecture",
        "docs/decisions",
        "docs/dependencies",
        "LICENSE",
    ],
}

project = "pii-seg"
copyright = "2026, the pii-seg authors"
version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "LICENSE.md",
    "docs/**.md",
    "blender_addon/bodies/data/README.md",
    "diffusion_synth/embedded/README.md",
    "pii_seg/bundled/small/README.md",
]
exclude_patterns = [".*", "**/__pycache__", "build", "demo", "dist"]
myst_heading_anchors = 4  # the anchors that code hosts give to headings
nitpicky = True

html_theme = "furo"
html_title = "pii-seg"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_extra_path = ["index.html"]  # leads to README.html
html_copy_source = False
html_show_sphinx = False


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the navigation of the site to the first page, which is the README."""
    if page != root_doc:
        return
    for caption, pages in PAGES.items():
        entries = "\n".join(f"/{name}" for name in pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{entries}\n```\n"


def setup(app: Sphinx) -> None:
    """Register the hook that Sphinx calls for every page it reads."""
    app.connect("source-read", add_navigation)
