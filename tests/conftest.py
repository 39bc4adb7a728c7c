"""Settings that all tests share."""

import os

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


def pytest_configure(config: pytest.Config) -> None:
    fuzz.set_long(config.getoption("--fuzz-long"))
