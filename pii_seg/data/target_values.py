"""The three values of a target."""

BACKGROUND, PERSON, IGNORE = 0, 1, 255
