"""Settings that all tests share."""

import os

from hypothesis import settings

# Machines that run tests are often busy with something else: a slow example is not a failure. In CI
# the examples are always the same, so that a failure comes from the change under test; elsewhere
# every run tries new ones.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")
