"""Checks of our figures against what others have published or computed."""
