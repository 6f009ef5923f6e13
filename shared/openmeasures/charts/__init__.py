"""Charts: a finished frame and a measure in, an Altair chart out; they compute no statistics."""
