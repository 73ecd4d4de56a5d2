"""A name with several addresses: each gets a share of the time left, and none so little that it cannot connect."""

import socket
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runtime.http import httpcore, httpx
from runtime.transport.network import SyncBackend
from runtime.transport.request import STEPS, Attempt
from tests.clock import Clock

drawing = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Stream(httpcore.NetworkStream):
    """A socket that does nothing."""


class Network:
    """Addresses that take their time to connect. None: one is dead.

    Attributes:
        tried: The time that each had, in turn.
    """

    def __init__(self, clock: Clock) -> None:
        self.seconds: list[float | None] = []
        self.tried: list[float] = []
        self._clock = clock

    def connect_tcp(self, host: str, port: int, timeout: float, *_: Any) -> httpcore.NetworkStream:
        self.tried.append(timeout)
        seconds = self.seconds[int(host.rpartition(".")[2])]
        if seconds is None or seconds > timeout:
            self._clock.advance(timeout)
            raise httpcore.ConnectTimeout
        self._clock.advance(seconds)
        return Stream()


@pytest.fixture
def network(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network(clock)

    def look_up(*_: object, **__: object) -> Iterable[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{i}", 1)) for i in range(len(network.seconds))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return network


def connect(network: Network, clock: Clock, timeout: float, seconds: list[float | None]) -> float:
    """Return how long it took to connect, or to fail."""
    network.seconds, network.tried = seconds, []
    begin = clock.now
    backend = SyncBackend()
    backend._backend = network  # type: ignore[assignment]
    backend.attempt = Attempt(dict.fromkeys(STEPS, timeout), begin + timeout, begin + timeout)
    try:
        backend.connect_tcp("many.example", 1)
    finally:
        taken = clock.now - begin
    return taken


def test_slow_addresses_connect_within_the_timeout(network: Network, clock: Clock) -> None:
    assert connect(network, clock, 1.0, [0.2] * 8) == pytest.approx(0.2)


@drawing
@given(
    timeout=st.floats(0.01, 60),
    seconds=st.lists(st.none() | st.floats(0, 3), min_size=1, max_size=12),
)
@example(1.0, [None, None, None, 0.2, 0.2])
@example(1.0, [None] * 8)
def test_no_address_is_tried_after_the_deadline_nor_given_up_too_early(
    network: Network, clock: Clock, timeout: float, seconds: list[float | None]
) -> None:
    clock.now = 1024.0
    try:
        taken = connect(network, clock, timeout, seconds)
    except (httpcore.ConnectTimeout, httpx.ConnectTimeout):
        # All that were tried had a quarter of a second, or what was left.
        left = timeout
        for share in network.tried:
            assert share >= min(0.25, left) - 1e-9
            left -= share
        assert clock.now - 1024.0 <= timeout + 1e-6
        # The time is used up, or there was no address left to try.
        assert left < 1e-6 or len(network.tried) == len(seconds)
    else:
        assert taken <= timeout + 1e-6


@given(dead=st.integers(0, 3), alive=st.integers(1, 8))
@settings(drawing, max_examples=40)
def test_an_address_that_answers_quickly_is_reached_behind_dead_ones(
    network: Network, clock: Clock, dead: int, alive: int
) -> None:
    clock.now = 1024.0
    assert connect(network, clock, 1.0, [None] * dead + [0.05] * alive) <= 1.0
