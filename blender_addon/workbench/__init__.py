"""The artist's own scene: a draw of the recipe shown in it, read back from it, and rendered as a pair."""
