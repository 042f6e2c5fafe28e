"""Time is bounded where a test says so: a busy machine must not fail the others."""

from hypothesis import settings

settings.register_profile("library", deadline=None)
settings.load_profile("library")
