from .blender_addon import (
    register as register,
)  # Blender looks for both beside blender_manifest.toml
from .blender_addon import unregister as unregister
