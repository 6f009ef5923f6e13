"""Statistics: small frames or expressions in, the same out; no reading, no writing, no charts."""
