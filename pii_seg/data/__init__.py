"""Reading, augmenting and mixing training data."""
