"""The behaviour of GenAuth, as far as it is documented."""

import math
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, request_response

from scripts.examples import ContractOperation

from .contract import Contract, Received
from .messages import messages_in

# The vendor does not say which addresses it accepts. Nobody accepts one that does not match this.
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Clock:
    """A clock that stands still until a test moves it, or that runs as `source` does."""

    def __init__(self, source: Callable[[], float] = lambda: 0.0) -> None:
        self._source = source
        self._advanced = 0.0

    def now(self) -> float:
        return self._source() + self._advanced

    def advance(self, seconds: float) -> None:
        self._advanced += seconds


class MockServer:
    """A mock of GenAuth.

    All requests run in one event loop, and nothing is awaited between receiving a request and responding to it. So
    each is validated before its response leaves.

    Attributes:
        app: The ASGI application.
        url: Where it is served.
        received: The requests that it has received.
        issues: What the contract does not allow in the requests and the responses.
        sent: When it last carried out each request of an operation that it carries out once within an interval.
    """

    def __init__(self, contract: Contract, url: str, clock: Clock | None = None) -> None:
        self.contract = contract
        self.url = url
        self.clock = clock or Clock()
        self.received: list[Received] = []
        self.issues: list[str] = []
        self._queue: deque[tuple[Response, bool, bool]] = deque()
        self.sent: dict[tuple[str, ...], float] = {}
        # One route for every path and method, because a wrong path or method is reported in a response's body.
        self.app = Starlette(routes=[Mount("/", request_response(self._receive))])

    def respond_next(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        http_status: int = 200,
        headers: Mapping[str, str] | None = None,
        validate: bool = True,
        carry_out: bool = False,
    ) -> None:
        """Respond to the next request with `body`, whatever it asks for.

        With `carry_out` the request is carried out all the same, as when a gateway loses the response. Several calls
        queue up. The content type is JSON unless `headers` has another. A response that the contract does not allow is
        an issue unless `validate` is False.
        """
        response_class = Response if isinstance(body, bytes) else JSONResponse
        response = response_class(body, http_status, headers, media_type="application/json")
        self._queue.append((response, validate, carry_out))

    @contextmanager
    def expect_issue(self, text: str) -> Generator[None]:
        """Expect the block to cause an issue with `text` in it. Any other issue that it causes remains."""
        before = len(self.issues)
        try:
            yield
        finally:
            caused = self.issues[before:]
            others = [issue for issue in caused if text not in issue]
            self.issues[before:] = others
        if others == caused:
            raise AssertionError(f"no issue with {text!r} in it, but {caused}")

    async def _receive(self, request: Request) -> Response:
        received = Received(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
            body=await request.body(),
        )
        self.received.append(received)
        response, validate, carry_out = self._queue.popleft() if self._queue else (None, True, True)
        issues = self.contract.validate_request(received)
        if carry_out:
            outcome = JSONResponse(self._respond(received, issues))
            response = response or outcome
        assert response is not None
        self._report(f"request {received.method} {received.path}", issues)
        if validate:
            issues = self.contract.validate_response(received, response)
            self._report(f"response to {received.method} {received.path}", issues)
        return response

    def _report(self, what: str, issues: list[str]) -> None:
        if issues:
            self.issues.append(f"{what}: {'; '.join(issues)}")

    def _respond(self, received: Received, issues: list[str]) -> dict[str, Any]:
        operation = self.contract.find(received)
        status_code, message = self._outcome(operation, received, issues)
        examples = operation.responses.values() if operation else ()
        # The contract's example says which fields such a response has: a 429 has no requestId, for instance. A field
        # that the contract gains comes along.
        example = next(
            (each for each in examples if each.get("statusCode") == status_code and "apiCode" not in each),
            {"requestId": ""},
        )
        request_id = {"requestId": str(uuid4())} if "requestId" in example else {}
        return {**example, "statusCode": status_code, "message": message, **request_id}

    def _outcome(self, operation: ContractOperation | None, received: Received, issues: list[str]) -> tuple[int, str]:
        """Return the `statusCode` and the `message`. Only 429 is documented; 400 and 404 are plausible."""
        messages = messages_in(received.headers.get("x-genauth-lang"))
        # To a router, another method on a path is another resource. The vendor has no code for it.
        if operation is None:
            return 404, messages.no_such_resource
        if not received.headers.get("x-genauth-app-id"):
            return 400, messages.app_id_missing
        # A server that does not know a language takes its default one.
        if wrong := [issue for issue in issues if not issue.startswith("x-genauth-lang: ")]:
            return 400, messages.request_invalid.format(wrong[0])
        body = _json_object(received)
        if not _EMAIL.fullmatch(body.get("email", "any@example.com")):
            return 400, messages.request_invalid.format("email")
        if operation.deduplication_interval is not None:
            key = (received.method, received.path, *_required_values(operation, received, body))
            now = self.clock.now()
            if now - self.sent.get(key, -math.inf) < operation.deduplication_interval:
                return 429, messages.too_many
            self.sent[key] = now
        return 200, messages.sent


def _json_object(received: Received) -> dict[str, Any]:
    """Return the JSON object in the body, or an empty one."""
    body = received.json if received.body else {}
    return cast(dict[str, Any], body) if isinstance(body, dict) else {}


def _required_values(operation: ContractOperation, received: Received, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what tells a request from others, such as a channel and a mailbox. Upper and lower case are the same."""
    query = parse_qs(received.query, keep_blank_values=True)
    for parameter in operation.parameters:
        if parameter["in"] == "query" and parameter.get("required"):
            yield str(query.get(parameter["name"])).casefold()
    for name in operation.required_fields:
        yield str(body.get(name)).casefold()
