"""The command `diffusion-synth`: `run` repaints a dataset, `train` trains a model for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from diffusion_synth.command_line import DONE, WRONG_INPUT, complain

HELP = """usage: diffusion-synth {run,train} [options]

    run      repaint the persons of a dataset inside their exact shape
    train    train a model for it: the small generator, or a LoRA on a large model

diffusion-synth run --help and diffusion-synth train --help list their options."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand. Returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    command, rest = (given[0], given[1:]) if given else ("", [])
    if command in ("", "-h", "--help"):
        print(HELP)
        return DONE if command else WRONG_INPUT
    if command == "run":
        from diffusion_synth.run import main as run

        return run(rest)
    if command == "train":
        from diffusion_synth.train import main as train

        return train(rest)
    return complain(f"expected the command run or train, got {command!r}", WRONG_INPUT)


if __name__ == "__main__":
    sys.exit(main())
