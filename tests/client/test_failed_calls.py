"""What an error is, says and keeps, whatever went wrong."""

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product
from typing import Any

import attrs
import genauth_email
import httpx
import pytest
from genauth_email import (
    ApiCode,
    APIConnectionError,
    APIError,
    APITimeoutError,
    Channel,
    GenAuthError,
    InvalidResponseError,
    SendEmailDto,
    SendEmailRespDto,
    StatusCode,
    ThrottleError,
)
from genauth_email.api.email import send_email
from genauth_email.types import UNSET

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL, FAILURES, OPERATION, SCHEMAS
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

from .mock import SENT, MockNetwork

EMAIL = "test@example.com"
TOKEN = "s3cret-token"
LEAST = {name: SENT[name] for name in SCHEMAS["SendEmailRespDto"]["required"]}
"""A success with no more than the contract requires."""


def error_of(client: BlockingClient, **options: Any) -> GenAuthError:
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, EMAIL, **options)
    return caught.value


def class_of(number: int) -> type[APIError]:
    cls = getattr(genauth_email, FAILURES[number]) if number in FAILURES else APIError
    assert issubclass(cls, APIError)
    return cls


def delivery_of(number: int) -> str:
    """The rule for a DTO with HTTP 200: `not_sent` where the API certainly refused the operation, and nowhere else."""
    return "not_sent" if (400 <= number < 500 and number != 429) or number == 503 else "unknown"


def explained(schema: str, number: int) -> str:
    return f"{number} ({SCHEMAS[schema]['x-enumDescriptions'][str(number)].rstrip('.')})"


# No client is in this, so there is nothing to run once per kind.
def test_the_tree_of_the_classes() -> None:
    assert public_bases(GenAuthError) == [Exception, BaseException, object]
    assert public_bases(APIError) == [GenAuthError, Exception, BaseException, object]
    assert public_bases(APIConnectionError) == [GenAuthError, Exception, BaseException, object]
    assert public_bases(APITimeoutError) == [APIConnectionError, GenAuthError, Exception, BaseException, object]
    assert public_bases(InvalidResponseError) == [GenAuthError, Exception, BaseException, object]


def public_bases(cls: type[Exception]) -> list[type]:
    """Return the classes that a user can catch an error as, without those that only share code."""
    return [base for base in cls.__mro__[1:] if not base.__name__.startswith("_")]


@pytest.mark.parametrize(("number", "name"), FAILURES.items())
def test_a_class_per_documented_failure(number: int, name: str) -> None:
    cls = class_of(number)
    assert cls.__name__ == name
    assert cls.__bases__ == (APIError,)
    assert cls.__doc__ == f"{number}: {SCHEMAS['StatusCode']['x-enumDescriptions'][str(number)]}"


@before_transport
@pytest.mark.parametrize(
    "message", ["Account not exists.", "账号不存在", "アカウントがありません", "لا", "", "🙈 \n\t", "\0"]
)
def test_a_response_of_the_api_is_kept_whole(make_client: ClientFactory, mock_server: MockServer, message: str) -> None:
    body = {"statusCode": 403, "apiCode": 2333, "message": message, "requestId": "r-1", "more": [1]}
    mock_server.respond_next(body, headers={"x-gateway": "g"}, validate=False)

    error = error_of(make_client(mock_server.url))

    assert isinstance(error, genauth_email.ForbiddenError)
    assert error.status_code == StatusCode.FORBIDDEN_ERROR
    assert error.api_code == ApiCode.USER_NAME_OR_PASSWORD_WRONG
    assert type(error.status_code) is type(error.api_code) is int
    assert (error.api_code, error.message, error.request_id, error.http_status) == (2333, message, "r-1", 200)
    assert json.loads(error.content) == body
    assert isinstance(error.headers, Mapping)
    assert error.headers["X-Gateway"] == error.headers["x-gateway"] == "g"
    assert error.delivery == "not_sent"


