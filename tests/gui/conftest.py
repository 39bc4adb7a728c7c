"""A Blender with a window for each test module, a new scene for each test, and screenshots."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gui.extension import REPOSITORY, build_zip
from tests.gui.screen import Screen
from tests.gui.window import Window
from tools.gui_blender import Machine, provision

PICTURES = REPOSITORY / "build" / "gui"
SIZE = (1440, 900)
SIDEBAR = 380  # px wide: no label is cut off

Shoot = Callable[[str], Path]
OpenTab = Callable[..., Window]


@pytest.fixture(scope="session")
def machine() -> Machine:
    return provision()


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_zip(tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module")
def bare_window(machine: Machine) -> Iterator[Window]:
    """Blender as it comes, without the extension."""
    folder = Path(tempfile.mkdtemp(dir=machine.temporary, prefix="gui-"))
    try:
        with Screen(machine, folder, SIZE) as screen, Window(machine, screen, folder) as window:
            yield window
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed_window(bare_window: Window, extension_zip: Path) -> Window:
    bare_window.install(extension_zip)
    return bare_window


@pytest.fixture
def open_tab(installed_window: Window) -> OpenTab:
    """`open_tab("PII_SYNTH_PT_batch")`: open a new file and the tab with these panels open.

    Without names, all panels are open.
    """

    def opened(*panels: str) -> Window:
        installed_window.show_panels(*panels)
        installed_window.new_file()
        installed_window.open_tab()
        installed_window.widen_sidebar(SIDEBAR)
        return installed_window

    return opened


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of the screenshots, empty at first."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    return PICTURES


@pytest.fixture
def shoot(pictures: Path, bare_window: Window) -> Shoot:
    """`shoot("batch")` saves a screenshot as 07_batch.png."""

    def take(name: str) -> Path:
        return _save(bare_window, pictures, name)

    return take


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failing test leaves a screenshot, and Blender's console in the report."""
    report = yield
    window = item.funcargs.get("bare_window") if isinstance(item, pytest.Function) else None
    if report.failed and window is not None:
        report.sections.append(("Blender's console", window.console()))
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = _save(window, PICTURES, f"FAILED_{item.name}")
        report.sections.append(("The window", str(picture)))
    return report


def _save(window: Window, folder: Path, name: str) -> Path:
    path = folder / f"{len(list(folder.iterdir())) + 1:02}_{name}.png"
    window.screen.picture().save(path)
    return path
