"""The behaviour of GenAuth, as far as the facts about it go."""

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

# The vendor does not say which addresses it accepts. This is what nobody would.
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


class GenAuth:
    """One GenAuth: what it has `received`, and in `violations` what the contract did not allow.

    `app` is the ASGI application, `url` where it is served. All requests run in one event loop, and between
    taking a request and answering it nothing is awaited: each is done, and judged, before its answer leaves.
    """

    def __init__(self, contract: Contract, url: str, clock: Clock | None = None) -> None:
        self.contract = contract
        self.url = url
        self.clock = clock or Clock()
        self.received: list[Received] = []
        self.violations: list[str] = []
        self._demanded: deque[tuple[Response, bool]] = deque()
        self._sent: dict[tuple[str, ...], float] = {}
        # One route for every path and method, because what is wrong with either is said in an answer's body.
        self.app = Starlette(routes=[Mount("/", request_response(self._take))])

    def answer_next(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        http_status: int = 200,
        headers: Mapping[str, str] | None = None,
        judged: bool = True,
    ) -> None:
        """Answer the next request with `body`, whatever it asks for; nothing counts as sent by that.

        Several calls queue up. The content type is JSON unless `headers` has another. An answer that the
        contract does not allow is a violation unless `judged` is False.
        """
        response_class = Response if isinstance(body, bytes) else JSONResponse
        response = response_class(body, http_status, headers, media_type="application/json")
        self._demanded.append((response, judged))

    @contextmanager
    def expect_violation(self, text: str) -> Generator[None]:
        """Expect the block to cause a violation with `text` in it. Any other that it causes remains."""
        before = len(self.violations)
        try:
            yield
        finally:
            caused = self.violations[before:]
            others = [violation for violation in caused if text not in violation]
            self.violations[before:] = others
        if others == caused:
            raise AssertionError(f"no violation with {text!r} in it, but {caused}")

    async def _take(self, request: Request) -> Response:
        received = Received(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
            body=await request.body(),
        )
        self.received.append(received)
        answer, judged = (
            self._demanded.popleft() if self._demanded else (JSONResponse(self._answer(received)), True)
        )
        verdicts = [
            self.contract.judge_request(received),
            self.contract.judge_answer(received, answer) if judged else None,
        ]
        self.violations.extend(verdict for verdict in verdicts if verdict)
        return answer

    def _answer(self, received: Received) -> dict[str, Any]:
        status_code, message = self._outcome(received, messages_in(received.headers.get("x-genauth-lang")))
        operation = self.contract.operations.get(received.path)
        examples = operation.answers.values() if operation else ()
        # The contract's example says which fields such an answer has: a 429 has no requestId, and what the
        # contract gains comes along.
        example = next(
            (each for each in examples if each.get("statusCode") == status_code and "apiCode" not in each),
            {"requestId": ""},
        )
        request_id = {"requestId": str(uuid4())} if "requestId" in example else {}
        return {**example, "statusCode": status_code, "message": message, **request_id}

    def _outcome(self, received: Received, messages: Messages) -> tuple[int, str]:
        """The `statusCode` and the `message`. Only 429 is documented; 400 and 404 are plausible."""
        operation = self.contract.operations.get(received.path)
        # To a router, another method on a path is another resource; the vendor has no code for it.
        if operation is None or received.method != "POST":
            return 404, messages.no_such_resource
        if not received.headers.get("x-genauth-app-id"):
            return 400, messages.app_id_missing
        body = _json_object(received)
        if body is None:
            return 400, messages.not_a_json_object
        for name, vocabulary in operation.fields.items():
            value = body.get(name)
            if (
                not isinstance(value, str)
                or (vocabulary is not None and value not in vocabulary)
                or (name == "email" and not _EMAIL.fullmatch(value))
            ):
                return 400, messages.field_invalid.format(name)
        # What a body has to have is a channel and a mailbox, under whatever names.
        channel_and_mailbox = (operation.path, *(str(body[name]).casefold() for name in operation.fields))
        now = self.clock.now()
        if now - self._sent.get(channel_and_mailbox, -math.inf) < 60:
            return 429, messages.too_many
        self._sent[channel_and_mailbox] = now
        return 200, messages.sent


def _json_object(received: Received) -> dict[str, Any] | None:
    """The JSON object in the body. As in most servers, it is the content type that makes a body JSON."""
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        body = received.json
    except ValueError:
        return None
    return cast(dict[str, Any], body) if isinstance(body, dict) else None
