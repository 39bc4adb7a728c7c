"""The user interface in Blender: the sidebar tab, the preferences, `blender --command pii_synth`.

Every module has register() and unregister(). The panels' bl_order says where each stands in the
tab.
"""

from . import command, preferences
from .operators import batch as batch_operators
from .operators import packs as packs_operators
from .operators import people as people_operators
from .operators import preview as preview_operators
from .operators import recipe as recipe_operators
from .operators import sample as sample_operators
from .operators import scenery as scenery_operators
from .panels import batch, packs, people, preview, recipe, sample, scenery
from .properties import recipe_settings, settings

_MODULES = (
    preferences,
    recipe_settings,
    settings,
    recipe_operators,
    packs_operators,
    scenery_operators,
    people_operators,
    sample_operators,
    preview_operators,
    batch_operators,
    batch,
    recipe,
    packs,
    scenery,
    people,
    sample,
    preview,
    command,
)


def register() -> None:
    """Register every module, in order. As in Blender itself, registering twice is an error."""
    for module in _MODULES:
        module.register()


def unregister() -> None:
    """Unregister every module, in reverse order."""
    for module in reversed(_MODULES):
        module.unregister()
