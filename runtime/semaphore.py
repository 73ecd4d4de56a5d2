"""A semaphore that is fair, and that loses nothing to an exception out of a signal handler."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Lock, RLock
from time import monotonic
from typing import Final
from weakref import ref

_SWEEP_INTERVAL: Final = 1.0  # Seconds.


class Permit:
    """The right to use one of a limited number of things.

    It ends with `FairSemaphore.release`, or when nothing refers to it any longer. An exception out of a signal handler
    can come between any two instructions, also before the `try` whose `finally` would release it.
    """

    __slots__ = ("__weakref__", "granted")

    def __init__(self) -> None:
        self.granted = Lock()
        self.granted.acquire()


class FairSemaphore:
    """Gives out up to `size` permits, in the order in which they are asked for.

    `threading.Semaphore` lets those go first who come while others wait.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        # Weak references, as a permit that is held here would never be garbage.
        self._held: set[ref[Permit]] = set()
        self._waiting: deque[Permit] = deque()
        # The same thread can come back while it has the lock: in a signal handler.
        self._lock = RLock()

    def acquire(self, timeout: float | None) -> Permit | None:
        """Return a permit, or None if there is none within `timeout` seconds. None: no limit."""
        permit = Permit()
        end = None if timeout is None else monotonic() + timeout
        try:
            with self._lock:
                self._waiting.append(permit)
                self._grant()
            while True:
                left = _SWEEP_INTERVAL if end is None else end - monotonic()
                if permit.granted.acquire(timeout=max(min(left, _SWEEP_INTERVAL), 0)):
                    return permit
                if left <= 0:
                    self.release(permit)
                    return None
                with self._lock:
                    self._grant()
        except BaseException:
            self.release(permit)
            raise

    def release(self, permit: Permit) -> None:
        """End a permit, and give its place to whoever waits longest. It does no harm to end it twice."""
        with self._lock:
            self._held.discard(ref(permit))
            if permit in self._waiting:
                self._waiting.remove(permit)
            self._grant()

    def _grant(self) -> None:
        # Between any two steps an exception can come, or a signal handler that takes them too.
        while True:
            try:
                first = self._waiting[0]
            except IndexError:
                return
            if ref(first) not in self._held:
                if len(self._held) >= self._size:
                    self._held = {each for each in self._held if each() is not None}
                if len(self._held) >= self._size:
                    return
                self._held.add(ref(first))
            with suppress(RuntimeError):  # It is released already.
                first.granted.release()
            with suppress(ValueError):  # It is out already.
                self._waiting.remove(first)
