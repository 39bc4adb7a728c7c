"""The help of every option of every command of the three packages."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pii_seg.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_addon", "pii_seg", "diffusion_synth")

# A sentence about an option holds one of these verbs, in any form, or a form of "to be".
VERBS = {
    "accept", "add", "allow", "anonymise", "append", "apply", "ask", "attend", "average", "begin",
    "blend", "blur", "bound", "calibrate", "choose", "clip", "compile", "compress", "compute",
    "contain",
    "convert", "copy", "count", "cover", "create", "crop", "cut", "decide", "decode", "delete",
    "denoise", "draw", "drop", "enlarge", "exclude", "exit", "export", "extend", "fail", "fill",
    "find", "fit", "flip", "follow", "found", "generate", "give", "grow", "have", "hide", "hold",
    "ignore", "include", "keep", "label", "leave", "left", "let", "limit", "list", "load", "log",
    "make", "mark", "mask", "match", "may", "measure", "merge", "mirror", "mix", "multiply",
    "must", "name", "need", "open", "overlap", "overwrite", "paint", "paste", "pick", "place",
    "predict", "print", "process", "promise", "put", "raise", "read", "redact", "reject",
    "remove", "render", "repaint",
    "repeat", "replace", "report", "require", "resample", "reserve", "resize", "resume", "rotate",
    "run", "sample", "save", "scale", "schedule", "see", "select", "set", "shift", "show", "shrink",
    "skip", "smooth", "sort", "start", "stop", "store", "take", "test", "tint", "train", "treat",
    "use", "validate", "vary", "verify", "wait", "warm", "weight", "work", "write", "zoom",
}  # fmt: skip
FORMS_OF_BE = {"is", "are", "be", "was", "were", "has", "does", "do", "made", "written", "seen"}
WORDS_NOT_TO_BEGIN_WITH = ("Of", "What", "How", "Likewise")


def captured(module: str, arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of a command that makes it inside `main`."""

    class Captured(Exception):  # noqa: N818
        pass

    found: list[argparse.ArgumentParser] = []

    def parse_args(self: argparse.ArgumentParser, *_: object, **__: object) -> None:
        found.append(self)
        raise Captured

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        with pytest.raises(Captured):
            importlib.import_module(module).main(list(arguments))
    return found[0]


def parser_of(module: str) -> argparse.ArgumentParser:
    make: Callable[..., argparse.ArgumentParser] = importlib.import_module(module).parser
    return make(everything=True) if module in ("pii_seg.train", "pii_seg.self_train") else make()


PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    **{
        f"pii-seg {name}": lambda module=module: parser_of(module)
        for name, (module, _) in COMMANDS.items()
    },
    "diffusion_synth.run": lambda: parser_of("diffusion_synth.run"),
    "diffusion_synth.train": lambda: parser_of("diffusion_synth.train"),
    "blender_addon.batch": lambda: parser_of("blender_addon.datagen.command_line"),
    "blender_addon.bodies.convert": lambda: captured("blender_addon.bodies.convert"),
    "pii-synth": lambda: captured("blender_addon.command"),
    "pii-synth contact-sheet": lambda: captured("blender_addon.command", ["contact-sheet"]),
}


def has_verb(sentence: str) -> bool:
    for word in re.findall(r"[a-z]+", sentence.lower()):
        stems = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ed")}
        stems |= {word.removesuffix("d"), word.removesuffix("ing"), word.removesuffix("ing") + "e"}
        # doubled consonants (cropped), and -y that became -ies or -ied
        stems |= {stem[:-1] for stem in stems if stem[-2:-1] == stem[-1:]}
        stems |= {re.sub("i$", "y", stem) for stem in stems}
        if word in FORMS_OF_BE or stems & VERBS:
            return True
    return False


def faults(name: str, text: str) -> Iterator[str]:
    """List what is wrong with the help of one option or positional argument."""
    if not text.strip():
        yield f"{name}: no help"
        return
    if name.startswith("-") and "_" in name:
        yield f"{name}: not hyphenated"
    first = text.split()[0].strip(",:;")
    if not (text[0].isupper() or text[0] in "'\"" or text[0].isdigit()):
        yield f"{name}: does not begin with a capital: {text!r}"
    if first in WORDS_NOT_TO_BEGIN_WITH:
        yield f"{name}: begins with {first!r}: {text!r}"
    if not text.endswith("."):
        yield f"{name}: does not end with a full stop: {text!r}"
    if not has_verb(text):
        yield f"{name}: has no verb: {text!r}"


def faults_of(parser: argparse.ArgumentParser) -> list[str]:
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        for name in action.option_strings or [str(action.metavar or action.dest)]:
            found += list(faults(name, action.help or ""))
    return found


@pytest.mark.parametrize("program", PARSERS)
def test_every_option_is_explained_in_a_sentence(program: str) -> None:
    assert faults_of(PARSERS[program]()) == []


def test_every_parser_is_looked_at() -> None:
    """Modules that create a parser are those above, and the helper that creates it for others."""
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bArgumentParser\(|\bmake_parser\(", path.read_text(encoding="utf-8"))
    }
    listed = {f"{module.replace('.', '/')}.py" for module, _ in COMMANDS.values()}
    listed |= {"diffusion_synth/run.py", "diffusion_synth/train.py"}
    listed |= {"blender_addon/datagen/command_line.py", "blender_addon/bodies/convert.py"}
    listed |= {"blender_addon/command.py"}
    helpers = {"pii_seg/command_line.py", "pii_seg/training_options.py"}
    helpers |= {"diffusion_synth/command_line.py"}
    assert modules - helpers <= listed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("--x", ""),
        ("--x", "the seed is used."),
        ("--x", "Use the seed"),
        ("--x", "Of the bootstrap, is used."),
        ("--x", "How many are used."),
        ("--x", "The angle."),
        ("--some_name", "Use the seed."),
    ],
)
def test_the_rules_catch(name: str, text: str) -> None:
    assert list(faults(name, text))


@pytest.mark.parametrize(
    "text",
    ["Number of scenes to render.", "Mirror the image.", "Images copied.", "Weights are averaged."],
)
def test_the_rules_let_pass(text: str) -> None:
    assert list(faults("--some-name", text)) == []
