"""The names of the procedural surfaces; `surfaces` draws them. No bpy here: sampling needs the names alone."""

PATTERNS = ("plain", "checks", "stripes", "noise", "bricks", "tiles", "asphalt", "grass", "wood")
