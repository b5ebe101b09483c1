"""What a benchmark finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One figure and its budget, which is the most that it may be; both in `unit`."""

    name: str
    measured: float
    budget: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the figure is within its budget."""
        return self.measured <= self.budget
