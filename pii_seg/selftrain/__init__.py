"""The self-training loop: renders → teacher → pseudo-labels → diffusion → student, stage by stage on disk."""
