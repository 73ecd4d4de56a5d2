"""A clock that moves only when a test says so."""


class Clock:
    """Stands for `time.monotonic`. Its numbers have no rounding errors, so that tests can compare them."""

    def __init__(self) -> None:
        self.now = 1024.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
