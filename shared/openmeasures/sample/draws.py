"""Random numbers that are the same on every run, machine and numpy release."""

import numpy as np

# Chosen so that all that is planted shows on an XmR chart of 48 months, and the stable trust has no special cause.
SEED = 118


class Draws:
    """Random numbers of one organisation, from the raw bits of PCG64.

    numpy keeps the raw stream for ever but may change how its `Generator` makes normal numbers of it (NEP 19), and
    logarithms differ between platforms. So: sums of integers and one division, exact everywhere.
    """

    def __init__(self, org_code: str) -> None:
        self._bits = np.random.PCG64([SEED, *org_code.encode()])

    def between(self, limits: tuple[float, float]) -> float:
        """Return a number from the first limit to the second, each as likely as any other."""
        low, high = limits
        return low + (high - low) * self._sum(1)

    def normal(self, sd: float) -> float:
        """Return a number with mean 0: twelve uniform numbers less six are as good as normal within 3 sd."""
        return sd * (self._sum(12) - 6)

    def _sum(self, count: int) -> float:
        return sum(int(bits) >> 11 for bits in self._bits.random_raw(count)) / 2**53
