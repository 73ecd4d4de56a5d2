from contextlib import suppress
from threading import Thread
from unittest.mock import Mock

import pytest

from runtime.transport import cap as module
from runtime.transport.cap import Cap
from tests.interruptions import interruptions

PATIENCE = 30
FIRST, HANDLER = "first", "handler"


class Waiter(Thread):
    """A thread that waits for a place. It is in the queue once this object exists."""

    def __init__(self, cap: Cap, timeout: float | None = PATIENCE) -> None:
        super().__init__(daemon=True)
        self._cap = cap
        self._timeout = timeout
        self._entered: bool | None = None
        waiting = queue_length(cap)
        self.start()
        while queue_length(cap) == waiting:
            assert self.is_alive()

    def run(self) -> None:
        self._entered = self._cap.enter(self, self._timeout)

    def result(self) -> bool:
        self.join(PATIENCE)
        assert self._entered is not None
        return self._entered


def queue_length(cap: Cap) -> int:
    return len(cap._waiting)


def free(cap: Cap) -> int:
    """Return how many places can be taken, and give them back."""
    users: list[object] = [object()]
    while cap.enter(users[-1], 0.001):
        users.append(object())
    for user in users:
        cap.leave(user)
    return len(users) - 1


def full_cap(size: int = 1) -> Cap:
    cap = Cap(size)
    for user in (FIRST, *range(size - 1)):
        assert cap.enter(user, 0)
    return cap


def test_size_limits_the_number_of_users() -> None:
    cap = full_cap(3)
    assert cap.used == 3
    assert not cap.enter("other", 0.001)
    cap.leave("other")
    cap.leave(FIRST)
    cap.leave(FIRST)  # Leaving twice changes nothing.
    assert cap.enter("other", 0)
    assert free(cap) == 0


def test_cap_without_a_size_allows_any_number() -> None:
    cap = Cap(None)
    assert all(cap.enter(user, 0) for user in range(1000))
    cap.leave(0)
    assert cap.enter(0, None)


def test_waiting_threads_take_turns_and_one_that_gave_up_is_skipped() -> None:
    cap = full_cap()
    waiters = [Waiter(cap)]
    assert not cap.enter("impatient", 0.001)
    cap.leave("impatient")
    waiters += [Waiter(cap, None), Waiter(cap)]
    cap.leave(FIRST)
    assert not cap.enter("late", 0.001)
    cap.leave("late")
    for index, waiter in enumerate(waiters):
        assert waiter.result()
        assert cap.used == 1
        assert all(each.is_alive() for each in waiters[index + 1 :])
        cap.leave(waiter)
    assert free(cap) == 1


def use(cap: Cap, user: str) -> bool:
    try:
        return cap.enter(user, 0.001)
    finally:
        cap.leave(user)


@pytest.mark.parametrize("size", [1, 2])
def test_signal_handler_can_use_the_cap_in_the_middle_of_any_use(size: int) -> None:
    cap = Cap(size)
    for interruption in interruptions(module.__name__, lambda: use(cap, HANDLER)):
        with interruption:
            use(cap, FIRST)
        assert cap.used == 0
        assert free(cap) == size


def test_signal_handlers_wait_times_out_within_a_wait_that_times_out() -> None:
    cap = full_cap()
    results: list[bool] = []
    for interruption in interruptions(module.__name__, lambda: results.append(use(cap, HANDLER))):
        with interruption:
            assert not use(cap, "other")
        assert queue_length(cap) == 0
    assert not any(results)
    cap.leave(FIRST)
    assert free(cap) == 1


def test_signal_handler_can_raise_in_the_middle_of_entering_and_no_place_is_lost() -> None:
    cap = Cap(1)
    for interruption in interruptions(module.__name__, Mock(side_effect=KeyboardInterrupt)):
        with suppress(KeyboardInterrupt), interruption:
            cap.enter(FIRST, 0.001)
        cap.leave(FIRST)  # A call does this in the `finally` around everything else.
        assert cap.used == 0
        assert free(cap) == 1
