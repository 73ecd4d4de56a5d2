"""How the mock server responds, over a real socket."""

import json
from uuid import UUID

import httpx
import pytest
from genauth_email import Channel

from tests.contract.contract import CHANNEL

from .app import MockServer
from .contract import Contract

PATH = "/api/v3/send-email"
BODY = {"channel": CHANNEL, "email": "test@example.com"}
EXAMPLES = next(each for each in Contract().operations if each.path == PATH).responses


def status_code(response: httpx.Response) -> int:
    """The `statusCode` of a response; its HTTP status is 200 whatever that is."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    status_code: int = response.json()["statusCode"]
    return status_code


def send(http: httpx.Client, **changes: str) -> int:
    return status_code(http.post(PATH, json=BODY | changes))


def test_an_email_is_sent(http: httpx.Client) -> None:
    response = http.post(PATH, json=BODY)

    assert status_code(response) == 200
    assert response.json().keys() == {"statusCode", "message", "requestId"}
    assert response.json()["message"]
    assert UUID(response.json()["requestId"])


def test_no_two_responses_have_the_same_request_id(http: httpx.Client) -> None:
    first, second = (http.post(PATH, json=BODY | {"email": f"{name}@example.com"}) for name in "ab")

    assert first.json()["requestId"] != second.json()["requestId"]


def test_a_second_email_within_a_minute_is_refused_without_a_request_id(
    http: httpx.Client, mock_server: MockServer
) -> None:
    send(http)
    mock_server.clock.advance(59.9)

    refused = http.post(PATH, json=BODY)

    assert status_code(refused) == 429
    assert refused.json().keys() == {"statusCode", "message"}


def test_a_second_email_after_a_minute_is_sent(http: httpx.Client, mock_server: MockServer) -> None:
    send(http)
    mock_server.clock.advance(60)

    assert send(http) == 200


def test_upper_and_lower_case_are_the_same_mailbox(http: httpx.Client) -> None:
    send(http, email="straße@example.com")

    assert send(http, email="STRASSE@Example.COM") == 429


def test_every_channel_of_a_mailbox_has_a_minute_of_its_own(http: httpx.Client) -> None:
    channels = [channel.value for channel in Channel]

    assert {send(http, channel=channel) for channel in channels} == {200}
    assert {send(http, channel=channel) for channel in channels} == {429}


def test_every_mailbox_has_a_minute_of_its_own(http: httpx.Client) -> None:
    assert send(http, email="a@example.com") == 200
    assert send(http, email="b@example.com") == 200


def test_a_refused_email_does_not_start_a_new_minute(http: httpx.Client, mock_server: MockServer) -> None:
    send(http)
    mock_server.clock.advance(59)
    assert send(http) == 429
    mock_server.clock.advance(1)

    assert send(http) == 200


def test_a_missing_app_id_is_refused(http: httpx.Client, mock_server: MockServer) -> None:
    del http.headers["x-genauth-app-id"]

    with mock_server.expect_issue("appId"):
        assert send(http) == 400


def test_an_empty_app_id_is_a_missing_one(http: httpx.Client) -> None:
    http.headers["x-genauth-app-id"] = ""

    assert send(http) == 400


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        ({"email": "test@example.com"}, "'channel' is a required property"),
        ({"channel": CHANNEL}, "'email' is a required property"),
        (BODY | {"channel": "CHANNEL_NONE"}, "'CHANNEL_NONE' is not one of"),
        (BODY | {"channel": "channel_login"}, "'channel_login' is not one of"),
        (BODY | {"channel": [CHANNEL]}, f"$.channel: [{CHANNEL!r}] is not of type 'string'"),
        (BODY | {"email": None}, "$.email: None is not of type 'string'"),
        ([BODY], "is not of type 'object'"),
        ("send", "is not of type 'object'"),
    ],
)
def test_a_body_that_the_contract_does_not_allow_is_refused(
    http: httpx.Client, mock_server: MockServer, body: object, issue: str
) -> None:
    with mock_server.expect_issue(issue):
        response = http.post(PATH, json=body)

    assert status_code(response) == 400
    assert UUID(response.json()["requestId"])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"email=test@example.com"])
def test_a_body_that_is_not_json_is_refused(http: httpx.Client, mock_server: MockServer, content: bytes) -> None:
    with mock_server.expect_issue("request POST"):
        response = http.post(PATH, content=content, headers={"content-type": "application/json"})

    assert status_code(response) == 400


def test_json_of_another_content_type_is_refused(http: httpx.Client, mock_server: MockServer) -> None:
    with mock_server.expect_issue("text/plain"):
        response = http.post(PATH, content=json.dumps(BODY), headers={"content-type": "text/plain"})

    assert status_code(response) == 400


def test_json_may_name_its_charset(http: httpx.Client) -> None:
    content_type = "Application/JSON; charset=utf-8"
    response = http.post(PATH, content=json.dumps(BODY), headers={"content-type": content_type})

    assert status_code(response) == 200


# The contract leaves it to the server what a bad address is: these are no issues.
@pytest.mark.parametrize(
    "email",
    [
        "",
        "test",
        "test@",
        "@example.com",
        "test@example",
        "a@b@example.com",
        "a b@example.com",
        "a@example..com",
    ],
)
def test_a_bad_email_is_refused(http: httpx.Client, email: str) -> None:
    assert send(http, email=email) == 400


@pytest.mark.parametrize("path", ["/", "/api/v3/send-email/", "//api/v3/send-email", "/v3/send-email", "/x" + PATH])
def test_a_wrong_path_is_not_found(http: httpx.Client, mock_server: MockServer, path: str) -> None:
    with mock_server.expect_issue(f"request POST {path}: "):
        response = http.post(mock_server.url + path, json=BODY)

    assert status_code(response) == 404
    assert UUID(response.json()["requestId"])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_a_wrong_method_is_not_found(http: httpx.Client, mock_server: MockServer, method: str) -> None:
    with mock_server.expect_issue(f"request {method} {PATH}: "):
        response = http.request(method, PATH, json=BODY)

    assert status_code(response) == 404


def test_the_message_comes_in_the_language_asked_for(http: httpx.Client) -> None:
    def refusal(lang: str) -> str:
        message: str = http.post(PATH, json=BODY, headers={"x-genauth-lang": lang}).json()["message"]
        return message

    send(http)

    assert {lang: refusal(lang) for lang in ["zh-CN", "en-US", "ja-JP", "zh-TW"]} == {
        "zh-CN": "请求过于频繁。请稍后再试。",
        "en-US": "Too many requests. Try again later.",
        "ja-JP": "リクエストが多すぎます。しばらくしてからお試しください。",
        "zh-TW": "請求過於頻繁。請稍後再試。",
    }


def test_the_default_language_is_simplified_chinese(http: httpx.Client) -> None:
    assert http.post(PATH, json=BODY).json()["message"] == "已发送。"


def test_an_unknown_language_is_the_default_one(http: httpx.Client, mock_server: MockServer) -> None:
    with mock_server.expect_issue("x-genauth-lang: $: 'tlh' is not one of"):
        response = http.post(PATH, json=BODY, headers={"x-genauth-lang": "tlh"})

    assert response.json()["message"] == "已发送。"


def test_the_message_says_which_field_is_wrong(http: httpx.Client) -> None:
    response = http.post(PATH, json=BODY | {"email": "test"}, headers={"x-genauth-lang": "en-US"})

    assert response.json()["message"] == "The request is not valid (email)."


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_response_of_the_contract_comes_on_demand(http: httpx.Client, mock_server: MockServer, name: str) -> None:
    mock_server.respond_next(EXAMPLES[name])
    response = http.post(PATH, json=BODY)

    assert response.status_code == 200
    assert response.json() == EXAMPLES[name]


def test_queued_responses_come_in_turn_before_the_usual_ones(http: httpx.Client, mock_server: MockServer) -> None:
    mock_server.respond_next({"statusCode": 777, "message": "", "apiCode": 1, "novelty": {"a": None}})
    mock_server.respond_next(EXAMPLES["ThrottleError"])

    assert [send(http) for _ in range(4)] == [777, 429, 200, 429]


def test_a_response_on_demand_comes_whatever_was_asked(http: httpx.Client, mock_server: MockServer) -> None:
    mock_server.respond_next(EXAMPLES["OK"])
    with mock_server.expect_issue("request GET /"):
        response = http.get("/")

    assert response.json() == EXAMPLES["OK"]


def test_a_response_on_demand_may_be_anything_at_all(http: httpx.Client, mock_server: MockServer) -> None:
    headers = {"content-type": "text/html", "retry-after": "7"}
    mock_server.respond_next(b"<h1>Bad gateway", http_status=502, headers=headers, validate=False)
    response = http.post(PATH, json=BODY)

    assert (response.status_code, response.content) == (502, b"<h1>Bad gateway")
    assert headers.items() <= dict(response.headers).items()


def test_a_request_is_kept_as_it_arrived(http: httpx.Client, mock_server: MockServer) -> None:
    content = f'{{"channel":"{CHANNEL}", "email":"T@example.com"}}'.encode()
    headers = {"Content-Type": "application/json", "X-Real-IP": "203.0.113.9", "Authorization": "token"}
    http.post(PATH, params={"q": "a b"}, content=content, headers=headers)
    http.post(PATH, json=BODY)

    first, second = mock_server.received
    assert (first.method, first.path, first.query) == ("POST", PATH, "q=a+b")
    assert first.body == content
    assert first.json == {"channel": CHANNEL, "email": "T@example.com"}
    assert first.headers["x-real-ip"] == "203.0.113.9"
    assert first.headers["authorization"] == "token"
    assert "x-real-ip" not in second.headers
    assert second.json == BODY


def test_a_header_that_came_twice_is_kept_twice(http: httpx.Client, mock_server: MockServer) -> None:
    http.post(PATH, json=BODY, headers=[("x-real-ip", "203.0.113.9"), ("x-real-ip", "203.0.113.8")])

    assert mock_server.received[0].headers["x-real-ip"] == "203.0.113.9, 203.0.113.8"


@pytest.mark.parametrize("_", range(2))
def test_each_test_has_a_genauth_of_its_own(http: httpx.Client, mock_server: MockServer, _: int) -> None:
    assert mock_server.received == []
    assert send(http) == 200
