"""The behaviour of GenAuth, as far as it is documented."""

import math
import re
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, request_response

from .contract import Contract, Received
from .messages import Messages, messages_in

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
        sent: When it last sent something for each operation, channel and mailbox.
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
        if carry_out:
            outcome = JSONResponse(self._respond(received))
            response = response or outcome
        assert response is not None
        issues = [
            self.contract.validate_request(received),
            self.contract.validate_response(received, response) if validate else None,
        ]
        self.issues.extend(issue for issue in issues if issue)
        return response

    def _respond(self, received: Received) -> dict[str, Any]:
        status_code, message = self._outcome(received, messages_in(received.headers.get("x-genauth-lang")))
        operation = self.contract.operations.get(received.path)
        examples = operation.examples.values() if operation else ()
        # The contract's example says which fields such a response has: a 429 has no requestId, for instance. A field
        # that the contract gains comes along.
        example = next(
            (each for each in examples if each.get("statusCode") == status_code and "apiCode" not in each),
            {"requestId": ""},
        )
        request_id = {"requestId": str(uuid4())} if "requestId" in example else {}
        return {**example, "statusCode": status_code, "message": message, **request_id}

    def _outcome(self, received: Received, messages: Messages) -> tuple[int, str]:
        """Return the `statusCode` and the `message`. Only 429 is documented; 400 and 404 are plausible."""
        operation = self.contract.operations.get(received.path)
        # To a router, another method on a path is another resource. The vendor has no code for it.
        if operation is None or received.method != "POST":
            return 404, messages.no_such_resource
        if not received.headers.get("x-genauth-app-id"):
            return 400, messages.app_id_missing
        body = _json_object(received)
        if body is None:
            return 400, messages.not_a_json_object
        for name, enum in operation.fields.items():
            value = body.get(name)
            if (
                not isinstance(value, str)
                or (enum is not None and value not in enum)
                or (name == "email" and not _EMAIL.fullmatch(value))
            ):
                return 400, messages.field_invalid.format(name)
        # The required fields of a body are a channel and a mailbox, whatever their names.
        channel_and_mailbox = (operation.path, *(str(body[name]).casefold() for name in operation.fields))
        now = self.clock.now()
        if now - self.sent.get(channel_and_mailbox, -math.inf) < 60:
            return 429, messages.too_many
        self.sent[channel_and_mailbox] = now
        return 200, messages.sent


def _json_object(received: Received) -> dict[str, Any] | None:
    """Return the JSON object in the body. As in most servers, it is the content type that makes a body JSON."""
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        body = received.json
    except ValueError:
        return None
    return cast(dict[str, Any], body) if isinstance(body, dict) else None
