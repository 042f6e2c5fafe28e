"""The version of the package; the language has its own, `language 1`."""

__version__ = "0.1.0"
