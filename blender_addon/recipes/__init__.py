"""What may vary: recipe sections, their TOML files and distributions. Pure: no bpy, no randomness of its own."""
