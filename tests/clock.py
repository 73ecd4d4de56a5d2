"""A clock that moves only when a test advances it."""


class Clock:
    """Replaces `time.monotonic`. Its numbers have no rounding errors, so tests can compare them."""

    def __init__(self) -> None:
        self.now = 1024.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
