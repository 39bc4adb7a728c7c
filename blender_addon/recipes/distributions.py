"""Distributions of the numbers in a recipe, each written as one TOML value.

0.5                                   always 0.5
[1, 4]                                uniform between the two (whole numbers: both ends included)
{ log = [3, 60] }                     log-uniform: as many between 3 and 6 as between 30 and 60
{ normal = [8, 1], min = 4 }          Gaussian, optionally cut off
{ choice = [1, 2, 3], weights = [5, 3, 1] }
"""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST = 1e100  # magnitude of any number in a recipe: sums and squares of such stay finite
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 80
_SHOWN.maxlong = 40
KINDS = ("constant", "uniform", "log", "normal", "choice")


@dataclass(frozen=True)
class Distribution:
    """A one-dimensional distribution; `values` are its parameters in the order of the TOML form."""

    kind: str
    values: tuple[float, ...]
    weights: tuple[float, ...] = ()
    min: float = -math.inf
    max: float = math.inf

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        if self.kind == "constant":
            return self.values[0]
        if self.kind == "uniform":
            low, high = self.values
            return float(rng.uniform(low, high))
        if self.kind == "log":
            low, high = np.log(self.values)
            return float(np.exp(rng.uniform(low, high)))
        if self.kind == "normal":
            mean, deviation = self.values
            return float(np.clip(rng.normal(mean, deviation), self.min, self.max))
        p = np.asarray(self.weights or np.ones(len(self.values)), dtype=float)
        return float(self.values[rng.choice(len(self.values), p=p / p.sum())])

    def sample_int(self, rng: np.random.Generator) -> int:
        """One draw of a whole number; a uniform range includes both ends."""
        if self.kind == "uniform":
            return int(rng.integers(round(self.values[0]), round(self.values[1]) + 1))
        return round(self.sample(rng))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and largest value that can be drawn (infinite for an open Gaussian)."""
        if self.kind == "normal":
            return (self.min, self.max)
        return (min(self.values), max(self.values))

    @property
    def middle(self) -> float:
        """A typical value: what a switched-off factor uses."""
        if self.kind == "log":
            return math.sqrt(self.values[0] * self.values[1])
        if self.kind == "normal":
            return float(np.clip(self.values[0], self.min, self.max))
        if self.kind == "choice":
            return self.values[int(np.argmax(self.weights))] if self.weights else self.values[0]
        return sum(self.values) / len(self.values)

    def to_toml(self) -> Any:
        """The value `parse` reads back."""
        if self.kind == "constant":
            return self.values[0]
        if self.kind == "uniform":
            return list(self.values)
        table: dict[str, Any] = {self.kind: list(self.values)}
        if self.weights:
            table["weights"] = list(self.weights)
        if self.min != -math.inf:
            table["min"] = self.min
        if self.max != math.inf:
            table["max"] = self.max
        return table


def parse(value: Any) -> Distribution:
    """Read a distribution from a TOML value.

    Raises:
        ValueError: The value is no distribution; the message says what was expected.
    """
    if _is_number(value):
        return Distribution("constant", (float(value),))
    if isinstance(value, list):
        return Distribution("uniform", _range(value))
    if not isinstance(value, dict):
        raise ValueError(f"expected a number, [low, high] or a table, got {shown(value)}")
    kinds = [key for key in value if key in KINDS[2:]]
    if len(kinds) != 1:
        raise ValueError("a table needs exactly one of log, normal, choice")
    kind = kinds[0]
    extra = {"log": set(), "normal": {"min", "max"}, "choice": {"weights"}}[kind]
    unknown = sorted(set(value) - {kind} - extra)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} beside {kind!r}")
    items = value[kind]
    if not isinstance(items, list) or not all(_is_number(item) for item in items):
        raise ValueError(f"{kind} takes a list of numbers, got {shown(items)}")
    if kind == "log":
        low, high = _range(items)
        if low <= 0:
            raise ValueError(f"log needs positive ends, got {shown(items)}")
        return Distribution("log", (low, high))
    if kind == "normal":
        if len(items) != 2 or items[1] < 0:
            raise ValueError(f"normal takes [mean, standard deviation ≥ 0], got {shown(items)}")
        low, high = (value.get(key, end) for key, end in (("min", -math.inf), ("max", math.inf)))
        if not all(_is_number(value[key]) for key in extra & set(value)):
            raise ValueError(f"min and max take numbers, got {shown(value)}")
        if low > high:
            raise ValueError(f"empty range: min = {low} > max = {high}")
        return Distribution(
            "normal", (float(items[0]), float(items[1])), min=float(low), max=float(high)
        )
    return _choice(items, value.get("weights", []))


def _choice(items: list[float], weights: Any) -> Distribution:
    if not items:
        raise ValueError("choice needs at least one value")
    if not isinstance(weights, list) or not all(_is_number(w) and w >= 0 for w in weights):
        raise ValueError(f"weights must be numbers ≥ 0, got {shown(weights)}")
    if weights and (len(weights) != len(items) or sum(weights) <= 0):
        raise ValueError("weights must be as many as the values, and not all 0")
    return Distribution("choice", tuple(map(float, items)), tuple(map(float, weights)))


def _range(items: list[Any]) -> tuple[float, float]:
    if len(items) != 2 or not all(_is_number(item) for item in items):
        raise ValueError(f"a range takes two numbers [low, high], got {shown(items)}")
    if items[0] > items[1]:
        raise ValueError(f"empty range: {items[0]} > {items[1]}")
    return float(items[0]), float(items[1])


def _is_number(value: Any) -> bool:
    """Whether a value is a number that arithmetic can be done with; bool is none here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST  # False for nan too


def shown(value: Any) -> str:
    """A value for an error message, cut to a length that a line can hold."""
    try:
        return _SHOWN.repr(value)
    except ValueError:  # Python refuses to write whole numbers of thousands of digits
        return f"a {type(value).__name__} that is too long to show"
