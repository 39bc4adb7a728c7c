from __future__ import annotations

import numpy as np
import pytest

from blender_addon.wardrobe import palette


def test_hex_codes_become_linear() -> None:
    assert palette.linear("#000000") == (0.0, 0.0, 0.0)
    assert palette.linear("#ffffff") == pytest.approx((1.0, 1.0, 1.0))
    assert palette.linear("#bcbcbc")[0] == pytest.approx(0.5029, abs=1e-3)


@pytest.mark.parametrize("code", ["", "fff", "#fff", "1234567"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        palette.linear(code)


def test_the_albedo_of_skin_is_that_of_skin() -> None:
    # Reflectance of skin in the red: about 5 % for the darkest, two thirds for the lightest; always
    # reddest.
    albedo = np.array([palette.reflectance(tone) for tone in palette.MONK])
    assert 0.55 < albedo[:4, 0].max() < 0.72
    assert 0.04 < albedo[9, 0] < 0.08
    assert (albedo[:, 0] > albedo[:, 1]).all() and (albedo[:, 1] > albedo[:, 2]).all()


def test_blend_ends_at_both_colours() -> None:
    a, b = (0.1, 0.2, 0.3), (0.5, 0.5, 0.5)
    assert palette.blend(a, b, 0.0) == pytest.approx(a)
    assert palette.blend(a, b, 1.0) == pytest.approx(b)
