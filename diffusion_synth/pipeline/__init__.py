"""The shape-guided pipeline: regions, attention, prompts, latents, loading."""
