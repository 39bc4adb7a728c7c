"""The recipe of a segmenter to ship, a TOML file. It imports no torch, so that `--help` is fast.

name = "small"
version = "1"
licence = "Apache-2.0"         # of the weights
seeds = [0, 1]

[[renders]]                    # learnt from
name = "everyday"
recipe = "everyday"            # a preset, or a recipe file beside this one
count = 3000
resolution = [384, 384]
samples = 12

[[held_out]]                   # of presets and assets that nothing is learnt from
name = "doorbell"
recipe = "doorbell"
count = 300

[[renders]]                    # rendered elsewhere, such as on other machines
name = "street"
folder = "street"

[[photos]]                     # without people; learnt from
folder = "empty"
licence = "CC0-1.0"
origin = "…"

[[held_out_photos]]            # without people; choose the threshold
folder = "empty_too"
licence = "CC0-1.0"
origin = "…"

[[distractors]]                # pairs of things that are no persons; pasted among pasted people
folder = "animals"
licence = "CC-BY-3.0"
origin = "…"

[choice]
false_area = 0.01              # the most of a photo without people that may be taken for people

[[training]]                   # one after the other, each from the weights of the one before
name = "warm"
[training.budget]
steps = 5000
[[training]]
name = "long"
[training.budget]
steps = 40000

[measure]                      # only measured, after everything is chosen
data = ["…"]
negatives = ["…"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pii_seg.config import (
    DATA_ROLES,
    SIZES,
    AugmentationConfig,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
)
from pii_seg.errors import ConfigError
from pii_seg.inference.settings import InferenceSettings

RECALLS = (0.9, 0.95, 0.99)
RECIPE_FILE = ".toml"
PHOTOS = ("photos", "held_out_photos", "distractors")
TABLES = ("renders", "held_out", *PHOTOS, "training")

SectionT = TypeVar("SectionT")


@dataclass(frozen=True)
class Renders:
    """One dataset to render, or one that was rendered elsewhere.

    Attributes:
        name: Name of its folder, renders-NAME.
        recipe: A preset, or the path of a recipe file.
        count: Number of images.
        folder: Folder of a rendered dataset, in place of recipe and count.
        seed: Seed of all draws.
        resolution: Width and height, px; empty: the recipe's.
        samples: Cycles samples per pixel; 0: the recipe's.
    """

    name: str
    recipe: str = ""
    count: int = 0
    folder: str = ""
    seed: int = 0
    resolution: tuple[int, ...] = ()
    samples: int = 0

    def __post_init__(self) -> None:
        require_name("renders", self.name)
        if bool(self.recipe) == bool(self.folder):
            raise ConfigError(f"renders {self.name}: give either recipe or folder")
        if self.folder:
            if self.count or self.seed or self.resolution or self.samples:
                raise ConfigError(
                    f"renders {self.name}: count, seed, resolution and samples are those of the "
                    "dataset in folder; leave them out"
                )
            return
        if self.count < 1:
            raise ConfigError(f"renders {self.name}: count is {self.count}; it must be at least 1")
        if len(self.resolution) not in (0, 2) or any(side < 16 for side in self.resolution):
            raise ConfigError(
                f"renders {self.name}: resolution is {list(self.resolution)}; expected [width, "
                "height] in px, at least 16 each"
            )
        if self.samples < 0 or self.seed < 0:
            raise ConfigError(f"renders {self.name}: samples and seed must not be negative")

    def command(self) -> list[str]:
        """Options of `blender_addon.batch` that decide the images."""
        source = [self.recipe] if self.is_file else ["--preset", self.recipe]
        options = [*source, "--count", str(self.count), "--seed", str(self.seed)]
        if self.resolution:
            options += ["--resolution", "x".join(map(str, self.resolution))]
        return options + (["--samples", str(self.samples)] if self.samples else [])

    @property
    def is_file(self) -> bool:
        return self.recipe.endswith(RECIPE_FILE)


@dataclass(frozen=True)
class Photos:
    """A folder of photos or renders without people, and the licence that allows to learn from them.

    They are shown as they are, and with people of the renders pasted onto them: shown only empty,
    they teach that photos hold no people (docs/results/segmenter.md). The weights of both are
    `data.negatives_weight` and `data.backgrounds_weight` of a training.
    """

    folder: str
    licence: str
    origin: str

    def __post_init__(self) -> None:
        for name in ("folder", "licence", "origin"):
            if not getattr(self, name).strip():
                raise ConfigError(f"photos: {name} is empty; the model card states it")


@dataclass(frozen=True)
class Choice:
    """The rule that candidates are compared by.

    Attributes:
        false_area: With [[held_out_photos]], the threshold is the lowest at which at most this
            share of a photo without people is taken for people, on average.
        by_chance: An average of checkpoints is chosen unless another candidate's score is better by
            more than this: by held-out renders alone, what is worse on photos has won.
    """

    false_area: float = 0.01
    by_chance: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.false_area < 1:
            raise ConfigError(f"choice: false_area is {self.false_area}; expected 0 to 1")
        if not 0 <= self.by_chance < 1:
            raise ConfigError(f"choice: by_chance is {self.by_chance}; expected 0 to 1")


@dataclass(frozen=True)
class Training:
    """One training. `config` lacks data and seed, which the run adds."""

    name: str
    config: TrainConfig


@dataclass(frozen=True)
class Measured:
    """Folders that are measured at the end. Nothing is learnt or chosen from them."""

    data: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildRecipe:
    """Everything that decides a segmenter.

    Attributes:
        name: Name of the segmenter, such as "small".
        version: Its version.
        description: A sentence for the model card.
        licence: Licence of the weights, an SPDX identifier, for the model card.
        seeds: Each training runs once for each; the average of their weights competes with them.
        renders: Datasets to learn from.
        held_out: Datasets that choose and calibrate.
        photos: Photos without people to learn from.
        held_out_photos: Photos without people that choose the threshold.
        distractors: Pairs whose masks mark things that are no persons.
        choice: How the candidates are compared.
        trainings: One after the other, each from the weights of the one before.
        measured: What is only measured.
        inference: How images are presented to the segmenter when it is chosen and measured.
    """

    name: str
    version: str
    renders: tuple[Renders, ...]
    held_out: tuple[Renders, ...]
    trainings: tuple[Training, ...]
    description: str = ""
    licence: str = ""
    seeds: tuple[int, ...] = (0,)
    photos: tuple[Photos, ...] = ()
    held_out_photos: tuple[Photos, ...] = ()
    distractors: tuple[Photos, ...] = ()
    choice: Choice = field(default_factory=Choice)
    measured: Measured = field(default_factory=Measured)
    inference: InferenceSettings = field(default_factory=InferenceSettings)

    def __post_init__(self) -> None:
        require_name("the segmenter", self.name)
        for role, given in (
            ("renders", self.renders),
            ("held_out", self.held_out),
            ("training", self.trainings),
        ):
            if not given:
                raise ConfigError(f"[[{role}]] is missing; give at least one")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(
                f"seeds are {list(self.seeds)}; expected different numbers from 0, at least one"
            )
        require_different("[[renders]] and [[held_out]]", (*self.renders, *self.held_out))
        require_different("[[training]]", self.trainings)
        taught = {(entry.recipe, entry.folder, entry.seed) for entry in self.renders}
        for entry in self.held_out:
            if (entry.recipe, entry.folder, entry.seed) in taught:
                raise ConfigError(
                    f"held_out {entry.name}: has the recipe and seed of one of [[renders]], so "
                    "its images are learnt from; give another recipe or seed"
                )
        learnt = {photos.folder for photos in self.photos}
        if both := sorted(learnt & {photos.folder for photos in self.held_out_photos}):
            raise ConfigError(f"held_out_photos: {both[0]} is learnt from; give another folder")


def require_name(what: str, name: str) -> None:
    """Raise ConfigError unless `name` can name a folder: a to z, digits and -."""
    if not name or name.strip("abcdefghijklmnopqrstuvwxyz0123456789-") or name.startswith("-"):
        raise ConfigError(f"{what}: {name!r} is no name; use a to z, digits and -")


def require_different(what: str, entries: Iterable[Renders | Training]) -> None:
    names = [entry.name for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{what}: two are called {twice[0]!r}; give each a name of its own")


def recipe_of(values: Mapping[str, Any], base: Path) -> BuildRecipe:
    """Make a recipe from the values of a TOML file whose relative paths start at `base`."""
    rest = dict(values)
    size = rest.pop("size", "small")
    if size not in SIZES:
        raise ConfigError(f"size is {size!r}; it must be one of {', '.join(SIZES)}")
    model = section("model", rest.pop("model", {}), ModelConfig, SIZES[size])
    tables = {role: _tables(rest, role) for role in TABLES}
    renders, held_out = (
        tuple(_render(role, table, base) for table in tables[role])
        for role in ("renders", "held_out")
    )
    photos = {role: tuple(_photos(role, table, base) for table in tables[role]) for role in PHOTOS}
    measured = section("measure", rest.pop("measure", {}), Measured)
    measured = Measured(*(tuple(_path(base, p) for p in g) for g in dataclasses.astuple(measured)))
    return section(
        "the recipe",
        {
            **rest,
            "renders": renders,
            "held_out": held_out,
            **photos,
            "choice": section("choice", rest.pop("choice", {}), Choice),
            "trainings": tuple(_training(table, model) for table in tables["training"]),
            "measured": measured,
            "inference": section("inference", rest.pop("inference", {}), InferenceSettings),
        },
        BuildRecipe,
    )


def _tables(values: dict[str, Any], role: str) -> list[dict[str, Any]]:
    tables = values.pop(role, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{role}: expected tables, each begun with [[{role}]]")
    return tables


def _render(role: str, table: Mapping[str, Any], base: Path) -> Renders:
    entry = section(role, table, Renders)
    if entry.folder:
        return dataclasses.replace(entry, folder=_path(base, entry.folder))
    return dataclasses.replace(entry, recipe=_path(base, entry.recipe)) if entry.is_file else entry


def _photos(role: str, table: Mapping[str, Any], base: Path) -> Photos:
    entry = section(role, table, Photos)
    return dataclasses.replace(entry, folder=_path(base, entry.folder))


def _path(base: Path, path: str) -> str:
    return str(base / Path(path).expanduser())


def _training(table: Mapping[str, Any], model: ModelConfig) -> Training:
    rest = dict(table)
    name = str(rest.pop("name", ""))
    require_name("training", name)
    made: dict[str, Any] = {}
    for key, kind in (
        ("data", DataConfig),
        ("augmentation", AugmentationConfig),
        ("optimiser", OptimiserConfig),
        ("budget", BudgetConfig),
        ("machine", MachineConfig),
    ):
        made[key] = section(f"training {name}.{key}", rest.pop(key, {}), kind)
    if rest:
        raise ConfigError(f"training {name}: {sorted(rest)[0]!r} is no section of a training")
    if given := [role for role in DATA_ROLES if role in table.get("data", {})]:
        raise ConfigError(
            f"training {name}: data.{given[0]} names folders; [[renders]] and [[photos]] do that"
        )
    return Training(name, TrainConfig(model=model, **made))


def section(
    where: str, values: Any, kind: type[SectionT], default: SectionT | None = None
) -> SectionT:
    """Make a dataclass from the values of a table.

    Args:
        where: Name of the table in messages.
        values: The table.
        kind: The dataclass.
        default: Values that the table leaves out; those of `kind` by default.

    Raises:
        ConfigError: A key is unknown or missing, or a value is of another type or out of range.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected a table, got {values!r}")
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(fields)):
        raise ConfigError(f"{where}: {unknown[0]!r} is unknown; there are {', '.join(fields)}")
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for name, value in given.items():
        _require_type(f"{where}.{name}", value, str(fields[name].type))
    try:
        if default is not None:
            return dataclasses.replace(default, **given)  # type: ignore[type-var]
        return kind(**given)
    except TypeError as error:
        raise ConfigError(f"{where}: {str(error).partition('() ')[2] or error}") from None


def _require_type(where: str, value: Any, wanted: str) -> None:
    """Raise ConfigError for a text in place of a number, and the like."""
    simple = {"str": str, "int": int, "float": (int, float), "bool": bool}
    if wanted in simple and (
        not isinstance(value, simple[wanted])  # type: ignore[arg-type]
        or (isinstance(value, bool) and wanted != "bool")
    ):
        raise ConfigError(f"{where} is {value!r}; expected {wanted}")
    texts = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
    if wanted.startswith("tuple[str") and not texts:
        raise ConfigError(f"{where} is {value!r}; expected a list of texts")
