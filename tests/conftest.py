"""Settings that all tests share."""

from hypothesis import settings

# Machines that run tests are often busy with something else: a slow example is not a failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
