"""Recipes: sections, TOML files and distributions. Pure: no bpy, no randomness of their own."""