@before_transport
def test_what_a_response_does_not_have_is_none(make_client: ClientFactory, mock_server: MockServer) -> None:
    mock_server.respond_next({"statusCode": 604, "message": ""})

    error = error_of(make_client(mock_server.url))

    assert type(error) is APIError
    assert type(error.status_code) is int
    assert (error.status_code, error.api_code, error.request_id) == (604, None, None)


WHOLE_TEXT = [
    (
        {"statusCode": 403, "apiCode": 2333, "message": "账号不存在", "requestId": "r-1"},
        f"statusCode {explained('StatusCode', 403)}, apiCode {explained('ApiCode', 2333)}, request id r-1 [{{asked}}]",
    ),
    ({"statusCode": 429, "message": "Too many."}, f"statusCode {explained('StatusCode', 429)} [{{asked}}]"),
    ({"statusCode": 604, "apiCode": 777777, "message": ""}, "statusCode 604, apiCode 777777 [{asked}]"),
]


@before_transport
@pytest.mark.parametrize(("body", "text"), WHOLE_TEXT)
def test_an_error_says_what_happened_and_what_was_asked(
    make_client: ClientFactory, mock_server: MockServer, body: dict[str, Any], text: str
) -> None:
    mock_server.respond_next(body)

    error = error_of(make_client(mock_server.url, access_token=TOKEN))

    request = f"SendEmailDto(channel={CHANNEL}, email=t***@example.com)"
    assert str(error) == text.format(asked=f"POST {mock_server.url}/api/v3/send-email {request}")


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def time_out(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("", request=request)


def cut(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("cut", request=request)


def response(status: int, content: bytes) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, content=content, headers={"x-gateway": "g"})


def fail(status_code: int, **more: Any) -> Callable[[httpx.Request], httpx.Response]:
    body = {"statusCode": status_code, "message": f"{EMAIL}?", "more": {"a": [1]}} | more
    return response(200, json.dumps(body).encode())


WAYS_TO_FAIL = {
    "refused": (refuse, APIConnectionError),
    "timed out": (time_out, APITimeoutError),
    "cut": (cut, APIConnectionError),
    "no response of the API": (response(200, b"<h1>Log in</h1>"), InvalidResponseError),
    "redirect": (response(302, b""), InvalidResponseError),
    "HTTP error": (response(502, b"<h1>Bad Gateway</h1>"), class_of(502)),
    "HTTP error without a class": (response(520, b""), APIError),
    "failure without more": (fail(429), ThrottleError),
    "failure without a class": (fail(604, apiCode=777777), APIError),
    **{name: (fail(number, apiCode=2333, requestId="r-1"), class_of(number)) for number, name in FAILURES.items()},
}
each_way_to_fail = pytest.mark.parametrize(("handler", "kind"), WAYS_TO_FAIL.values(), ids=WAYS_TO_FAIL)


@before_transport
@each_way_to_fail
def test_every_error_says_what_was_asked_and_no_secret(
    make_client: ClientFactory, handler: Callable[[httpx.Request], httpx.Response], kind: type[GenAuthError]
) -> None:
    error = error_of(MockNetwork(handler).new_client(make_client, access_token=TOKEN, max_retries=0))

    assert type(error) is kind
    for text in (str(error), repr(error)):
        assert "POST https://api.genauth.ai/api/v3/send-email" in text
        assert CHANNEL in text
        assert "t***@example.com" in text
        assert EMAIL not in text
        assert TOKEN not in text


@before_transport
def test_what_the_end_user_typed_cannot_begin_a_new_line(make_client: ClientFactory, mock_server: MockServer) -> None:
    mock_server.respond_next({"statusCode": 400, "message": "no address"})
    with pytest.raises(genauth_email.InvalidArgumentError) as caught:
        make_client(mock_server.url).send_email(CHANNEL, "a@b\nERROR:root:forged")

    assert "\n" not in str(caught.value)
    assert "\n" not in repr(genauth_email.SendEmailDto(genauth_email.Channel(CHANNEL), "a\nb@c\nd"))


@before_transport
def test_an_address_in_the_place_of_the_channel_is_not_shown(make_client: ClientFactory) -> None:
    with pytest.raises(ValueError, match=r"^channel looks like an email address; allowed are CHANNEL_") as caught:
        make_client().send_email(EMAIL, CHANNEL)

    assert EMAIL not in str(caught.value)


def test_an_error_keeps_its_cause(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url, max_retries=0)
    causes: dict[str, BaseException | None] = {}
    for body in (b"", b"{}", b"[]", b'{"statusCode": "200", "message": ""}'):
        mock_server.respond_next(body, validate=False)
        causes[body.decode()] = error_of(client).__cause__
    mock_server.respond_next(b"", http_status=502, validate=False)
    causes["502"] = error_of(client).__cause__
    with RawServer(listening=False) as server:
        causes["refused"] = error_of(client.with_options(app_host=server.url)).__cause__

    assert {name: type(cause) for name, cause in causes.items()} == {
        "": json.JSONDecodeError,
        "{}": KeyError,
        "[]": TypeError,
        '{"statusCode": "200", "message": ""}': TypeError,
        "502": json.JSONDecodeError,
        "refused": httpx.ConnectError,
    }


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}
each_way_to_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@before_transport
@each_way_to_fail
def test_an_error_survives_pickle_and_copy_with_all_it_has(
    make_client: ClientFactory, handler: Callable[[httpx.Request], httpx.Response], kind: type[GenAuthError]
) -> None:
    error = error_of(MockNetwork(handler).new_client(make_client, max_retries=0))
    error.add_note("a note")

    for name, copied in COPIES.items():
        duplicate = copied(error)
        assert duplicate is not error, name
        assert type(duplicate) is kind, name
        assert (str(duplicate), duplicate.args) == (str(error), error.args), name
        assert vars(duplicate) == vars(error), name
        types = {attribute: type(value) for attribute, value in vars(error).items()}
        assert {attribute: type(value) for attribute, value in vars(duplicate).items()} == types, name
        if isinstance(duplicate, APIError | InvalidResponseError):
            assert duplicate.headers["X-Gateway"] == "g", name


