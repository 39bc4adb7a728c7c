"""What a repainted person and their surroundings are called: a grammar of weighted phrases, drawn deterministically.

    [inside]                                   # what is painted inside a person's mask
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

A slot stands in braces, and a slot's phrases may have slots themselves. What is known already of a person (a render's
own metadata) takes a slot's place in every phrase that has it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffusion_synth.randomness import generator_of

SLOT = re.compile(r"\{([^{}]*)\}")
Phrases = Mapping[str, float]

DEFAULT = Path(__file__).with_name("prompts.toml")


class PromptError(ValueError):
    """A grammar that cannot be; the message names file and key."""


@dataclass(frozen=True)
class Prompt:
    """inside: of the person; outside: of what surrounds them; negative: what neither shall be."""

    inside: str
    outside: str
    negative: str = ""


@dataclass(frozen=True)
class Grammar:
    """Phrases with weights, for inside, outside and every slot."""

    inside: Phrases
    outside: Phrases
    slots: Mapping[str, Phrases] = field(default_factory=dict)
    negative: str = ""
    name: str = "grammar"

    def __post_init__(self) -> None:
        for key, phrases in self._parts():
            if not phrases:
                raise PromptError(f"{self.name}: {key} has no phrase")
            for phrase, weight in phrases.items():
                if (
                    isinstance(weight, bool)
                    or not isinstance(weight, int | float)
                    or not 0 <= weight < np.inf
                ):
                    raise PromptError(
                        f"{self.name}: {key}: the weight of {phrase!r} is {weight!r}, no number"
                    )
                if "{" in SLOT.sub("", phrase) or "}" in SLOT.sub("", phrase):
                    raise PromptError(f"{self.name}: {key}: the braces of {phrase!r} do not match")
                for slot in SLOT.findall(phrase):
                    if slot not in self.slots:
                        known = ", ".join(sorted(self.slots)) or "none"
                        raise PromptError(
                            f"{self.name}: {key}: there is no slot {slot!r} (in {phrase!r}); there are {known}"
                        )
            if not sum(phrases.values()) > 0:
                raise PromptError(f"{self.name}: {key}: all weights are 0")
        for slot in self.slots:
            self._refuse_circles(slot, ())

    def _parts(self) -> Iterator[tuple[str, Phrases]]:
        yield "inside", self.inside
        yield "outside", self.outside
        for slot, phrases in self.slots.items():
            yield f"slots.{slot}", phrases

    def _refuse_circles(self, slot: str, above: tuple[str, ...]) -> None:
        if slot in above:
            raise PromptError(f"{self.name}: slots go in a circle: {' > '.join((*above, slot))}")
        for phrase in self.slots[slot]:
            for inner in SLOT.findall(phrase):
                self._refuse_circles(inner, (*above, slot))

    def draw(self, entropy: Sequence[int], known: Mapping[str, str] | None = None) -> Prompt:
        """The prompt of `entropy` (numbers, such as seed, picture, person, variant); `known` fills its slots first.

        Inside and outside draw from streams of their own; a slot that both have gets the same words in both.
        """
        words = dict(known or {})
        inside = self._say(self.inside, "inside", entropy, words)
        outside = self._say(self.outside, "outside", entropy, words)
        return Prompt(inside, outside, self.negative)

    def _say(
        self, phrases: Phrases, key: str, entropy: Sequence[int], words: dict[str, str]
    ) -> str:
        rng = generator_of(*entropy, key)
        weights = np.array(list(phrases.values()), float)
        phrase = list(phrases)[int(rng.choice(len(weights), p=weights / weights.sum()))]

        def filled(match: re.Match[str]) -> str:
            slot = match[1]
            if slot not in words:
                words[slot] = self._say(self.slots[slot], f"slots.{slot}", entropy, words)
            return words[slot]

        return SLOT.sub(filled, phrase)


def read_grammar(path: Path = DEFAULT) -> Grammar:
    """Raises PromptError, which names the file and what is wrong in it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PromptError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise PromptError(f"{path}: cannot be read ({error})") from None
    if strange := sorted(set(table) - {"inside", "outside", "slots", "negative"}):
        raise PromptError(
            f"{path}: {strange[0]!r} is not known; there are inside, outside, slots and negative"
        )
    negative = table.get("negative", "")
    if not isinstance(negative, str):
        raise PromptError(f"{path}: negative must be text")
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
            raise PromptError(f"{path}: {key} must be a table of phrases and their weights")
    return Grammar(tables["inside"], tables["outside"], slots, negative, str(path))
