"""Delivery, error class and retries for any HTTP status, `statusCode`, body and `Retry-After`."""

import json
from typing import Any

import httpx
import pytest
from genauth_email import APIError, GenAuthError, InvalidResponseError, SendEmailRespDto
from genauth_email.errors import ERRORS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, before_transport

from .helpers import SENT, send

pytestmark = pytest.mark.usefixtures("no_pauses", "unwatched")

drawing = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

HTTP_STATUSES = st.sampled_from([200, 200, 200, 201, 204, 299, 302, 400, 408, 429, 500, 502, 503, 504]) | st.integers(
    200, 599
)
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


class Server:
    """A transport that responds to each request with the next response, and to others with a success."""

    def __init__(self) -> None:
        self.responses: list[httpx.Response | Exception] = []
        self.received = 0

    def prepare(self, *responses: httpx.Response | Exception) -> None:
        self.responses, self.received = list(responses), 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.received += 1
        response = self.responses.pop(0) if self.responses else httpx.Response(200, json=SENT)
        if isinstance(response, Exception):
            raise response
        return response


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(make_client: ClientFactory, server: Server) -> BlockingClient:
    return make_client(
        "http://example.com", http_client=make_client.http_client(transport=httpx.MockTransport(server)), max_retries=2
    )


def ended(client: BlockingClient) -> SendEmailRespDto | GenAuthError:
    try:
        return send(client)
    except GenAuthError as error:
        return error


def response(http_status: int, content: bytes, retry_after: str | None) -> httpx.Response:
    return httpx.Response(
        http_status, content=content, headers={} if retry_after is None else {"retry-after": retry_after}
    )


def proves_refusal(http_status: int, status_code: int) -> bool:
    """Tell whether the API itself responds that it has not carried out the operation."""
    return http_status == 200 and status_code != 429 and (400 <= status_code <= 499 or status_code == 503)


@before_transport
@drawing
@given(http_status=HTTP_STATUSES, body=BODIES, retry_after=RETRY_AFTERS)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, None)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, "0")
@example(408, {"message": "Request Timeout", "statusCode": 408}, None)
@example(200, {"statusCode": 429, "message": ""}, "0")
def test_a_dto_is_believed_only_with_http_200(
    client: BlockingClient, server: Server, http_status: int, body: dict[str, Any], retry_after: str | None
) -> None:
    server.prepare(*[response(http_status, json.dumps(body).encode(), retry_after)] * 3)
    end = ended(client)
    status_code = body["statusCode"]
    if status_code == 200 and 200 <= http_status <= 299:
        assert isinstance(end, SendEmailRespDto)
        assert server.received == 1
        return
    assert isinstance(end, GenAuthError)
    refused = proves_refusal(http_status, status_code)
    assert end.delivery == ("not_sent" if refused else "unknown")
    assert end.retryable is (refused and status_code == 503)
    # A request is sent again only if it cannot be carried out twice.
    repeated = end.retryable and retry_after != "1000"
    assert server.received == (3 if repeated else 1)
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


@before_transport
@drawing
@given(http_status=HTTP_STATUSES, page=PAGES, retry_after=RETRY_AFTERS)
def test_a_gateways_page_raises_the_class_of_the_http_status_and_proves_nothing(
    client: BlockingClient, server: Server, http_status: int, page: bytes, retry_after: str | None
) -> None:
    server.prepare(response(http_status, page, retry_after))
    end = ended(client)
    assert isinstance(end, GenAuthError)
    assert (end.delivery, end.retryable) == ("unknown", False)
    assert (end.http_status, end.status_code, end.api_code, end.request_id) == (http_status, None, None, None)
    assert server.received == 1
    expected = ERRORS.get(http_status, APIError) if 400 <= http_status <= 599 else InvalidResponseError
    assert type(end) is expected


ATTEMPTS = st.lists(
    st.tuples(HTTP_STATUSES, BODIES, RETRY_AFTERS)
    | st.sampled_from([httpx.ReadTimeout, httpx.ReadError, httpx.ConnectError, httpx.ConnectTimeout]),
    min_size=1,
    max_size=5,
)


def answer(attempt: Any) -> httpx.Response | Exception:
    if isinstance(attempt, tuple):
        http_status, body, retry_after = attempt
        return response(http_status, json.dumps(body).encode(), retry_after)
    error: Exception = attempt("it broke")
    return error


@before_transport
@pytest.mark.parametrize("retry_unknown", [False, True])
@settings(drawing, max_examples=100)
@given(attempts=ATTEMPTS)
def test_nothing_is_sent_again_after_it_may_have_been_carried_out(
    client: BlockingClient, server: Server, retry_unknown: bool, attempts: list[Any]
) -> None:
    server.prepare(*map(answer, attempts))
    errors = list[tuple[int | None, str | None]]()
    caller = client.with_options(
        retry_unknown=retry_unknown,
        max_retries=4,
        on_attempt=lambda details: errors.append((details.status_code, details.delivery)),
    )
    end = ended(caller)
    assert len(errors) == server.received
    *earlier, _ = errors
    for status_code, delivery in earlier:
        assert status_code != 429
        assert delivery == "not_sent" or (delivery == "unknown" and retry_unknown)
    if isinstance(end, GenAuthError) and "unknown" in [delivery for _, delivery in errors]:
        assert (end.delivery, end.retryable) == ("unknown", False)
