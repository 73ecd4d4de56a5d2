"""What GenAuth answers, asked over a real socket."""

import json
from uuid import UUID

import httpx
import pytest

from .app import GenAuth
from .contract import Contract

PATH = "/api/v3/send-email"
BODY = {"channel": "CHANNEL_LOGIN", "email": "test@example.com"}
EXAMPLES = Contract().operations[PATH].answers


def status_code(answer: httpx.Response) -> int:
    """The `statusCode` of an answer; its HTTP status is 200 whatever that is."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    status_code: int = answer.json()["statusCode"]
    return status_code


def send(http: httpx.Client, **changes: str) -> int:
    return status_code(http.post(PATH, json=BODY | changes))


def test_an_email_is_sent(http: httpx.Client) -> None:
    answer = http.post(PATH, json=BODY)

    assert status_code(answer) == 200
    assert answer.json().keys() == {"statusCode", "message", "requestId"}
    assert answer.json()["message"]
    assert UUID(answer.json()["requestId"])


def test_no_two_answers_have_the_same_request_id(http: httpx.Client) -> None:
    first, second = (http.post(PATH, json=BODY | {"email": f"{name}@example.com"}) for name in "ab")

    assert first.json()["requestId"] != second.json()["requestId"]


def test_a_second_email_within_a_minute_is_refused_without_a_request_id(
    http: httpx.Client, genauth: GenAuth
) -> None:
    send(http)
    genauth.clock.advance(59.9)

    refused = http.post(PATH, json=BODY)

    assert status_code(refused) == 429
    assert refused.json().keys() == {"statusCode", "message"}


def test_a_second_email_after_a_minute_is_sent(http: httpx.Client, genauth: GenAuth) -> None:
    send(http)
    genauth.clock.advance(60)

    assert send(http) == 200


def test_upper_and_lower_case_are_the_same_mailbox(http: httpx.Client) -> None:
    send(http, email="straße@example.com")

    assert send(http, email="STRASSE@Example.COM") == 429


def test_every_channel_of_a_mailbox_has_a_minute_of_its_own(http: httpx.Client, genauth: GenAuth) -> None:
    channels = genauth.contract.operations[PATH].fields["channel"]

    assert channels
    assert {send(http, channel=channel) for channel in channels} == {200}
    assert {send(http, channel=channel) for channel in channels} == {429}


def test_every_mailbox_has_a_minute_of_its_own(http: httpx.Client) -> None:
    assert send(http, email="a@example.com") == 200
    assert send(http, email="b@example.com") == 200


def test_a_refused_email_does_not_start_a_new_minute(http: httpx.Client, genauth: GenAuth) -> None:
    send(http)
    genauth.clock.advance(59)
    assert send(http) == 429
    genauth.clock.advance(1)

    assert send(http) == 200


def test_a_missing_app_id_is_refused(http: httpx.Client, genauth: GenAuth) -> None:
    del http.headers["x-genauth-app-id"]

    with genauth.expect_violation("appId"):
        assert send(http) == 400


def test_an_empty_app_id_is_a_missing_one(http: httpx.Client) -> None:
    http.headers["x-genauth-app-id"] = ""

    assert send(http) == 400


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({"email": "test@example.com"}, "'channel' is a required property"),
        ({"channel": "CHANNEL_LOGIN"}, "'email' is a required property"),
        (BODY | {"channel": "CHANNEL_NONE"}, "'CHANNEL_NONE' is not one of"),
        (BODY | {"channel": "channel_login"}, "'channel_login' is not one of"),
        (BODY | {"channel": ["CHANNEL_LOGIN"]}, "$.channel: ['CHANNEL_LOGIN'] is not of type 'string'"),
        (BODY | {"email": None}, "$.email: None is not of type 'string'"),
        ([BODY], "is not of type 'object'"),
        ("send", "is not of type 'object'"),
    ],
)
def test_a_body_that_the_contract_does_not_allow_is_refused(
    http: httpx.Client, genauth: GenAuth, body: object, violation: str
) -> None:
    with genauth.expect_violation(violation):
        answer = http.post(PATH, json=body)

    assert status_code(answer) == 400
    assert UUID(answer.json()["requestId"])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"email=test@example.com"])
def test_a_body_that_is_not_json_is_refused(http: httpx.Client, genauth: GenAuth, content: bytes) -> None:
    with genauth.expect_violation("request POST"):
        answer = http.post(PATH, content=content, headers={"content-type": "application/json"})

    assert status_code(answer) == 400


def test_json_of_another_content_type_is_refused(http: httpx.Client, genauth: GenAuth) -> None:
    with genauth.expect_violation("text/plain"):
        answer = http.post(PATH, content=json.dumps(BODY), headers={"content-type": "text/plain"})

    assert status_code(answer) == 400


def test_json_may_name_its_charset(http: httpx.Client) -> None:
    content_type = "Application/JSON; charset=utf-8"
    answer = http.post(PATH, content=json.dumps(BODY), headers={"content-type": content_type})

    assert status_code(answer) == 200


# The contract leaves it to the server what a bad address is: these are no violations.
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


@pytest.mark.parametrize(
    "path", ["/", "/api/v3/send-email/", "//api/v3/send-email", "/v3/send-email", "/x" + PATH]
)
def test_a_wrong_path_is_no_resource(http: httpx.Client, genauth: GenAuth, path: str) -> None:
    with genauth.expect_violation(f"request POST {path}: "):
        answer = http.post(genauth.url + path, json=BODY)

    assert status_code(answer) == 404
    assert UUID(answer.json()["requestId"])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_a_wrong_method_is_no_resource(http: httpx.Client, genauth: GenAuth, method: str) -> None:
    with genauth.expect_violation(f"request {method} {PATH}: "):
        answer = http.request(method, PATH, json=BODY)

    assert status_code(answer) == 404


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


def test_an_unknown_language_is_the_default_one(http: httpx.Client, genauth: GenAuth) -> None:
    with genauth.expect_violation("x-genauth-lang: $: 'tlh' is not one of"):
        answer = http.post(PATH, json=BODY, headers={"x-genauth-lang": "tlh"})

    assert answer.json()["message"] == "已发送。"


def test_the_message_says_which_field_is_wrong(http: httpx.Client) -> None:
    answer = http.post(PATH, json=BODY | {"email": "test"}, headers={"x-genauth-lang": "en-US"})

    assert answer.json()["message"] == "email is missing or not valid."


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_answer_of_the_contract_comes_on_demand(
    http: httpx.Client, genauth: GenAuth, name: str
) -> None:
    genauth.answer_next(EXAMPLES[name])
    answer = http.post(PATH, json=BODY)

    assert answer.status_code == 200
    assert answer.json() == EXAMPLES[name]


def test_answers_on_demand_come_in_turn_before_the_usual_ones(http: httpx.Client, genauth: GenAuth) -> None:
    genauth.answer_next({"statusCode": 777, "message": "", "apiCode": 1, "novelty": {"a": None}})
    genauth.answer_next(EXAMPLES["ThrottleError"])

    assert [send(http) for _ in range(4)] == [777, 429, 200, 429]


def test_an_answer_on_demand_comes_whatever_was_asked(http: httpx.Client, genauth: GenAuth) -> None:
    genauth.answer_next(EXAMPLES["OK"])
    with genauth.expect_violation("request GET /"):
        answer = http.get("/")

    assert answer.json() == EXAMPLES["OK"]


def test_an_answer_on_demand_may_be_anything_at_all(http: httpx.Client, genauth: GenAuth) -> None:
    headers = {"content-type": "text/html", "retry-after": "7"}
    genauth.answer_next(b"<h1>Bad gateway", http_status=502, headers=headers, judged=False)
    answer = http.post(PATH, json=BODY)

    assert (answer.status_code, answer.content) == (502, b"<h1>Bad gateway")
    assert headers.items() <= dict(answer.headers).items()


def test_a_request_is_kept_as_it_arrived(http: httpx.Client, genauth: GenAuth) -> None:
    content = b'{"channel":"CHANNEL_LOGIN", "email":"T@example.com"}'
    headers = {"Content-Type": "application/json", "X-Real-IP": "203.0.113.9", "Authorization": "token"}
    http.post(PATH, params={"q": "a b"}, content=content, headers=headers)
    http.post(PATH, json=BODY)

    first, second = genauth.received
    assert (first.method, first.path, first.query) == ("POST", PATH, "q=a+b")
    assert first.body == content
    assert first.json == {"channel": "CHANNEL_LOGIN", "email": "T@example.com"}
    assert first.headers["x-real-ip"] == "203.0.113.9"
    assert first.headers["authorization"] == "token"
    assert "x-real-ip" not in second.headers
    assert second.json == BODY


def test_a_header_that_came_twice_is_kept_twice(http: httpx.Client, genauth: GenAuth) -> None:
    http.post(PATH, json=BODY, headers=[("x-real-ip", "203.0.113.9"), ("x-real-ip", "203.0.113.8")])

    assert genauth.received[0].headers["x-real-ip"] == "203.0.113.9, 203.0.113.8"


@pytest.mark.parametrize("_", range(2))
def test_each_test_has_a_genauth_of_its_own(http: httpx.Client, genauth: GenAuth, _: int) -> None:
    assert genauth.received == []
    assert send(http) == 200
