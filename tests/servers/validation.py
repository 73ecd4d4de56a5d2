"""The validation of requests and responses by the contract.

Nothing here depends on the current endpoints, so additions to the contract are validated without a change.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from genauth_email._runtime.mock.server import Reply
from genauth_email.testing import ReceivedRequest
from jsonschema import ValidationError
from jsonschema_path import SchemaPath
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.validation.request.exceptions import InvalidParameter
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from werkzeug.datastructures import Headers, ImmutableMultiDict

OPENAPI_YAML = Path(__file__).parents[2] / "openapi.yaml"

# The contract names the vendor's host, but a test's server has another one. Both are replaced with this host, because
# the contract does not depend on it. The URL is absolute because openapi-core compares only the end of a path with a
# relative one, so it would allow //api/v3/send-email.
_ANY_HOST = "http://genauth.invalid"

_ONLY_ON_SUCCESS = re.compile(r"\$: '(?!statusCode'|message').*' is a required property")


class Contract:
    """The contract in the file `path`."""

    def __init__(self, path: Path = OPENAPI_YAML) -> None:
        document: dict[str, Any] = SchemaPath.from_path(path.resolve()).read_value()
        # The cache holds resolved references. Without it, validating a request takes twice as long.
        spec = SchemaPath.from_dict({**document, "servers": [{"url": _ANY_HOST}]}, resolved_cache_maxsize=1024)
        self._openapi = OpenAPI(spec)

    def validate_request(self, request: ReceivedRequest) -> list[str]:
        """Return the violations of the contract in `request`."""
        return _all_reasons(self._openapi.iter_apicall_request_errors(_OpenAPIRequest(request)))

    def validate_response(self, request: ReceivedRequest, response: Reply) -> list[str]:
        """Return the violations of the contract in the response to `request`."""
        errors = self._openapi.iter_apicall_response_errors(_OpenAPIRequest(request), _OpenAPIResponse(response))
        # An unknown path or method is an issue of the request, not also of its response.
        reasons = _all_reasons(error for error in errors if not isinstance(error, PathError))
        # A failure has the fields of all failures. Other required fields exist only on success.
        is_failure = _is_failure(response.content)
        return [reason for reason in reasons if not (is_failure and _ONLY_ON_SUCCESS.fullmatch(reason))]


class _OpenAPIRequest:
    """A request in the form that openapi-core needs."""

    host_url = _ANY_HOST

    def __init__(self, request: ReceivedRequest) -> None:
        self.path = request.path
        self.method = request.method.lower()
        self.content_type = request.headers.get("content-type", "")
        self.body = request.body
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True)),
            header=Headers(request.headers.items()),
        )


class _OpenAPIResponse:
    """A reply in the form that openapi-core needs."""

    def __init__(self, response: Reply) -> None:
        self.status_code = response.http_status
        self.content_type = response.headers.get("content-type", "")
        self.headers = Headers(response.headers.items())
        self.data = response.content


def _is_failure(content: bytes) -> bool:
    try:
        body = json.loads(content)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("statusCode", 200) != 200


def _all_reasons(errors: Iterable[Exception]) -> list[str]:
    try:
        return [reason for error in errors for reason in _reasons(error)]
    except Exception as error:
        # openapi-core crashes on some inputs that it should refuse, such as a content type that ends in ";" or a body
        # that is not UTF-8. That must not count as valid.
        return [f"openapi-core failed with {error!r}"]


def _reasons(error: Exception) -> Iterator[str]:
    location = f"{error.name}: " if isinstance(error, InvalidParameter) else ""
    cause = error.__cause__
    if not isinstance(cause, InvalidSchemaValue):
        yield f"{location}{cause or error}"
        return
    for each in cause.schema_errors:
        assert isinstance(each, ValidationError)
        yield f"{location}{each.json_path}: {each.message}"
