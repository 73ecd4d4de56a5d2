"""A limit for the connections that a sync client uses at the same time."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock, RLock


class Cap:
    """Allows up to `size` users at once; None allows any number. Those who wait take turns.

    A signal handler can come in the middle of any method, use the cap itself, or raise an exception. So the lock is
    reentrant, where `threading.Semaphore` would block for ever, and a user can leave at any time, more than once.
    """

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._users: set[Hashable] = set()
        self._waiting: dict[Hashable, Lock] = {}
        self._lock = RLock()

    @property
    def used(self) -> int:
        return len(self._users)

    def enter(self, user: Hashable, timeout: float | None) -> bool:
        """Make somebody a user. False: none left within `timeout` seconds. None: wait without a limit.

        Whatever comes of it, an exception too, `leave` has to be called at the end.
        """
        if self._size is None:
            return True
        turn = Lock()
        turn.acquire()
        with self._lock:
            self._waiting[user] = turn
            self._take_turns(self._size)
        turn.acquire(timeout=-1 if timeout is None else timeout)
        return user in self._users

    def leave(self, user: Hashable) -> None:
        """Give a place to whoever has waited longest, if it has one, and wait no longer."""
        if self._size is None:
            return
        with self._lock:
            self._waiting.pop(user, None)
            self._users.discard(user)
            self._take_turns(self._size)

    def _take_turns(self, size: int) -> None:
        for user in list(self._waiting):
            if len(self._users) >= size:
                return
            turn = self._waiting.pop(user, None)
            if turn is not None:  # A signal handler may have let it in.
                self._users.add(user)
                turn.release()
