"""What the mock server finds and refuses, by an operation with parameters in each place."""

from collections.abc import Mapping
from typing import Any

import pytest

from runtime.mock_contract import MockField, MockOperation, RefusedError, find, validate_request
from runtime.mock_http import ReceivedRequest
from runtime.types import Operation

from .specification import ResponseDto

READ = MockOperation(
    Operation("GET", "/cups/{cupId}/parts", ResponseDto),
    fields={},
    examples={},
    path={"cupId": MockField(required=True, types=("integer",))},
    query={
        "kind": MockField(required=True, types=("string",), values=("lid", "handle")),
        "limit": MockField(required=False, types=("integer",)),
        "weight": MockField(required=False, types=("integer", "number")),
        "whole": MockField(required=False, types=("boolean",)),
        "colour": MockField(required=False, types=("array",)),
    },
    headers={"X-Trace-Id": MockField(required=True, types=("string",))},
)
DELETE = MockOperation(
    Operation("DELETE", "/cups/{cupId}", ResponseDto),
    {},
    {},
    path={"cupId": MockField(required=True, types=("string",))},
)
DELETE_ALL = MockOperation(Operation("DELETE", "/cups/all", ResponseDto), {}, {})


def request(
    method: str = "GET",
    path: str = "/cups/7/parts",
    query: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ReceivedRequest:
    query = {"kind": ["lid"]} if query is None else query
    return ReceivedRequest(method, path, query, {"x-trace-id": "t"} if headers is None else headers, None)


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/cups/7/parts", READ),
        ("DELETE", "/cups/a%2Fb", DELETE),
        ("DELETE", "/cups/all", DELETE_ALL),
        ("GET", "/cups/all", None),
        ("DELETE", "/cups/", None),
        ("DELETE", "/cups/a/b", None),
    ],
)
def test_an_operation_is_found_by_method_and_path(method: str, path: str, found: MockOperation | None) -> None:
    assert find([READ, DELETE, DELETE_ALL], request(method, path)) is found


def test_what_is_required_tells_a_request_from_others() -> None:
    query = {"kind": ["handle"], "limit": ["3"], "colour": ["red", "blue"], "weight": ["-1.5e3"], "whole": ["true"]}
    assert validate_request(READ, request(query=query)) == ("7", "handle", "t")
    assert validate_request(DELETE, request("DELETE", "/cups/a%2Fb")) == ("a/b",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "/cups/x/parts"}, "cupId has to be of type integer, not 'x'."),
        ({"query": {}}, "The parameter kind is missing."),
        ({"query": {"kind": ["spout"]}}, "kind is 'spout'; allowed are lid, handle."),
        ({"query": {"kind": ["lid"], "limit": ["3.5"]}}, "limit has to be of type integer, not '3.5'."),
        ({"query": {"kind": ["lid"], "limit": [""]}}, "limit has to be of type integer, not ''."),
        ({"query": {"kind": ["lid"], "weight": ["heavy"]}}, "weight has to be of type integer or number, not 'heavy'."),
        ({"query": {"kind": ["lid"], "whole": ["True"]}}, "whole has to be of type boolean, not 'True'."),
        ({"headers": {}}, "The parameter X-Trace-Id is missing."),
    ],
)
def test_a_parameter_that_the_contract_does_not_allow_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        validate_request(READ, request(**changes))
    assert (caught.value.status_code, caught.value.message) == (400, message)
