"""Self-training: a teacher labels photos, and students are trained on its labels."""
