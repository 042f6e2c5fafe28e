"""Looking into a spec and its scores: explanations, lints, fixes."""