@before_transport
@each_way_to_copy
def test_a_copied_throttle_error_knows_when_to_try_again(
    make_client: ClientFactory, mock_server: MockServer, copied: Callable[[Any], Any]
) -> None:
    mock_server.respond_next({"statusCode": 429, "message": ""}, headers={"retry-after": "60"})

    assert copied(error_of(make_client(mock_server.url))).retry_after == 60.0


# A DTO is the same whatever client it is for.
@each_way_to_copy
@pytest.mark.parametrize(
    "dto",
    [
        SendEmailDto(channel=Channel(CHANNEL), email=EMAIL),
        SendEmailRespDto.from_dict(LEAST),
        SendEmailRespDto.from_dict(LEAST | {"statusCode": 604, "message": "否", "apiCode": 2333, "more": {"a": [1]}}),
        SendEmailRespDto.from_dict(LEAST | {"statusCode": 403, "message": "", "apiCode": 777777, "requestId": "r-1"}),
    ],
    ids=repr,
)
def test_a_dto_survives_pickle_and_copy(dto: SendEmailDto | SendEmailRespDto, copied: Callable[[Any], Any]) -> None:
    duplicate = copied(dto)

    assert duplicate == dto
    assert duplicate is not dto
    assert duplicate.to_dict() == dto.to_dict()
    for field in attrs.fields(type(dto)):
        assert type(getattr(duplicate, field.name)) is type(getattr(dto, field.name))
    if isinstance(dto, SendEmailRespDto):
        assert (duplicate.request_id, duplicate.api_code) == (dto.request_id, dto.api_code)


@each_way_to_copy
def test_unset_is_itself_also_after_pickle_and_copy(copied: Callable[[Any], Any]) -> None:
    assert copied(UNSET) is UNSET
    assert copied([UNSET])[0] is UNSET


