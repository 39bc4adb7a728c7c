"""Renders that are refused: broken numbers, people without light, one colour."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.render.checks import RenderError, check_contrast, check_light

PEOPLE = np.zeros((40, 40), np.uint8)
PEOPLE[10:30, 10:30] = 1
NOBODY = np.zeros((40, 40), np.uint8)


def rgba(people: float = 0.1, around: float = 0.3) -> np.ndarray:
    image = np.full((40, 40, 4), around, np.float32)
    image[PEOPLE > 0] = people
    return image


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_counted(value: float) -> None:
    image = rgba()
    image[3, 4, 1] = image[5, 6] = value
    with pytest.raises(RenderError, match="2 pixels of the render are not finite"):
        check_light(image, PEOPLE)


def test_people_without_any_light_are_noticed_and_shadows_are_not() -> None:
    check_light(rgba(), PEOPLE)
    check_light(rgba(people=1e-4), PEOPLE)
    check_light(rgba(people=0.0), NOBODY)
    few = NOBODY.copy()
    few[0, :20] = 1
    check_light(rgba(people=0.0), few)
    with pytest.raises(RenderError, match="no light falls on the people"):
        check_light(rgba(people=0.0), PEOPLE)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_an_image_of_one_colour_is_noticed_where_people_are(level: int) -> None:
    image = np.full((40, 40, 3), (level, 20, 30), np.uint8)
    check_contrast(image, NOBODY)
    with pytest.raises(RenderError, match="all of one colour"):
        check_contrast(image, PEOPLE)
    image[PEOPLE > 0] = 60
    check_contrast(image, PEOPLE)
