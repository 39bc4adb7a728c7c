"""What Blender's user meets. For now one thing: the command `blender --command pii_synth …`."""

from . import command

_MODULES = (command,)  # each has register() and unregister()


def register() -> None:
    """Register every module, in order. Registering twice in a row is an error of the caller, as in Blender itself."""
    for module in _MODULES:
        module.register()


def unregister() -> None:
    """The inverse of `register`, in reverse order."""
    for module in reversed(_MODULES):
        module.unregister()
