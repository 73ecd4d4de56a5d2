"""Every operation of the contract through the clients' methods and the endpoint functions, including future ones."""

from typing import Any

import genauth_email
import pytest
from genauth_email import testing
from genauth_email.errors import raise_for_status_code
from genauth_email.testing import mock_genauth

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.servers import MockServer

from .facts import EXAMPLES, FAILURES, UNLISTED, UNLISTED_4XX
from .operations import FIRST_CALLS, Call, every_call

# `tests/build/supported.py` tests the warnings.
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

UNDOCUMENTED = {str(code): {"statusCode": code, "message": "为什么"} for code in (7, UNLISTED_4XX, UNLISTED)}


def responses_of(call: Call) -> dict[str, dict[str, Any]]:
    success = call.operation.success
    return {**call.operation.responses, **UNDOCUMENTED, "with another field": success | {"novelty": [None]}}


RESPONSES = [
    pytest.param(call, response, id=f"{call.operation.operation_id}-{name}")
    for call in FIRST_CALLS
    for name, response in responses_of(call).items()
]


def invoke(client: BlockingClient, call: Call) -> Any:
    return client.invoke(call.method, **call.arguments_of_method())


# The mock server validates the path, the parameters and the body of each request by the contract.
@every_call
def test_a_method_and_a_function_send_what_the_contract_says(
    make_client: ClientFactory, mock_server: MockServer, call: Call
) -> None:
    client = make_client(mock_server.url)
    results = [invoke(client, call)]
    mock_server.advance(call.operation.deduplication_interval or 0)
    results.append(client.call(call.module, **call.arguments_of_function()))

    for request, result in zip(mock_server.received, results, strict=True):
        assert request.method == call.operation.method
        assert request.json == call.body
        assert isinstance(result, call.response_model)
        assert result.status_code == 200


@before_transport
@pytest.mark.parametrize(("call", "response"), RESPONSES)
def test_a_response_is_returned_whole_or_raised(
    make_client: ClientFactory, mock_server: MockServer, call: Call, response: dict[str, Any]
) -> None:
    # The API's own 503 would be retried.
    client = make_client(mock_server.url, max_retries=0)
    for _ in range(2):
        mock_server.respond_next(response)

    detailed = client.call(call.module, detailed=True, **call.arguments_of_function())
    assert (detailed.http_status, detailed.parsed.status_code) == (200, response["statusCode"])
    if response["statusCode"] == 200:
        assert detailed.parsed.to_dict() == invoke(client, call).to_dict() == response
        raise_for_status_code(detailed)
        return
    assert detailed.parsed.to_dict().items() <= response.items()
    with pytest.raises(genauth_email.APIError) as caught:
        invoke(client, call)
    error = caught.value
    assert type(error) is getattr(genauth_email, FAILURES.get(response["statusCode"], "APIError"))
    assert (error.status_code, error.message) == (response["statusCode"], response["message"])
    assert (error.api_code, error.request_id) == (response.get("apiCode"), response.get("requestId"))
    with pytest.raises(type(error)):
        raise_for_status_code(detailed)


def test_there_is_an_example_of_each_status_code_with_and_without_an_api_code() -> None:
    shapes = {(value["statusCode"], "apiCode" in value) for value in EXAMPLES.values()}
    assert shapes == {(200, False)} | {(code, has) for code in FAILURES for has in (True, False)}


@every_call
def test_the_packages_mock_server_serves_it(make_client: ClientFactory, call: Call) -> None:
    with mock_genauth() as server:
        client = make_client(server.url)
        result = invoke(client, call)
        assert {**result.to_dict(), "requestId": ""} == {**call.operation.success, "requestId": ""}
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
        assert getattr(testing, f"{call.method}_response")().to_dict() == call.operation.success