@before_transport
@each_way_to_copy
def test_a_detailed_response_survives_pickle_and_copy(
    make_client: ClientFactory, mock_server: MockServer, copied: Callable[[Any], Any]
) -> None:
    body = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
    response = make_client(mock_server.url).call(send_email, detailed=True, body=body)

    duplicate = copied(response)

    assert duplicate == response
    assert duplicate.parsed.api_code is None
    assert duplicate.http_status == 200
    assert duplicate.request.body == body
    assert duplicate.headers["Content-Type"] == "application/json"


STATUS_CODES = sorted({*FAILURES, -1, 0, 7, 100, 201, 302, 399, 418, 504, 604, 1000, 10**12})


@before_transport
def test_delivery_follows_the_status_code_with_http_200_and_is_else_unknown(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url, max_retries=0)
    for status_code, http_status in product(STATUS_CODES, [200, 201, 500]):
        mock_server.respond_next({"statusCode": status_code, "message": ""}, http_status=http_status, validate=False)

        error = error_of(client)

        assert type(error) is class_of(status_code)
        assert (error.status_code, error.http_status) == (status_code, http_status)
        assert error.delivery == (delivery_of(status_code) if http_status == 200 else "unknown")
        assert error.retryable is (status_code == 503 and http_status == 200)


HTTP_STATUSES = [
    *(201, 204, 205, 206, 300, 304, 399),
    *(400, 401, 404, 407, 408, 418, 429, 451, 499, 500, 502, 503, 504, 520, 599),
]


def test_an_http_status_without_a_dto_is_an_error_of_its_class(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url)
    headers = {"x-gateway": "g", "content-type": "text/html"}
    for status in HTTP_STATUSES:
        content = b"" if status in (204, 205, 304) else b"<h1>?</h1>"
        mock_server.respond_next(content, http_status=status, headers=headers, validate=False)

        error = error_of(client)

        check_without_dto(error, status)
        assert isinstance(error, APIError | InvalidResponseError)
        assert error.content == content
        assert error.headers["X-Gateway"] == "g"
    assert len(mock_server.received) == len(HTTP_STATUSES)


@pytest.mark.parametrize("status", [600, 601, 999])
def test_a_number_that_is_not_an_http_status_is_an_invalid_response(make_client: ClientFactory, status: int) -> None:
    with RawServer(Step(http(status), then="close")) as server:
        error = error_of(make_client(server.url))

    check_without_dto(error, status)


def check_without_dto(error: GenAuthError, status: int) -> None:
    assert f"HTTP {status} with a body that is not a SendEmailRespDto" in str(error)
    if not 400 <= status <= 599:
        assert type(error) is InvalidResponseError
    else:
        assert isinstance(error, APIError)
        assert type(error) is class_of(status)
        assert error.message == ""
    assert (error.status_code, error.api_code, error.request_id) == (None, None, None)
    assert (error.delivery, error.retryable) == ("unknown", False)
    assert error.http_status == status


@before_transport
def test_any_number_is_handled_that_can_come(make_client: ClientFactory) -> None:
    status = 0
    client = MockNetwork(lambda request: httpx.Response(status)).new_client(make_client)

    for status in range(200, 1000):
        check_without_dto(error_of(client), status)


