"""Delivery, error class and retries for any HTTP status, `statusCode`, body and `Retry-After`."""

import json
from typing import Any

import httpx
import pytest
from genauth_email import APIError, GenAuthError, InvalidResponseError, SendEmailRespDto
from genauth_email.errors import ERRORS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, before_transport

from .helpers import LEAST, MockNetwork, drawing, send

pytestmark = [before_transport, pytest.mark.usefixtures("no_pauses", "unwatched")]

HTTP_STATUSES = st.sampled_from([200, 200, 200, 201, 204, 299, 302, 400, 408, 429, 500, 502, 503, 504, 600, 999])
HTTP_STATUSES |= st.integers(200, 599)
STATUS_CODES = st.sampled_from([200, 399, 400, 403, 429, 499, 500, 503, 503, 504, 601]) | st.integers(-1, 1000)
BODIES = st.fixed_dictionaries(
    {"statusCode": STATUS_CODES, "message": st.text(max_size=10)},
    optional={
        "apiCode": st.integers() | st.none(),
        "requestId": st.text(max_size=10) | st.none(),
        "error": st.just("Service Unavailable"),
    },
)
# The client would wait for a value that fits into the timeout, so only 0 does.
RETRY_AFTERS = st.sampled_from([None, "0", "1000", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])


@pytest.fixture
def network() -> MockNetwork:
    return MockNetwork()


@pytest.fixture
def client(make_client: ClientFactory, network: MockNetwork) -> BlockingClient:
    return network.new_client(make_client)


def ended(client: BlockingClient) -> SendEmailRespDto | GenAuthError:
    try:
        return send(client)
    except GenAuthError as error:
        return error


def response(http_status: int, content: bytes, retry_after: str | None) -> httpx.Response:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return httpx.Response(http_status, content=content, headers=headers)


def proves_refusal(http_status: int, status_code: int) -> bool:
    """Tell whether the API itself responds that it has not carried out the operation."""
    return http_status == 200 and status_code != 429 and (400 <= status_code <= 499 or status_code == 503)


@settings(drawing, max_examples=200)
@given(http_status=HTTP_STATUSES, body=BODIES, retry_after=RETRY_AFTERS)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, None)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, "0")
@example(408, {"message": "Request Timeout", "statusCode": 408}, None)
@example(200, {"statusCode": 429, "message": ""}, "0")
def test_a_dto_is_believed_only_with_http_200(
    client: BlockingClient, network: MockNetwork, http_status: int, body: dict[str, Any], retry_after: str | None
) -> None:
    network.play(response(http_status, json.dumps(LEAST | body).encode(), retry_after))
    end = ended(client)
    status_code = body["statusCode"]
    if status_code == 200 and 200 <= http_status <= 299:
        assert isinstance(end, SendEmailRespDto)
        assert len(network.requests) == 1
        return
    assert isinstance(end, GenAuthError)
    refused = proves_refusal(http_status, status_code)
    assert end.delivery == ("not_sent" if refused else "unknown")
    assert end.retryable is (refused and status_code == 503)
    # A request is sent again only if it cannot be carried out twice.
    repeated = end.retryable and retry_after != "1000"
    assert len(network.requests) == (3 if repeated else 1)
    # The error has the class and the contents of the body.
    assert (end.http_status, end.status_code) == (http_status, status_code)
    assert end.api_code == body.get("apiCode")
    assert end.request_id == body.get("requestId")
    if status_code != 200:
        assert type(end) is ERRORS.get(status_code, APIError)
        assert isinstance(end, APIError)
        assert end.message == body["message"]


PAGES = (
    st.binary(max_size=30)
    | st.sampled_from([b"<h1>Bad Gateway</h1>", b"{}", b"[]", b"null", b'{"statusCode": 503}', b'{"message": "no"}'])
    | st.fixed_dictionaries({"statusCode": st.none() | st.text(max_size=3) | st.booleans(), "message": st.text()})
    .map(json.dumps)
    .map(str.encode)
)


@settings(drawing, max_examples=200)
@given(http_status=HTTP_STATUSES, page=PAGES, retry_after=RETRY_AFTERS)
def test_a_gateways_page_raises_the_class_of_the_http_status_and_proves_nothing(
    client: BlockingClient, network: MockNetwork, http_status: int, page: bytes, retry_after: str | None
) -> None:
    network.play(response(http_status, page, retry_after))
    end = ended(client)
    assert len(network.requests) == 1
    expected = ERRORS.get(http_status, APIError) if 400 <= http_status <= 599 else InvalidResponseError
    assert isinstance(end, GenAuthError)
    assert type(end) is expected
    assert str(end).startswith(f"HTTP {http_status} with a body that is not a SendEmailRespDto: ")
    assert (end.delivery, end.retryable) == ("unknown", False)
    assert (end.http_status, end.status_code, end.api_code, end.request_id) == (http_status, None, None, None)
    assert (end.content, getattr(end, "message", "")) == (page, "")
    assert end.__cause__ is not None


RESPONSES = st.builds(response, HTTP_STATUSES, BODIES.map(json.dumps).map(str.encode), RETRY_AFTERS)
BREAKS = st.sampled_from(
    [each("it broke") for each in (httpx.ReadTimeout, httpx.ReadError, httpx.ConnectError, httpx.ConnectTimeout)]
)


@pytest.mark.parametrize("retry_unknown", [False, True])
@drawing
@given(attempts=st.lists(RESPONSES | BREAKS, min_size=1, max_size=5))
def test_nothing_is_sent_again_after_it_may_have_been_carried_out(
    client: BlockingClient, network: MockNetwork, retry_unknown: bool, attempts: list[httpx.Response | Exception]
) -> None:
    network.play(*attempts)
    told = list[tuple[int | None, str | None]]()
    caller = client.with_options(
        retry_unknown=retry_unknown,
        max_retries=4,
        on_attempt=lambda details: told.append((details.status_code, details.delivery)),
    )
    end = ended(caller)
    assert len(told) == len(network.requests)
    *earlier, _ = told
    for status_code, delivery in earlier:
        assert status_code != 429
        assert delivery == "not_sent" or (delivery == "unknown" and retry_unknown)
    if isinstance(end, GenAuthError) and "unknown" in [delivery for _, delivery in told]:
        assert (end.delivery, end.retryable) == ("unknown", False)
