"""A closed client starts nothing new, and calls in progress end with their own outcome."""

import threading
from typing import Any

import anyio
import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, GenAuthError, SendEmailRespDto

from tests.clients import LOOPS, ClientFactory, options_of, pauses_replaced
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

from .helpers import BUSY, EMAIL, LOST

CASES = [
    pytest.param(BUSY, {}, ("not_sent", True, 503), id="refused"),
    pytest.param(LOST, {"retry_unknown": True}, ("unknown", False, None), id="lost"),
]


def outcome(error: GenAuthError) -> tuple[str, bool, int | None]:
    return error.delivery, error.retryable, error.status_code


@pytest.mark.parametrize(("first", "options", "expected"), CASES)
def test_closing_during_a_pause_ends_the_call_with_the_last_outcome(first: Any, options: Any, expected: Any) -> None:
    pauses: list[float] = []

    def close(seconds: float) -> None:
        pauses.append(seconds)
        closer = threading.Thread(target=client.close)
        closer.start()
        closer.join()

    with RawServer(first) as server:
        client = AuthenticationClient("app123", server.url, **options)
        with pauses_replaced(close), pytest.raises(GenAuthError) as caught:
            client.send_email(CHANNEL, EMAIL)
        assert len(server.finish()) == 1
    assert len(pauses) == 1
    assert outcome(caught.value) == expected


@pytest.mark.parametrize(("first", "options", "expected"), CASES)
@pytest.mark.parametrize("kind", LOOPS)
def test_closing_an_async_client_during_a_pause_ends_the_call_with_the_last_outcome(
    kind: str, first: Any, options: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind), **options)
        sleep = anyio.sleep
        pauses: list[float] = []

        async def close_and_sleep(seconds: float) -> None:
            pauses.append(seconds)
            await client.aclose()
            await sleep(0)

        monkeypatch.setattr(anyio, "sleep", close_and_sleep)
        with pytest.raises(GenAuthError) as caught:
            await client.send_email(CHANNEL, EMAIL)
        assert outcome(caught.value) == expected
        assert len(pauses) == 1

    with RawServer(first) as server:
        anyio.run(main, backend=LOOPS[kind])
        assert len(server.finish()) == 1


def test_a_closed_client_says_so_before_it_sends_anything(make_client: ClientFactory) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        derived = client.with_options(lang="en-US")
        client.close()
        for each in (client, derived, client.with_options(timeout=1)):
            with pytest.raises(RuntimeError, match="client is closed") as caught:
                each.send_email(CHANNEL, EMAIL)
            assert not isinstance(caught.value, GenAuthError)
        assert server.finish() == []


def test_a_call_in_progress_gets_its_response_when_its_client_is_closed() -> None:
    arrived, closed = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        assert closed.wait(10)

    responses = list[SendEmailRespDto]()
    with RawServer(Step(SUCCESS, before=hold)) as server:
        client = AuthenticationClient("app123", server.url)
        caller = threading.Thread(target=lambda: responses.append(client.send_email(CHANNEL, EMAIL)))
        caller.start()
        assert arrived.wait(10)
        client.close()
        closed.set()
        caller.join(10)
        assert [each.request_id for each in responses] == ["r-1"]
        server.wait_for_open(0)
