"""Open Measures: NHS performance and quality measures that anyone can read, check and rerun."""

__version__ = "0.1.0"
