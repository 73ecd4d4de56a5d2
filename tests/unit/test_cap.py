import signal
import threading
from contextlib import suppress
from threading import Thread
from types import FrameType

import pytest

from runtime.transport import cap as module
from runtime.transport.cap import Cap

from .interruptions import interruptions

PATIENCE = 30
FIRST, HANDLER = "first", "handler"


class Waiter:
    """A thread that waits for a place. It is in the queue when this has been made."""

    def __init__(self, cap: Cap, timeout: float | None = PATIENCE) -> None:
        self._cap = cap
        self._result: bool | None = None
        self._thread = Thread(target=self._wait, args=(timeout,), daemon=True)
        waiting = queue_length(cap)
        self._thread.start()
        while queue_length(cap) == waiting:
            assert self._thread.is_alive()

    def _wait(self, timeout: float | None) -> None:
        self._result = self._cap.enter(self, timeout)

    def leave(self) -> None:
        self._cap.leave(self)

    def result(self) -> bool:
        self._thread.join(PATIENCE)
        assert self._result is not None
        return self._result

    @property
    def is_waiting(self) -> bool:
        return self._thread.is_alive()


def queue_length(cap: Cap) -> int:
    return len(cap._waiting)


def free(cap: Cap) -> int:
    """How many places can be taken. All are given back."""
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


def test_as_many_users_are_let_in_as_the_size_says() -> None:
    cap = full_cap(3)
    assert cap.used == 3
    assert not cap.enter("other", 0.001)
    cap.leave("other")
    cap.leave(FIRST)
    assert cap.enter("other", 0)
    assert free(cap) == 0


def test_no_size_allows_any_number() -> None:
    cap = Cap(None)
    assert all(cap.enter(user, 0) for user in range(1000))
    cap.leave(0)
    assert cap.enter(0, None)


def test_leaving_twice_gives_back_one_place() -> None:
    cap = full_cap(2)
    cap.leave(FIRST)
    cap.leave(FIRST)
    assert free(cap) == 1


@pytest.mark.parametrize("timeout", [PATIENCE, None])
def test_who_waits_gets_the_place_that_another_thread_leaves(timeout: float | None) -> None:
    cap = full_cap()
    waiter = Waiter(cap, timeout)
    cap.leave(FIRST)
    assert waiter.result()
    assert cap.used == 1
    waiter.leave()
    assert free(cap) == 1


def test_those_who_wait_take_turns() -> None:
    cap = full_cap()
    waiters = [Waiter(cap) for _ in range(3)]
    cap.leave(FIRST)
    for index, waiter in enumerate(waiters):
        assert waiter.result()
        assert all(each.is_waiting for each in waiters[index + 1 :])
        waiter.leave()


def test_a_place_that_comes_free_is_for_who_waits_and_not_for_who_comes_then() -> None:
    cap = full_cap()
    waiter = Waiter(cap)
    cap.leave(FIRST)
    assert not cap.enter("late", 0.001)
    assert waiter.result()


def test_who_has_waited_in_vain_and_left_is_passed_over() -> None:
    cap = full_cap()
    first = Waiter(cap)
    assert not cap.enter("impatient", 0.001)
    cap.leave("impatient")
    last = Waiter(cap)
    cap.leave(FIRST)
    for waiter in (first, last):
        assert waiter.result()
        waiter.leave()
    assert free(cap) == 1


def test_many_threads_never_use_more_places_than_there_are() -> None:
    cap = Cap(3)
    lock = threading.Lock()
    in_use = most = 0

    def work() -> None:
        nonlocal in_use, most
        for _ in range(50):
            user = object()
            assert cap.enter(user, PATIENCE)
            with lock:
                in_use += 1
                most = max(most, in_use)
            with lock:
                in_use -= 1
            cap.leave(user)

    threads = [Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert most <= 3
    assert free(cap) == 3


def use(cap: Cap, user: str) -> bool:
    try:
        return cap.enter(user, 0.001)
    finally:
        cap.leave(user)


@pytest.mark.parametrize("size", [1, 2])
def test_signal_handler_can_use_the_cap_in_the_middle_of_any_use(size: int) -> None:
    cap = Cap(size)
    for interruption in interruptions(module, lambda: use(cap, HANDLER)):
        with interruption:
            use(cap, FIRST)
        assert cap.used == 0
        assert free(cap) == size


def test_signal_handler_waits_in_vain_in_the_middle_of_a_wait_in_vain() -> None:
    cap = full_cap()
    results: list[bool] = []
    for interruption in interruptions(module, lambda: results.append(use(cap, HANDLER))):
        with interruption:
            assert not use(cap, "other")
        assert queue_length(cap) == 0
    assert not any(results)
    cap.leave(FIRST)
    assert free(cap) == 1


class InterruptError(Exception):
    """What a signal handler raises."""


def interrupt() -> None:
    raise InterruptError


def test_signal_handler_can_raise_in_the_middle_of_entering_and_no_place_is_lost() -> None:
    cap = Cap(1)
    for interruption in interruptions(module, interrupt):
        with suppress(InterruptError), interruption:
            cap.enter(FIRST, 0.001)
        cap.leave(FIRST)  # A call does this in the `finally` around everything else.
        assert cap.used == 0
        assert free(cap) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system cannot signal a thread")
def test_signal_handler_waits_in_vain_while_its_thread_waits_and_that_goes_on() -> None:
    cap = full_cap()
    results: list[bool] = []
    handled = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        results.append(use(cap, HANDLER))
        handled.set()

    def interrupt_and_leave(thread: int) -> None:
        while queue_length(cap) == 0:
            pass
        signal.pthread_kill(thread, signal.SIGUSR1)
        assert handled.wait(PATIENCE)
        cap.leave(FIRST)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        Thread(target=interrupt_and_leave, args=(threading.get_ident(),), daemon=True).start()
        assert cap.enter("other", PATIENCE)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert results == [False]
    cap.leave("other")
    assert free(cap) == 1
