"""Values that are made once for a body model and its chart, and go when the model goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ..bodies.model import BodyModel

T = TypeVar("T")
Chart = Mapping[str, np.ndarray]


class PerModel(Generic[T]):
    """A function of a body model and its chart that remembers what it returned."""

    def __init__(self, make: Callable[[BodyModel, Chart], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[BodyModel, tuple[Chart, T]] = WeakKeyDictionary()

    def __call__(self, model: BodyModel, chart: Chart) -> T:
        """The value; it is made at the first call, and anew for another chart."""
        found = self._made.get(model)
        if found is None or found[0] is not chart:
            found = self._made[model] = (chart, self._make(model, chart))
        return found[1]