BODIES = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"x"',
    "a number": b"200",
    "an empty object": b"{}",
    "HTML": b"<!doctype html><h1>Log in</h1>",
    "half a body": b'{"statusCode": 200, "mess',
    "two bodies": b'{"statusCode": 200, "message": ""}{}',
    "no UTF-8": b'{"statusCode": 200, "message": "\xff"}',
    "nested without end": b"[" * 100_000,
    "statusCode missing": b'{"message": ""}',
    "statusCode null": b'{"statusCode": null, "message": ""}',
    "statusCode a string": b'{"statusCode": "200", "message": ""}',
    "statusCode true": b'{"statusCode": true, "message": ""}',
    "statusCode a fraction": b'{"statusCode": 200.5, "message": ""}',
    "statusCode not a number": b'{"statusCode": NaN, "message": ""}',
    "statusCode infinite": b'{"statusCode": 1e999, "message": ""}',
    "statusCode with more digits than Python reads": b'{"statusCode": ' + b"9" * 5000 + b', "message": ""}',
    "statusCode an object": b'{"statusCode": {}, "message": ""}',
    "message missing": b'{"statusCode": 200}',
    "message null": b'{"statusCode": 200, "message": null}',
    "message a number": b'{"statusCode": 200, "message": 5}',
    "apiCode a string": b'{"statusCode": 403, "message": "", "apiCode": "2333"}',
    "requestId a number": b'{"statusCode": 200, "message": "", "requestId": 5}',
}


@before_transport
@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_a_dto_is_not_a_success(
    make_client: ClientFactory, mock_server: MockServer, content: bytes
) -> None:
    client = make_client(mock_server.url)
    for status in (200, 500):
        mock_server.respond_next(content, http_status=status, validate=False)

        error = error_of(client)

        check_without_dto(error, status)
        assert isinstance(error, APIError | InvalidResponseError)
        assert error.content == content
        assert error.__cause__ is not None


@before_transport
@pytest.mark.parametrize(
    ("content", "status_code"),
    [
        (b'{"statusCode": 429.0, "message": ""}', 429),
        (b'{"statusCode": 4.29e2, "message": ""}', 429),
        (b'\xef\xbb\xbf{"statusCode": 429, "message": ""}', 429),
        (b'{"statusCode": 604.0, "message": "", "statusMessage": null}', 604),
    ],
)
def test_a_number_is_read_as_json_means_it(
    make_client: ClientFactory, mock_server: MockServer, content: bytes, status_code: int
) -> None:
    mock_server.respond_next(content, validate=False)

    error = error_of(make_client(mock_server.url))

    assert type(error) is class_of(status_code)
    assert isinstance(error, APIError)
    assert error.status_code == status_code
    assert isinstance(error.status_code, int)


NOW = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)


def http_date(seconds_from_now: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds_from_now), usegmt=True)


# Through a mock, because the server has a `Date` of its own.
@before_transport
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 30 "}, 30.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": http_date(60), "date": http_date(0)}, 60.0),
        ({"retry-after": http_date(-60), "date": http_date(0)}, 0.0),
        ({"retry-after": "Tuesday, 06-Jan-70 00:00:00 GMT"}, 0.0),
        ({"retry-after": http_date(60), "date": "yesterday"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Fri, 31 Feb 2026 00:00:00 GMT"}, None),
        ({"retry-after": f"Fri, 30 Jan {'9' * 30} 00:00:00 GMT"}, None),
    ],
)
def test_a_throttle_error_knows_when_to_try_again(
    make_client: ClientFactory, headers: dict[str, str], seconds: float | None
) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    body = {"statusCode": 429, "message": ""}
    responses = [httpx.Response(status, json=body, headers=encoded) for status in (200, 429)]
    network = MockNetwork(lambda request: responses[len(network.requests) - 1])
    client = network.new_client(make_client)
    # The interval is the API's own rule, so it is known only where the API itself responds.
    for otherwise in (OPERATION["x-deduplication-interval"], None):
        error = error_of(client)

        assert isinstance(error, ThrottleError)
        assert error.retry_after == (otherwise if seconds is None else seconds)
        assert (error.delivery, error.retryable) == ("unknown", False)
    assert len(network.requests) == 2


@before_transport
def test_without_a_date_of_the_server_the_time_here_counts(make_client: ClientFactory, mock_server: MockServer) -> None:
    def throttle(request: httpx.Request) -> httpx.Response:
        headers = {"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}
        return httpx.Response(200, json={"statusCode": 429, "message": ""}, headers=headers)

    error = error_of(MockNetwork(throttle).new_client(make_client))

    assert isinstance(error, ThrottleError)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 3600
