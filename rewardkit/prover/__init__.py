"""Claims to verdicts and witnesses."""
