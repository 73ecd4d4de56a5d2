"""Every operation of the contract through the clients' methods and the endpoint functions, including future ones."""

from typing import Any

import genauth_email
import pytest
from genauth_email import testing
from genauth_email.testing import ReceivedRequest, mock_genauth

from tests.clients import BlockingClient, ClientFactory
from tests.servers import MockServer

from .facts import FAILURES
from .operations import FIRST_CALLS, Call, every_call, every_operation, parsed_query, success

UNDOCUMENTED = [code for code in (7, 418, 604) if code not in FAILURES]
RESPONSES = [
    pytest.param(call, response, id=f"{call.operation.operation_id}-{name}")
    for call in FIRST_CALLS
    for name, response in call.operation.responses.items()
]


def invoke(client: BlockingClient, call: Call) -> Any:
    return client.invoke(call.method, **call.arguments_of_method())


def assert_is_sent(request: ReceivedRequest, call: Call) -> None:
    assert (request.method, request.path) == (call.operation.method, call.path)
    assert parsed_query(request.target.partition("?")[2]) == call.query
    assert call.headers.items() <= request.headers.items()
    assert (request.json if request.body else None) == call.body


@every_call
def test_a_method_and_a_function_send_what_the_contract_says(
    make_client: ClientFactory, mock_server: MockServer, call: Call
) -> None:
    client = make_client(mock_server.url)
    results = [invoke(client, call)]
    mock_server.advance(call.operation.deduplication_interval or 0)
    results.append(client.call(call.module, **call.arguments_of_function()))

    for request, result in zip(mock_server.received, results, strict=True):
        assert_is_sent(request, call)
        assert isinstance(result, call.response_model)
        assert result.status_code == 200


@pytest.mark.parametrize(("call", "response"), RESPONSES)
def test_each_example_of_a_response_is_returned_or_raised(
    make_client: ClientFactory, mock_server: MockServer, call: Call, response: dict[str, Any]
) -> None:
    # The API's own 503 would be retried.
    client = make_client(mock_server.url, max_retries=0)
    for _ in range(2):
        mock_server.respond_next(response)

    detailed = client.call(call.module, detailed=True, **call.arguments_of_function())
    assert detailed.parsed.status_code == response["statusCode"]
    if response["statusCode"] == 200:
        assert detailed.parsed.to_dict() == response
        assert invoke(client, call).to_dict() == response
        return
    with pytest.raises(genauth_email.APIError) as caught:
        invoke(client, call)
    error = caught.value
    assert type(error) is getattr(genauth_email, FAILURES[response["statusCode"]])
    assert (error.message, error.api_code) == (response["message"], response.get("apiCode"))
    assert error.request_id == response.get("requestId")


@every_operation
def test_each_status_code_is_returned_in_detail_or_raised(
    make_client: ClientFactory, mock_server: MockServer, call: Call
) -> None:
    client = make_client(mock_server.url, max_retries=0)
    for status_code in [*FAILURES, *UNDOCUMENTED]:
        for _ in range(2):
            mock_server.respond_next({"statusCode": status_code, "message": "为什么", "requestId": "r-1"})
        detailed = client.call(call.module, detailed=True, **call.arguments_of_function())
        assert (detailed.http_status, detailed.parsed.status_code) == (200, status_code)
        with pytest.raises(genauth_email.APIError) as caught:
            invoke(client, call)
        assert type(caught.value) is getattr(genauth_email, FAILURES.get(status_code, "APIError"))
        assert (caught.value.status_code, caught.value.message) == (status_code, "为什么")


@every_call
def test_the_packages_mock_server_serves_it(make_client: ClientFactory, call: Call) -> None:
    with mock_genauth() as server:
        client = make_client(server.url)
        result = invoke(client, call)
        assert {**result.to_dict(), "requestId": ""} == {**success(call), "requestId": ""}
        assert (server.received[0].method, server.received[0].path) == (call.operation.method, call.path)
        assert server.sent == ([] if call.body is None else [call.body])
        if call.operation.deduplication_interval is not None:
            with pytest.raises(genauth_email.ThrottleError):
                invoke(client, call)
            server.advance(call.operation.deduplication_interval)
            invoke(client, call)


def test_the_operations_match_the_contract() -> None:
    methods = [call.method for call in FIRST_CALLS]
    responses = [name for name in testing.__all__ if name.endswith("_response")]
    assert sorted(responses) == sorted(f"{method}_response" for method in methods)
    for call in FIRST_CALLS:
        for client in (genauth_email.AuthenticationClient, genauth_email.AsyncAuthenticationClient):
            assert callable(getattr(client, call.method))
        assert call.module.OPERATION.method == call.operation.method
        assert getattr(testing, f"{call.method}_response")().to_dict() == success(call)


@every_call
def test_a_request_survives_decoding_and_encoding(call: Call) -> None:
    body = call.arguments_of_function().get("body")
    assert (body.to_dict() if body is not None else None) == call.body
