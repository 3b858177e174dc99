"""For all tests: property-based ones are bounded, repeatable, and leave no folder behind."""

from hypothesis import settings

settings.register_profile("short", max_examples=40, deadline=None, database=None, derandomize=True)
settings.load_profile("short")
