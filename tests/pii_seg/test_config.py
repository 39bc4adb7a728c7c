"""One list of the roles that data can play: every place that needs all of them is named here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pii_seg.config import (
    DATA_ROLES,
    GIVEN_ROLES,
    SELF_TRAINED_ROLES,
    AugmentationConfig,
    DataConfig,
    TrainConfig,
)
from pii_seg.data.mixture import DataSources, assemble
from pii_seg.data.sources import Fault, Sample, Source
from pii_seg.data.sources.base import Progress
from pii_seg.evaluation.calibrate import known_to_training
from pii_seg.selftrain.config import decisive_settings
from pii_seg.train import parser
from pii_seg.training_options import read_arguments


class Named(Source):
    """A source of one image that is never loaded."""

    def __init__(self, name: str) -> None:
        self.name, self.photo_only, self.faults = name, False, []

    def __len__(self) -> int:
        return 1

    def load(self, i: int) -> Sample:
        raise AssertionError("nothing is loaded here")

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return []


def test_the_list_of_roles_is_the_folders_of_the_data_configuration() -> None:
    folders = [
        f.name
        for f in dataclasses.fields(DataConfig)
        if f.default == () and f.name != "person_class"
    ]
    assert list(DATA_ROLES) == folders
    assert {*GIVEN_ROLES, *SELF_TRAINED_ROLES} == set(DATA_ROLES)
    assert all(DATA_ROLES.values()), "DataConfig: a role has no help text"


@pytest.mark.parametrize("role", DATA_ROLES)
def test_no_place_forgets_a_role(role: str) -> None:
    folders = DataConfig(**{name: (f"{name}-folder",) for name in DATA_ROLES})
    assert role in {f.name for f in dataclasses.fields(DataSources)}, "data.mixture.DataSources"
    config, _ = read_arguments(parser(), [f"--{role}", "x", "--output", "run"])
    assert getattr(config.data, role) == ("x",), f"train: --{role}"
    assert role not in decisive_settings(TrainConfig(folders))["data"], (
        "selftrain.config.decisive_settings"
    )
    if role in GIVEN_ROLES:
        named = {"data": {role: [f"{role}-folder"]}}
        assert known_to_training(named, [Path(f"{role}-folder")]), (
            "evaluation.calibrate.known_to_training"
        )
    opened = DataSources(**{name: (Named(name),) for name in DATA_ROLES}, held_out=False, faults=())
    assert opened.counts()[role] == 1, "data.mixture.DataSources.counts"
    module = assemble(
        opened, folders, AugmentationConfig(), epoch_size=8, seed=0, workers=0, memory_mb=1
    )
    used = [entry.source.name for entry in module.mixture]
    used += [source.name for source in (*module.validation, *module.distractors)]
    assert role in used, "data.mixture.assemble"
    if role not in ("validation", "distractors"):  # these are pasted onto images of other roles
        assert hasattr(folders, f"{role}_weight"), f"config.DataConfig.{role}_weight"
