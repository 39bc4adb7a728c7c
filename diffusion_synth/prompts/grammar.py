"""A grammar of weighted phrases, from which the prompts of persons and surroundings are drawn.

    [inside]                                   # the prompt inside a person's mask
    "a photo of {who} wearing {clothes}" = 3
    "{who}, {light}" = 1
    [outside]
    "{place}, {light}" = 1
    [slots.who]
    "a woman" = 2
    "a man" = 2
    [slots.clothes]
    "a {colour} coat" = 1
    [slots.colour]
    red = 1

A slot stands in braces, and its phrases may have slots themselves. What a render's own metadata
holds of a person or scene fills a slot in every phrase that has it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffusion_synth.errors import ConfigError
from diffusion_synth.randomness import generator_of

SLOT = re.compile(r"\{([^{}]*)\}")
Phrases = Mapping[str, float]
"""Phrases and their weights."""

DEFAULT = Path(__file__).with_name("prompts.toml")
MOST_BYTES, MOST_DEPTH = 1 << 20, 32
MOST_LETTERS = 10_000  # of a prompt with all its slots filled; no text encoder takes more


@dataclass(frozen=True)
class Prompt:
    """The prompts of one person.

    Attributes:
        inside: Of the person.
        outside: Of the surroundings.
        negative: What guidance leads away from, in both.
    """

    inside: str
    outside: str
    negative: str = ""


@dataclass(frozen=True)
class Grammar:
    """Phrases with weights for inside, outside and every slot.

    Attributes:
        inside: Prompts of persons.
        outside: Prompts of surroundings.
        slots: Phrases of every slot.
        negative: The negative prompt of all.
        name: What error messages call the grammar.

    Raises:
        ConfigError: Phrases, weights or slots are not valid.
    """

    inside: Phrases
    outside: Phrases
    slots: Mapping[str, Phrases] = field(default_factory=dict)
    negative: str = ""
    name: str = "grammar"

    def __post_init__(self) -> None:
        for key, phrases in self._tables():
            self._check(key, phrases)
        known: dict[str, int] = {}
        for _, phrases in self._tables():
            self._longest(phrases, (), known)

    def draw(self, entropy: Sequence[int], known: Mapping[str, str] | None = None) -> Prompt:
        """Draw the prompt that follows from `entropy`.

        Inside and outside are drawn from streams of their own; a slot that both have gets the same
        words in both.

        Args:
            entropy: Numbers that decide the draw, such as seed, image, person, variant.
            known: Words of slots that are known already.
        """
        words = dict(known or {})
        inside = self._fill(self.inside, "inside", entropy, words)
        outside = self._fill(self.outside, "outside", entropy, words)
        return Prompt(inside, outside, self.negative)

    def identity(self) -> str:
        """Return the hash of all that decides which prompts are drawn, also the order."""
        content = [dict(self.inside), dict(self.outside), self.negative]
        tables = {slot: dict(phrases) for slot, phrases in self.slots.items()}
        text = json.dumps([*content, tables], ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _fill(
        self, phrases: Phrases, key: str, entropy: Sequence[int], words: dict[str, str]
    ) -> str:
        """Draw a phrase and fill its slots; `words` collects those that are drawn."""
        rng = generator_of(*entropy, key)
        weights = np.array(list(phrases.values()), float)
        phrase = list(phrases)[int(rng.choice(len(weights), p=weights / weights.sum()))]

        def filled(match: re.Match[str]) -> str:
            slot = match[1]
            if slot not in words:
                words[slot] = self._fill(self.slots[slot], f"slots.{slot}", entropy, words)
            return words[slot]

        return SLOT.sub(filled, phrase)

    def _tables(self) -> Iterator[tuple[str, Phrases]]:
        yield "inside", self.inside
        yield "outside", self.outside
        for slot, phrases in self.slots.items():
            yield f"slots.{slot}", phrases

    def _check(self, key: str, phrases: Phrases) -> None:
        """Raise ConfigError that names the phrase which is not valid."""
        where = f"{self.name}: {key}"
        if not phrases:
            raise ConfigError(f"{where} has no phrase; give at least one")
        for phrase, weight in phrases.items():
            is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not is_number or not 0 <= weight < np.inf:
                raise ConfigError(
                    f"{where}: the weight of {phrase!r} is {weight!r}; expected a number from 0"
                )
            if "{" in SLOT.sub("", phrase) or "}" in SLOT.sub("", phrase):
                raise ConfigError(f"{where}: the braces of {phrase!r} do not match")
            for slot in SLOT.findall(phrase):
                if slot not in self.slots:
                    known = ", ".join(sorted(self.slots)) or "none"
                    raise ConfigError(
                        f"{where}: there is no slot {slot!r} (in {phrase!r}); slots are: {known}"
                    )
        total = sum(phrases.values())
        if not 0 < total < np.inf:
            problem = (
                "all weights are 0; give one above 0" if total == 0 else "the weights overflow"
            )
            raise ConfigError(f"{where}: {problem}")

    def _longest(self, phrases: Phrases, above: tuple[str, ...], known: dict[str, int]) -> int:
        """Return the letters of the longest prompt that phrases can become.

        Args:
            phrases: The phrases.
            above: The slots that led here.
            known: The same of slots; it is filled, so that every slot is walked once.

        Raises:
            ConfigError: Slots lead back to themselves, are nested too deeply, or get too long.
        """
        longest = 0
        for phrase in phrases:
            letters = len(SLOT.sub("", phrase))
            for slot in SLOT.findall(phrase):
                if slot in above:
                    cycle = " > ".join((*above[above.index(slot) :], slot))
                    raise ConfigError(f"{self.name}: slots refer in a cycle: {cycle}")
                if len(above) >= MOST_DEPTH:
                    raise ConfigError(f"{self.name}: slots are nested deeper than {MOST_DEPTH}")
                if slot not in known:
                    known[slot] = self._longest(self.slots[slot], (*above, slot), known)
                letters += known[slot]
            longest = max(longest, letters)
        if longest > MOST_LETTERS:
            raise ConfigError(f"{self.name}: prompts get longer than {MOST_LETTERS} letters")
        return longest


# For painters that take no prompt, such as the warp baseline.
EMPTY_GRAMMAR = Grammar({"": 1}, {"": 1})


def read_grammar(path: Path = DEFAULT) -> Grammar:
    """Read a grammar from a TOML file.

    Raises:
        ConfigError: The file or its content is not valid; the message names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
        table = tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    if unknown := sorted(set(table) - {"inside", "outside", "slots", "negative"}):
        raise ConfigError(
            f"{path}: {unknown[0]!r} is not known; the keys are inside, outside, slots, negative"
        )
    negative = table.get("negative", "")
    if not isinstance(negative, str):
        raise ConfigError(f"{path}: negative must be text")
    slots = table.get("slots", {})
    tables: dict[str, Any] = {
        "inside": table.get("inside", {}),
        "outside": table.get("outside", {}),
    }
    for key, value in {
        **tables,
        "slots": slots,
        **(slots if isinstance(slots, dict) else {}),
    }.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: {key} must be a table of phrases and their weights")
    return Grammar(tables["inside"], tables["outside"], slots, negative, str(path))
