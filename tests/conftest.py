"""Settings that all tests share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import fuzz

# Machines that run tests are often busy with something else: a slow example is not a failure. In CI
# the examples are always the same, so that a failure comes from the change under test; elsewhere
# every run tries new ones.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-long",
        action="store_true",
        help="give every property test and fuzzer 10,000 examples instead of 300",
    )


@pytest.fixture(autouse=True, scope="session")
def reference_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compute with eager torch where a test asks for nothing else, and cache nothing of the user's.

    Every test makes a checkpoint of its own, which `auto` would convert first.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PII_SEG_BACKEND", "torch")
        patch.setenv("PII_SEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_configure(config: pytest.Config) -> None:
    fuzz.set_long(config.getoption("--fuzz-long"))
