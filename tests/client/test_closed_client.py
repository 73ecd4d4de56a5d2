"""A closed client starts nothing new, and calls in progress end with their own outcome."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from genauth_email import GenAuthError

from tests.clients import ClientFactory, pauses_replaced
from tests.servers.raw import SUCCESS, RawServer, Step

from .helpers import BUSY, LOST, error_of, send

CASES = [
    pytest.param(BUSY, {}, ("not_sent", True, 503), id="refused"),
    pytest.param(LOST, {"retry_unknown": True}, ("unknown", False, None), id="lost"),
]


@pytest.mark.parametrize(("first", "options", "expected"), CASES)
def test_closing_during_a_pause_ends_the_call_with_the_last_outcome(
    make_client: ClientFactory, first: Any, options: Any, expected: Any
) -> None:
    pauses: list[float] = []

    def close(seconds: float) -> Any:
        pauses.append(seconds)
        inner: Any = client.client
        return inner.close() if make_client.kind == "sync" else inner.aclose()

    with RawServer(first) as server:
        client = make_client(server.url, **options)
        with pauses_replaced(close):
            error = error_of(client)
        assert len(server.finish()) == 1
    assert len(pauses) == 1
    assert (error.delivery, error.retryable, error.status_code) == expected


def test_a_closed_client_says_so_before_it_sends_anything(make_client: ClientFactory) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        derived = client.with_options(lang="en-US")
        client.close()
        for each in (client, derived, client.with_options(timeout=1)):
            with pytest.raises(RuntimeError, match="client is closed") as caught:
                send(each)
            assert not isinstance(caught.value, GenAuthError)
        assert server.finish() == []


def test_a_call_in_progress_gets_its_response_when_its_client_is_closed(make_client: ClientFactory) -> None:
    arrived, closed = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        assert closed.wait(10)

    with RawServer(Step(SUCCESS, before=hold)) as server, ThreadPoolExecutor() as threads:
        client = make_client(server.url)
        call = threads.submit(send, client)
        assert arrived.wait(10)
        client.close()
        closed.set()
        assert call.result(10).request_id == "r-1"
        server.wait_for_open(0)
