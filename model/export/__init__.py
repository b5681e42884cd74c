"""A classifier as other programs read it."""
