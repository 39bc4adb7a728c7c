"""The values of a target."""

BACKGROUND, PERSON, IGNORE = 0, 1, 255

HEAD = 2
"""A pixel of a head, in targets of trainings that weigh heads (pixel_weights)."""
