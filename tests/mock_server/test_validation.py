"""What the contract does not allow fails the test that caused it, whatever the contract is."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_path import SchemaPath
from starlette.responses import JSONResponse, Response

from tests.contract.contract import CHANNEL, OTHER_CHANNEL

from .app import MockServer
from .contract import OPENAPI_YAML, Contract, Received
from .server import Server

pytest_plugins = ["pytester"]

PATH = "/api/v3/send-email"
BODY = {"channel": CHANNEL, "email": "test@example.com"}


def test_an_issue_fails_the_test_that_caused_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.mock_server.fixture import mock_server, contract, http_server")
    pytester.makepyfile("""
        import httpx
        import pytest

        from tests.contract.contract import CHANNEL

        @pytest.fixture
        def send(mock_server):
            def send(**changes):
                body = {"channel": CHANNEL, "email": "test@example.com"} | changes
                headers = {"x-genauth-app-id": "app123"}
                with httpx.Client(headers=headers, trust_env=False) as http:
                    http.post(mock_server.url + "/api/v3/send-email", json=body)
            return send

        def test_bad_request(send):
            send(channel="CHANNEL_NONE")

        def test_bad_response(mock_server, send):
            mock_server.respond_next({"statusCode": "200"})
            send()

        def test_nothing_bad(send):
            send()

        def test_bad_response_on_purpose(mock_server, send):
            mock_server.respond_next({"statusCode": "200"}, validate=False)
            send()

        def test_bad_request_on_purpose(mock_server, send):
            with mock_server.expect_issue("'CHANNEL_NONE' is not one of"):
                send(channel="CHANNEL_NONE")

        def test_bad_request_on_purpose_that_raises(mock_server, send):
            with pytest.raises(LookupError), mock_server.expect_issue("'CHANNEL_NONE' is not one of"):
                send(channel="CHANNEL_NONE")
                raise LookupError

        def test_another_bad_request_than_expected(mock_server, send):
            with mock_server.expect_issue("'CHANNEL_OTHER' is not one of"):
                send(channel="CHANNEL_NONE")

        def test_no_bad_request_where_one_was_expected(mock_server, send):
            with mock_server.expect_issue("is not one of"):
                send()

        def test_a_bad_response_beside_a_bad_request_on_purpose(mock_server, send):
            mock_server.respond_next({"statusCode": 200})
            with mock_server.expect_issue("'CHANNEL_NONE' is not one of"):
                send(channel="CHANNEL_NONE")
    """)

    result = pytester.runpytest_inprocess("-rfE", "--no-header")

    failed = {line.split(" - ")[0] for line in result.outlines if line.startswith(("ERROR test", "FAILED test"))}
    name = "test_an_issue_fails_the_test_that_caused_it.py::"
    assert failed == {
        f"ERROR {name}test_bad_request",
        f"ERROR {name}test_bad_response",
        f"FAILED {name}test_another_bad_request_than_expected",
        f"ERROR {name}test_another_bad_request_than_expected",
        f"FAILED {name}test_no_bad_request_where_one_was_expected",
        f"ERROR {name}test_a_bad_response_beside_a_bad_request_on_purpose",
    }
    result.assert_outcomes(passed=7, failed=2, errors=4)
    result.stdout.fnmatch_lines(
        [
            "*request POST /api/v3/send-email: $.channel: 'CHANNEL_NONE' is not one of *",
            "*response to POST /api/v3/send-email: $: 'message' is a required property; "
            "$.statusCode: '200' is not valid under any of the given schemas",
        ]
    )


def request(**changes: Any) -> Received:
    """A request that the contract allows but for `changes`. A header that is None is left out."""
    headers = {"content-type": "application/json", "x-genauth-app-id": "any"} | changes.pop("headers", {})
    parts: dict[str, Any] = {"method": "POST", "path": PATH, "query": "", "body": json.dumps(BODY).encode()}
    kept = {name: value for name, value in headers.items() if value is not None}
    return Received(**parts | changes, headers=kept)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "token"},
        {"x-genauth-lang": "ja-JP", "x-real-ip": "2001:db8::9"},
        {"x-genauth-request-from": "sdk", "x-genauth-sdk-version": "python:5.1.0"},
        {"content-type": "application/json; charset=utf-8"},
        {"x-of-a-proxy": "any"},
    ],
)
def test_a_request_is_allowed(contract: Contract, headers: dict[str, str]) -> None:
    assert contract.validate_request(request(headers=headers)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": "/"}, "Path not found"),
        ({"path": PATH + "/"}, "Path not found"),
        ({"path": "/" + PATH}, "Server not found"),
        ({"path": "/tenant" + PATH}, "Server not found"),
        ({"method": "GET"}, "Operation get not found"),
        ({"headers": {"x-genauth-app-id": None}}, "Security not found"),
        ({"headers": {"x-genauth-app-id": None, "authorization": "token"}}, "Security not found"),
        ({"headers": {"x-genauth-lang": "en"}}, "x-genauth-lang: $: 'en' is not one of"),
        ({"headers": {"content-type": "text/plain"}}, "mimetype not found: text/plain"),
        ({"headers": {"content-type": None}}, "mimetype not found"),
        ({"headers": {"content-type": "application/json;"}}, "openapi-core failed with ValueError"),
        ({"body": b""}, "Missing required request body"),
        ({"body": b"{"}, "Failed to deserialize"),
        ({"body": b'"\xff"'}, "openapi-core failed with UnicodeDecodeError"),
        ({"body": b"[]"}, "$: [] is not of type 'object'"),
        ({"body": b"{}"}, "$: 'channel' is a required property; $: 'email' is a required property"),
        ({"body": json.dumps(BODY | {"email": 1}).encode()}, "$.email: 1 is not of type 'string'"),
        ({"body": json.dumps(BODY | {"lang": "en-US"}).encode()}, "('lang' was unexpected)"),
    ],
)
def test_a_request_is_not_allowed(contract: Contract, changes: dict[str, Any], reason: str) -> None:
    assert reason in "; ".join(contract.validate_request(request(**changes)))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (JSONResponse({"statusCode": 200}), "$: 'message' is a required property"),
        (JSONResponse({"message": ""}), "$: 'statusCode' is a required property"),
        (JSONResponse({"statusCode": "200", "message": ""}), "$.statusCode: '200' is not valid"),
        (JSONResponse({"statusCode": 403, "message": "", "apiCode": None}), "$.apiCode: None is not valid"),
        (JSONResponse({"statusCode": 403, "message": "", "requestId": 1}), "$.requestId: 1 is not of type"),
        (JSONResponse({"statusCode": 502, "message": ""}, 502), "Unknown response http status: 502"),
        (JSONResponse([]), "$: [] is not of type 'object'"),
        (Response("{", media_type="application/json"), "Failed to deserialize"),
        (Response("<h1>", media_type="text/html"), "mimetype not found: text/html"),
        (Response(), "Missing response data"),
    ],
)
def test_a_response_is_not_allowed(contract: Contract, response: Response, reason: str) -> None:
    assert reason in "; ".join(contract.validate_response(request(), response))


SMS = "/api/v3/send-sms"


@pytest.fixture
def grown(tmp_path: Path, http_server: Server) -> Generator[MockServer]:
    """A mock server whose contract has more than ours, and has its examples in another order."""
    document = SchemaPath.from_path(OPENAPI_YAML).read_value()
    schemas: dict[str, Any] = document["components"]["schemas"]
    schemas["Channel"]["enum"].append("CHANNEL_NEWS")
    schemas["StatusCode"]["enum"].append(418)
    schemas["Lang"]["enum"].append("de-DE")
    schemas["SendEmailRespDto"]["properties"]["expiresIn"] = {"type": "integer"}
    schemas["SendEmailRespDto"]["required"].append("expiresIn")
    content_of_responses = document["paths"][PATH]["post"]["responses"]["200"]["content"]["application/json"]
    for response in content_of_responses["examples"].values():
        response["value"]["expiresIn"] = 300
    content_of_responses["examples"] = dict(reversed(content_of_responses["examples"].items()))
    schemas["SendSmsDto"] = {
        "type": "object",
        "required": ["channel", "phoneNumber"],
        "additionalProperties": False,
        "properties": {
            "channel": {"type": "string", "enum": [CHANNEL, "CHANNEL_MFA"]},
            "phoneNumber": {"type": "string"},
            "phoneCountryCode": {"type": "string"},
        },
    }
    schemas["SendSmsRespDto"] = {
        "type": "object",
        "required": ["statusCode", "message"],
        "properties": {"statusCode": {"type": "integer"}, "message": {"type": "string"}},
    }

    def content(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    document["paths"][SMS] = {
        "post": {
            "operationId": "sendSms",
            "x-deduplication-interval": 60,
            "requestBody": {"required": True, **content("SendSmsDto")},
            "responses": {"200": {"description": "Sent or not.", **content("SendSmsRespDto")}},
        }
    }
    contract = tmp_path / "openapi.yaml"
    contract.write_text(json.dumps(document))
    with http_server.mock_server(Contract(contract)) as mock_server:
        yield mock_server


@pytest.fixture
def grown_http(grown: MockServer) -> Generator[httpx.Client]:
    headers = {"x-genauth-app-id": "any"}
    with httpx.Client(base_url=grown.url, headers=headers, trust_env=False, verify=False) as http:
        yield http


def test_an_endpoint_that_the_contract_gains_is_served(grown: MockServer, grown_http: httpx.Client) -> None:
    def send(**changes: str) -> int:
        body = {"channel": CHANNEL, "phoneNumber": "13800138000"} | changes
        status_code: int = grown_http.post(SMS, json=body).json()["statusCode"]
        return status_code

    assert send() == 200
    assert send(phoneCountryCode="+86") == 429
    assert send(channel="CHANNEL_MFA") == 200
    assert send(phoneNumber="13800138001") == 200
    grown.clock.advance(60)
    assert send() == 200
    with grown.expect_issue(f"'{OTHER_CHANNEL}' is not one of"):
        assert send(channel=OTHER_CHANNEL) == 400
    with grown.expect_issue("('email' was unexpected)"):
        assert send(phoneNumber="13800138002", email="test@example.com") == 400
    grown.respond_next({"statusCode": 200})
    with grown.expect_issue(f"response to POST {SMS}: $: 'message' is a required property"):
        assert send() == 200


def test_an_endpoint_has_mailboxes_of_its_own(grown_http: httpx.Client) -> None:
    name = "13800138000@example.com"
    for path, field in [(PATH, "email"), (SMS, "phoneNumber")]:
        body = {"channel": CHANNEL, field: name}
        assert grown_http.post(path, json=body).json()["statusCode"] == 200


def test_a_channel_that_the_contract_gains_is_taken(grown_http: httpx.Client) -> None:
    assert grown_http.post(PATH, json=BODY | {"channel": "CHANNEL_NEWS"}).json()["statusCode"] == 200


def test_a_language_that_the_contract_gains_falls_back_to_the_default_one(grown_http: httpx.Client) -> None:
    response = grown_http.post(PATH, json=BODY, headers={"x-genauth-lang": "de-DE"})

    assert response.json()["message"] == "已发送。"


def test_a_field_that_the_contract_gains_is_in_the_response_as_in_its_examples(grown_http: httpx.Client) -> None:
    sent, refused = (grown_http.post(PATH, json=BODY).json() for _ in range(2))

    assert (sent["statusCode"], sent["expiresIn"]) == (200, 300)
    assert (refused["statusCode"], refused["expiresIn"]) == (429, 300)
    assert "apiCode" not in refused
