"""Networks, their weights and losses, and checkpoints."""
