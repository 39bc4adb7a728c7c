"""The artist's own scene: a draw of the recipe is shown in it, read back and rendered as a pair."""
