"""Turning checkpoints into models that other programs run."""
