import contextlib
import gc
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from runtime import semaphore as module
from runtime.semaphore import FairSemaphore, Permit

from .clock import Clock

PATIENCE = 30.0
"""Seconds after which a test gives up. None waits that long unless something is broken."""


class WatchedLock:
    """The lock on which a waiter waits.

    Attributes:
        begun: Is released when a wait begins. A waiter that has looked and waits on does not begin again.
        endings: How the next waits end, in the place of waiting.
    """

    begun: threading.Semaphore
    endings: list[Callable[[], bool]]

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waited_for = False
        self.release = self._lock.release
        self.locked = self._lock.locked

    def acquire(self, timeout: float | None = None) -> bool:
        if timeout is None:
            return self._lock.acquire()
        if self.endings:
            return self.endings.pop()()
        if not self._waited_for:
            self._waited_for = True
            self.begun.release()
        return self._lock.acquire(timeout=timeout)


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> type[WatchedLock]:
    WatchedLock.begun = threading.Semaphore(0)
    WatchedLock.endings = []
    monkeypatch.setattr(module, "Lock", WatchedLock)
    # So that nobody finds what was not given to them, unless a test says so.
    monkeypatch.setattr(module, "_SWEEP_INTERVAL", 2 * PATIENCE)
    return WatchedLock


@pytest.fixture
def sweeping(watched: type[WatchedLock], monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiters soon find a permit that was dropped."""
    monkeypatch.setattr(module, "_SWEEP_INTERVAL", 0.01)


def acquire(semaphore: FairSemaphore) -> Permit:
    permit = semaphore.acquire(0)
    assert permit is not None
    return permit


def free(semaphore: FairSemaphore, most: int = 10) -> int:
    """The number of permits that can be had."""
    permits = [permit for _ in range(most) if (permit := semaphore.acquire(0)) is not None]
    for permit in permits:
        semaphore.release(permit)
    return len(permits)


class Waiter(threading.Thread):
    """Waits for a permit, keeps it until it is told to release it, and notes when it has it."""

    def __init__(self, semaphore: FairSemaphore, timeout: float | None = None) -> None:
        super().__init__(daemon=True)
        self._semaphore = semaphore
        self._timeout = timeout
        self.granted = threading.Event()
        self.finish = threading.Event()
        self.permit: Permit | None = None

    def run(self) -> None:
        self.permit = self._semaphore.acquire(self._timeout)
        self.granted.set()
        self.finish.wait(PATIENCE)
        if self.permit is not None:
            self._semaphore.release(self.permit)

    def end(self) -> None:
        self.finish.set()
        self.join(PATIENCE)
        assert not self.is_alive()


def start_waiting(semaphore: FairSemaphore, timeout: float | None = None) -> Waiter:
    """Return a waiter that certainly waits."""
    waiter = Waiter(semaphore, timeout)
    waiter.start()
    assert WatchedLock.begun.acquire(timeout=PATIENCE)
    return waiter


def test_as_many_permits_are_given_as_the_size_says() -> None:
    semaphore = FairSemaphore(3)
    permits = [semaphore.acquire(0) for _ in range(4)]
    assert [permit is not None for permit in permits] == [True, True, True, False]


def test_released_permit_can_be_had_again() -> None:
    semaphore = FairSemaphore(1)
    for _ in range(3):
        semaphore.release(acquire(semaphore))


def test_release_twice_does_no_harm() -> None:
    semaphore = FairSemaphore(1)
    first = acquire(semaphore)
    semaphore.release(first)
    semaphore.release(first)
    second = acquire(semaphore)
    semaphore.release(first)
    assert semaphore.acquire(0) is None
    semaphore.release(second)
    assert free(semaphore) == 1


def test_waiter_gets_the_permit_that_another_thread_releases() -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    waiter = start_waiting(semaphore)
    assert not waiter.granted.is_set()
    semaphore.release(held)
    assert waiter.granted.wait(PATIENCE)
    assert waiter.permit is not None
    assert semaphore.acquire(0) is None
    waiter.end()
    assert free(semaphore) == 1


def test_who_comes_first_is_served_first() -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    waiters = [start_waiting(semaphore) for _ in range(5)]
    semaphore.release(held)
    for index, waiter in enumerate(waiters):
        assert waiter.granted.wait(PATIENCE)
        assert not any(later.granted.is_set() for later in waiters[index + 1 :])
        waiter.end()
    assert free(semaphore) == 1


def test_who_comes_while_others_wait_goes_behind_them() -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    waiter = start_waiting(semaphore)
    semaphore.release(held)
    assert semaphore.acquire(0) is None
    assert waiter.granted.wait(PATIENCE)
    waiter.end()


def test_several_permits_go_to_as_many_waiters() -> None:
    semaphore = FairSemaphore(2)
    held = [acquire(semaphore), acquire(semaphore)]
    waiters = [start_waiting(semaphore) for _ in range(3)]
    for permit in held:
        semaphore.release(permit)
    assert all(waiter.granted.wait(PATIENCE) for waiter in waiters[:2])
    assert not waiters[2].granted.is_set()
    for waiter in waiters:
        waiter.end()
    assert free(semaphore) == 2


def test_waiting_ends_without_a_permit_after_the_timeout() -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    assert semaphore.acquire(0.001) is None
    semaphore.release(held)
    assert free(semaphore) == 1


def test_who_has_given_up_is_passed_over() -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    impatient = start_waiting(semaphore, timeout=0.001)
    patient = start_waiting(semaphore)
    assert impatient.granted.wait(PATIENCE)
    assert impatient.permit is None
    semaphore.release(held)
    assert patient.granted.wait(PATIENCE)
    assert patient.permit is not None
    patient.end()
    impatient.end()


@pytest.mark.parametrize(
    ("timeout", "waits"),
    [(0, [0]), (0.5, [0.5, 0]), (2.5, [1.0, 1.0, 0.5, 0]), (None, [1.0] * 5)],
)
def test_waiting_takes_the_timeout_and_no_wait_is_longer_than_the_interval(
    watched: type[WatchedLock], monkeypatch: pytest.MonkeyPatch, timeout: float | None, waits: list[float]
) -> None:
    clock = Clock()
    timeouts: list[float] = []

    def acquire_lock(lock: WatchedLock, timeout: float | None = None) -> bool:
        if timeout is not None:
            timeouts.append(timeout)
            clock.advance(timeout)
        return len(timeouts) == 5

    semaphore = FairSemaphore(1)
    held = acquire(semaphore)
    monkeypatch.setattr(module, "_SWEEP_INTERVAL", 1.0)
    monkeypatch.setattr(module, "monotonic", clock)
    monkeypatch.setattr(watched, "acquire", acquire_lock)
    assert (semaphore.acquire(timeout) is None) is (timeout is not None)
    assert timeouts == waits
    semaphore.release(held)


def test_permit_that_is_granted_just_as_a_look_begins_is_had(watched: type[WatchedLock]) -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)

    def look() -> bool:
        semaphore.release(held)
        return False

    watched.endings.append(look)
    permit = semaphore.acquire(PATIENCE)
    assert permit is not None
    assert semaphore.acquire(0) is None


def test_permit_that_is_granted_just_as_its_waiter_gives_up_is_given_back(watched: type[WatchedLock]) -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)

    def give_up() -> bool:
        semaphore.release(held)
        return False

    watched.endings.append(give_up)
    assert semaphore.acquire(0) is None
    assert free(semaphore) == 1


def test_permit_that_is_granted_just_as_its_waiter_is_interrupted_is_given_back(
    watched: type[WatchedLock],
) -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)

    def interrupt() -> bool:
        semaphore.release(held)
        raise KeyboardInterrupt

    watched.endings.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        semaphore.acquire(1)
    assert free(semaphore) == 1


def test_interrupted_waiter_leaves_the_queue(watched: type[WatchedLock]) -> None:
    semaphore = FairSemaphore(1)
    held = acquire(semaphore)

    def interrupt() -> bool:
        raise KeyboardInterrupt

    watched.endings.append(interrupt)
    # The error keeps the frames, and they keep the permit.
    with pytest.raises(KeyboardInterrupt) as caught:
        semaphore.acquire(1)
    semaphore.release(held)
    assert free(semaphore) == 1
    del caught


def test_dropped_permit_is_given_back() -> None:
    semaphore = FairSemaphore(1)
    permit = acquire(semaphore)
    del permit
    assert free(semaphore) == 1


def test_permit_that_is_dropped_in_a_reference_cycle_is_given_back() -> None:
    semaphore = FairSemaphore(1)
    cycle: list[Any] = [acquire(semaphore)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert free(semaphore) == 1


def test_permit_that_is_released_twice_is_given_back_once() -> None:
    semaphore = FairSemaphore(2)
    first, second = acquire(semaphore), acquire(semaphore)
    semaphore.release(first)
    semaphore.release(first)
    assert free(semaphore) == 1
    semaphore.release(second)
    assert free(semaphore) == 2


def test_signal_handler_can_use_the_semaphore_that_its_thread_is_in() -> None:
    semaphore = FairSemaphore(1)
    number = 0
    while True:
        with InterruptAt(number, lambda: semaphore.acquire(0)) as interrupt:
            use_if_free(semaphore)
        if not interrupt.done:
            break
        assert free(semaphore) == 1, number
        number += 1
    assert number > 5


@pytest.mark.usefixtures("sweeping")
def test_dropped_permit_wakes_the_one_who_waits() -> None:
    semaphore = FairSemaphore(1)
    permit = acquire(semaphore)
    waiter = start_waiting(semaphore)
    del permit
    assert waiter.granted.wait(PATIENCE)
    waiter.end()


def test_many_threads_never_have_more_permits_than_there_are() -> None:
    semaphore = FairSemaphore(3)
    lock = threading.Lock()
    in_use: list[int] = [0]
    most: list[int] = [0]

    def work() -> None:
        for _ in range(50):
            permit = semaphore.acquire(PATIENCE)
            assert permit is not None
            with lock:
                in_use[0] += 1
                most[0] = max(most[0], in_use[0])
            with lock:
                in_use[0] -= 1
            semaphore.release(permit)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert most[0] <= 3
    assert free(semaphore) == 3


class InterruptError(Exception):
    """What a signal handler raises."""


def interrupt() -> None:
    raise InterruptError


class InterruptAt:
    """Does something where Python runs signal handlers: when a function begins, or when a call returns, for the
    `number`-th time.

    Attributes:
        done: Whether it has done it.
    """

    def __init__(self, number: int, action: Callable[[], object] = interrupt) -> None:
        self.done = False
        self._left = number
        self._action = action

    def __enter__(self) -> "InterruptAt":
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_return") and Path(frame.f_code.co_filename) == Path(module.__file__) and not self.done:
            self._left -= 1
            if self._left < 0:
                self.done = True
                self._action()


def use(semaphore: FairSemaphore) -> None:
    permit = semaphore.acquire(0)
    try:
        assert permit is not None
    finally:
        if permit is not None:
            semaphore.release(permit)


def use_if_free(semaphore: FairSemaphore) -> None:
    permit = semaphore.acquire(0)
    if permit is not None:
        semaphore.release(permit)


def wait_in_vain(semaphore: FairSemaphore) -> None:
    permit = semaphore.acquire(0)
    assert permit is not None
    assert semaphore.acquire(0) is None
    semaphore.release(permit)


@pytest.mark.parametrize("work", [use, wait_in_vain])
def test_all_permits_are_free_wherever_a_signal_handler_raises(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[FairSemaphore], None]
) -> None:
    monkeypatch.setattr(module, "Lock", threading.Lock)
    number = 0
    while True:
        semaphore = FairSemaphore(1)
        with InterruptAt(number) as interrupt, contextlib.suppress(InterruptError):
            work(semaphore)
        if not interrupt.done:
            break
        assert free(semaphore) == 1, number
        number += 1
    assert number > 5


@pytest.mark.usefixtures("sweeping")
def test_waiters_get_a_permit_that_is_dropped_wherever_a_signal_handler_raises_in_its_release() -> None:
    number = 0
    while True:
        semaphore = FairSemaphore(1)
        held = acquire(semaphore)
        waiters = [start_waiting(semaphore), start_waiting(semaphore)]
        with InterruptAt(number) as interrupt, contextlib.suppress(InterruptError):
            semaphore.release(held)
        del held
        assert waiters[0].granted.wait(PATIENCE), number
        assert not waiters[1].granted.is_set(), number
        waiters[0].end()
        assert waiters[1].granted.wait(PATIENCE), number
        waiters[1].end()
        assert free(semaphore) == 1, number
        if not interrupt.done:
            break
        number += 1
    assert number > 5


def collected(semaphore: FairSemaphore) -> Callable[[], object]:
    """Take a permit, and return what has the garbage collection release it."""
    cycle: list[Any] = [acquire(semaphore)]
    cycle.append(cycle)
    return lambda: gc.collect(0)


@pytest.fixture
def no_other_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_other_collection")
@pytest.mark.parametrize("size", [1, 2])
def test_permit_that_is_collected_while_another_is_asked_for_can_be_had(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "Lock", threading.Lock)
    granted: list[bool] = []
    while True:
        semaphore = FairSemaphore(size)
        with InterruptAt(len(granted), collected(semaphore)) as collection:
            permit = semaphore.acquire(0)
        if not collection.done:
            break
        granted.append(permit is not None)
        del permit
        assert free(semaphore) == size, granted
    # Whoever asks has it if it is collected before the wait.
    assert granted == sorted(granted, reverse=True)
    assert granted.count(True) > 5
    assert (False in granted) is (size == 1)


@pytest.mark.usefixtures("no_other_collection", "sweeping")
def test_waiters_get_a_permit_that_is_collected_while_another_is_released() -> None:
    number = 0
    while True:
        semaphore = FairSemaphore(2)
        held, collect = acquire(semaphore), collected(semaphore)
        waiters = [start_waiting(semaphore) for _ in range(3)]
        with InterruptAt(number, collect) as collection:
            semaphore.release(held)
        if not collection.done:
            collect()
        assert waiters[0].granted.wait(PATIENCE), number
        assert waiters[1].granted.wait(PATIENCE), number
        assert not waiters[2].granted.wait(0.05), number
        waiters[0].end()
        assert waiters[2].granted.wait(PATIENCE), number
        waiters[1].end()
        waiters[2].end()
        assert free(semaphore) == 2, number
        if not collection.done:
            break
        number += 1
    assert number > 5


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
def test_all_permits_are_free_after_signals_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Lock", threading.Lock)

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptError

    chance = random.Random(1)
    semaphore = FairSemaphore(2)
    interrupted = 0
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4))
                # Not until it comes: it can come in the last line of the `try`, too.
                for _ in range(50):
                    use(semaphore)
                    wait_in_vain(FairSemaphore(1))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except InterruptError:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 0
    assert free(semaphore) == 2
