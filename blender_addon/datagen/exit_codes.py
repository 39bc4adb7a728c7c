"""Exit codes of the batch command, and the prefix of its error messages."""

from __future__ import annotations

SUCCESS = 0
FAILURE = 1  # something failed while the batch ran
INVALID_INPUT = 2  # wrong recipe, option or folder: nothing was written
INTERRUPTED = 130  # stopped as asked; the same command resumes

# An error is one line on standard error that begins with this.
ERROR_PREFIX = "error: "
