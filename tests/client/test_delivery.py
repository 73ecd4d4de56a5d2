"""What a response says of delivery, class and repetition, for any HTTP status, `statusCode`, body and `Retry-After`."""

import json
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    GenAuthError,
    InvalidResponseError,
    SendEmailRespDto,
    ThrottleError,
)
from genauth_email.errors import ERRORS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.contract.facts import CHANNEL, SENT
from tests.servers.raw import SUCCESS, RawServer, Step, http

pytestmark = pytest.mark.usefixtures("no_pauses", "unwatched")

drawing = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

HTTP_STATUSES = st.sampled_from([200, 200, 200, 201, 204, 299, 302, 400, 408, 429, 500, 502, 503, 504]) | st.integers(
    200, 599
)
STATUS_CODES = st.sampled_from([200, 400, 403, 408, 429, 499, 500, 503, 503, 601]) | st.integers(-1, 1000)
BODIES = st.fixed_dictionaries(
    {"statusCode": STATUS_CODES, "message": st.text(max_size=10)},
    optional={
        "apiCode": st.integers() | st.none(),
        "requestId": st.text(max_size=10) | st.none(),
        "error": st.just("Service Unavailable"),
    },
)
# One that fits into the time is waited for, so it is 0.
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
        return client.send_email(CHANNEL, "test@example.com")
    except GenAuthError as error:
        return error


def response(http_status: int, content: bytes, retry_after: str | None) -> httpx.Response:
    return httpx.Response(
        http_status, content=content, headers={} if retry_after is None else {"retry-after": retry_after}
    )


def proves_refusal(http_status: int, status_code: int) -> bool:
    """Whether the API itself speaks, and says that it has not carried out the operation."""
    return http_status == 200 and status_code != 429 and (400 <= status_code <= 499 or status_code == 503)


@on_httpx
@drawing
@given(http_status=HTTP_STATUSES, body=BODIES, retry_after=RETRY_AFTERS)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, None)
@example(503, {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}, "0")
@example(408, {"message": "Request Timeout", "statusCode": 408}, None)
@example(200, {"statusCode": 429, "message": ""}, "0")
def test_a_dto_is_believed_with_http_200_alone(
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
    # Only what cannot be carried out twice is sent again.
    repeated = end.retryable and retry_after != "1000"
    assert server.received == (3 if repeated else 1)
    # The error says what the body says, and is of its class.
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


@on_httpx
@drawing
@given(http_status=HTTP_STATUSES, page=PAGES, retry_after=RETRY_AFTERS)
def test_a_page_of_a_gateway_has_the_class_of_the_http_status_and_proves_nothing(
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


@on_httpx
@pytest.mark.parametrize("retry_unknown", [False, True])
@drawing
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


LOST = Step(then="close")


@pytest.mark.parametrize(
    "message", ["Too many requests from this IP address", "One email per minute"], ids=["by address", "by mailbox"]
)
@pytest.mark.parametrize("retry_after", [{}, {"retry-after": "0"}], ids=["", "Retry-After"])
def test_a_429_after_a_lost_attempt_is_told_as_what_it_is(
    make_client: ClientFactory, message: str, retry_after: dict[str, str]
) -> None:
    refusal = http(200, json.dumps({"statusCode": 429, "message": message}).encode(), retry_after)
    with RawServer(LOST, Step(refusal), Step(SUCCESS)) as server:
        client = make_client(server.url, retry_unknown=True, max_retries=5)
        with pytest.raises(ThrottleError) as caught:
            client.send_email(CHANNEL, "test@example.com")
        client.close()
        assert len(server.finish()) == 2
    error = caught.value
    assert (error.delivery, error.retryable, error.message) == ("unknown", False, message)
    assert isinstance(error.__cause__, APIConnectionError)
    assert error.__cause__.delivery == "unknown"
    assert "may have been carried out" in str(error)
    assert "was carried out" not in str(error)


@pytest.mark.parametrize("retry_unknown", [False, True])
def test_a_429_alone_proves_nothing_and_is_never_repeated(make_client: ClientFactory, retry_unknown: bool) -> None:
    refusal = http(200, b'{"statusCode": 429, "message": "Too many."}', {"retry-after": "0"})
    with RawServer(Step(refusal), Step(SUCCESS)) as server:
        client = make_client(server.url, retry_unknown=retry_unknown)
        with pytest.raises(ThrottleError) as caught:
            client.send_email(CHANNEL, "test@example.com")
        client.close()
        assert len(server.finish()) == 1
    assert (caught.value.delivery, caught.value.retryable, caught.value.retry_after) == ("unknown", False, 0)


@pytest.mark.parametrize("status_code", [200, 400])
def test_null_for_an_optional_field_is_as_if_it_were_absent(make_client: ClientFactory, status_code: int) -> None:
    body = {"statusCode": status_code, "message": "ok", "apiCode": None, "requestId": None}
    with RawServer(Step(http(200, json.dumps(body).encode()))) as server:
        client = make_client(server.url, retry_unknown=True)
        end = ended(client)
        client.close()
        assert len(server.finish()) == 1
    assert end.status_code == status_code
    assert not end.request_id
    assert isinstance(end, SendEmailRespDto if status_code == 200 else APIError)
