"""The class, the text and the attributes of errors, whatever went wrong."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
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
    GenAuthError,
    InvalidResponseError,
    SendEmailDto,
    SendEmailRespDto,
    StatusCode,
    ThrottleError,
)
from genauth_email.api.email import send_email
from genauth_email.types import UNSET

from tests.clients import ClientFactory, before_transport
from tests.contract.facts import CHANNEL, FAILURES, OPERATION, UNLISTED

from .helpers import BODY, COPIES, EMAIL, LEAST, PATH, MockNetwork, error_of, explained

TOKEN = "s3cret-token"


def class_of(number: int) -> type[APIError]:
    cls = getattr(genauth_email, FAILURES[number]) if number in FAILURES else APIError
    assert issubclass(cls, APIError)
    return cls


# This uses no client, so it does not run once per kind.
def test_the_tree_of_the_classes() -> None:
    of_all = [Exception, BaseException, object]
    assert public_bases(GenAuthError) == of_all
    for kind in (APIError, APIConnectionError, InvalidResponseError):
        assert public_bases(kind) == [GenAuthError, *of_all]
    assert public_bases(APITimeoutError) == [APIConnectionError, GenAuthError, *of_all]
    for number in FAILURES:
        assert public_bases(class_of(number)) == [APIError, GenAuthError, *of_all]


def public_bases(cls: type[Exception]) -> list[type]:
    """Return the classes by which a user can catch an error, without those that only share code."""
    return [base for base in cls.__mro__[1:] if not base.__name__.startswith("_")]


@before_transport
def test_an_error_keeps_the_whole_response(make_client: ClientFactory) -> None:
    body = {"statusCode": 403, "apiCode": 2333, "message": "账号 🙈\n\0", "requestId": "r-1", "more": [1]}
    network = MockNetwork(httpx.Response(200, json=body, headers={"x-gateway": "g"}))

    error = error_of(network.new_client(make_client))

    assert isinstance(error, genauth_email.ForbiddenError)
    assert error.status_code == StatusCode.FORBIDDEN_ERROR
    assert error.api_code == ApiCode.USER_NAME_OR_PASSWORD_WRONG
    assert type(error.status_code) is type(error.api_code) is int
    assert (error.message, error.request_id, error.http_status) == (body["message"], "r-1", 200)
    assert json.loads(error.content) == body
    assert isinstance(error.headers, Mapping)
    assert error.headers["X-Gateway"] == error.headers["x-gateway"] == "g"
    assert error.delivery == "not_sent"


WHOLE_TEXT = [
    (
        {"statusCode": 403, "apiCode": 2333, "message": "账号不存在", "requestId": "r-1"},
        f"statusCode {explained('StatusCode', 403)}, apiCode {explained('ApiCode', 2333)}, request id r-1 [{{asked}}]",
    ),
    ({"statusCode": 429, "message": "Too many."}, f"statusCode {explained('StatusCode', 429)} [{{asked}}]"),
    ({"statusCode": UNLISTED, "apiCode": 777777, "message": ""}, f"statusCode {UNLISTED}, apiCode 777777 [{{asked}}]"),
]


@before_transport
@pytest.mark.parametrize(("body", "text"), WHOLE_TEXT)
def test_an_error_says_what_happened_and_what_was_asked(
    make_client: ClientFactory, body: dict[str, Any], text: str
) -> None:
    network = MockNetwork(httpx.Response(200, json=body))
    error = error_of(network.new_client(make_client, "https://example.com", access_token=TOKEN))
    request = f"SendEmailDto(channel={CHANNEL}, email=t***@example.com)"
    assert str(error) == text.format(asked=f"POST https://example.com{PATH} {request}")


def response(status: int, content: bytes) -> httpx.Response:
    return httpx.Response(status, content=content, headers={"x-gateway": "g"})


def failure(status_code: int, **more: Any) -> httpx.Response:
    body = {"statusCode": status_code, "message": f"{EMAIL}?", "more": {"a": [1]}} | more
    return response(200, json.dumps(body).encode())


WAYS_TO_FAIL: dict[str, tuple[httpx.Response | Exception, type[GenAuthError]]] = {
    "refused": (httpx.ConnectError("refused"), APIConnectionError),
    "timed out": (httpx.ReadTimeout(""), APITimeoutError),
    "cut": (httpx.RemoteProtocolError("cut"), APIConnectionError),
    "no response of the API": (response(200, b"<h1>Log in</h1>"), InvalidResponseError),
    "redirect": (response(302, b""), InvalidResponseError),
    "HTTP error": (response(502, b"<h1>Bad Gateway</h1>"), class_of(502)),
    "HTTP error without a class": (response(520, b""), APIError),
    "failure without more": (failure(429), ThrottleError),
    "failure without a class": (failure(UNLISTED, apiCode=777777), APIError),
    **{name: (failure(number, apiCode=2333, requestId="r-1"), class_of(number)) for number, name in FAILURES.items()},
}


@before_transport
@pytest.mark.parametrize(("outcome", "kind"), WAYS_TO_FAIL.values(), ids=WAYS_TO_FAIL)
def test_every_error_names_its_request_shows_no_secret_and_survives_pickle_and_copy(
    make_client: ClientFactory, outcome: httpx.Response | Exception, kind: type[GenAuthError]
) -> None:
    error = error_of(MockNetwork(outcome).new_client(make_client, access_token=TOKEN, max_retries=0))

    assert type(error) is kind
    for text in (str(error), repr(error)):
        for part in (f"POST https://api.genauth.ai{PATH}", CHANNEL, "t***@example.com"):
            assert part in text
        for secret in (EMAIL, TOKEN):
            assert secret not in text
    error.add_note("a note")
    types = {attribute: type(value) for attribute, value in vars(error).items()}
    for name, copied in COPIES.items():
        duplicate = copied(error)
        assert duplicate is not error, name
        assert type(duplicate) is kind, name
        assert (str(duplicate), duplicate.args) == (str(error), error.args), name
        assert vars(duplicate) == vars(error), name
        assert {attribute: type(value) for attribute, value in vars(duplicate).items()} == types, name
        if isinstance(duplicate, APIError | InvalidResponseError):
            assert duplicate.headers["X-Gateway"] == "g", name


@before_transport
def test_the_end_users_input_cannot_begin_a_new_line(make_client: ClientFactory) -> None:
    client = MockNetwork(httpx.Response(200, json={"statusCode": 400, "message": ""})).new_client(make_client)
    with pytest.raises(genauth_email.InvalidArgumentError) as caught:
        client.send_email(CHANNEL, "a@b\nERROR:root:forged")

    assert "\n" not in str(caught.value)
    assert "\n" not in repr(SendEmailDto(genauth_email.Channel(CHANNEL), "a\nb@c\nd"))


DTOS: list[SendEmailDto | SendEmailRespDto] = [
    BODY,
    SendEmailRespDto.from_dict(LEAST),
    SendEmailRespDto.from_dict(LEAST | {"statusCode": UNLISTED, "message": "否", "apiCode": 2333, "more": {"a": [1]}}),
    SendEmailRespDto.from_dict(LEAST | {"statusCode": 403, "message": "", "apiCode": 777777, "requestId": "r-1"}),
]


# DTOs are the same for all kinds of clients.
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_dtos_and_unset_survive_pickle_and_copy(copied: Callable[[Any], Any]) -> None:
    assert copied(UNSET) is UNSET
    for dto in DTOS:
        duplicate = copied(dto)
        assert duplicate == dto
        assert duplicate is not dto
        assert duplicate.to_dict() == dto.to_dict()
        values = attrs.astuple(dto, recurse=False)
        assert list(map(type, attrs.astuple(duplicate, recurse=False))) == list(map(type, values))


@before_transport
def test_a_detailed_response_survives_pickle_and_copy(make_client: ClientFactory) -> None:
    response = MockNetwork().new_client(make_client).call(send_email, detailed=True, body=BODY)

    for copied in COPIES.values():
        duplicate = copied(response)
        assert duplicate == response
        assert (duplicate.http_status, duplicate.parsed.api_code) == (200, None)
        assert duplicate.request.body == BODY
        assert duplicate.headers["Content-Type"] == "application/json"


# `tests/unit/test_errors.py` has all forms of the header.
@before_transport
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "Sun, 01 Feb 2026 00:00:30 GMT", "date": "Sat, 31 Jan 2026 23:59:30 GMT"}, 60.0),
    ],
)
def test_a_throttle_error_knows_when_to_try_again(
    make_client: ClientFactory, headers: dict[str, str], seconds: float | None
) -> None:
    body = {"statusCode": 429, "message": ""}
    network = MockNetwork(*(httpx.Response(status, json=body, headers=headers) for status in (200, 429)))
    client = network.new_client(make_client)
    # The interval is the API's own rule, so it is known only if the API itself responds.
    for otherwise in (OPERATION["x-deduplication-interval"], None):
        error = error_of(client, ThrottleError)
        assert error.retry_after == (otherwise if seconds is None else seconds)
        assert (error.delivery, error.retryable) == ("unknown", False)


@before_transport
def test_without_a_date_from_the_server_the_local_time_counts(make_client: ClientFactory) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    throttled = httpx.Response(200, json={"statusCode": 429, "message": ""}, headers={"retry-after": in_an_hour})

    error = error_of(MockNetwork(throttled).new_client(make_client), ThrottleError)

    assert error.retry_after is not None
    assert 3500 < error.retry_after <= 3600
