"""What Blender's user meets: the sidebar tab PII Synth, the preferences, and `blender --command pii_synth …`.

Every module has register() and unregister(). Panels appear in the tab in the order of _MODULES.
"""

from . import (
    batch_panel,
    command,
    people_panel,
    preferences,
    preview_panel,
    recipe_panel,
    recipe_settings,
    sample_panel,
    settings,
)

_MODULES = (
    preferences,
    recipe_settings,
    settings,
    recipe_panel,
    people_panel,
    sample_panel,
    preview_panel,
    batch_panel,
    command,
)


def register() -> None:
    """Register every module, in order. Registering twice in a row is an error of the caller, as in Blender itself."""
    for module in _MODULES:
        module.register()


def unregister() -> None:
    """The inverse of `register`, in reverse order."""
    for module in reversed(_MODULES):
        module.unregister()
