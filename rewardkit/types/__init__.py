"""Types, units, exact intervals, levels, and what the language knows of functions and normalizers."""
