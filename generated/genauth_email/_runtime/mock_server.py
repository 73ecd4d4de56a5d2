"""The mock server: what GenAuth does, as far as the contract says it."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, Final, Self, cast, overload
from uuid import uuid4

from .mock_contract import MockOperation, RefusedError, find, validate_request
from .mock_http import Connection, MockHTTPServer, ReceivedRequest, Reply
from .redaction import on_one_line
from .types import Operation, Specification

HTML: Final = b"<h1>This comes from a gateway.</h1>"
"""The page of a gateway's error."""


def validate_http_status(http_status: int) -> None:
    """Raise `ValueError` for an HTTP status that is no error."""
    if not 400 <= http_status <= 599:
        raise ValueError(f"http_status has to be 400 to 599, not {http_status}")


def retry_after_header(seconds: int | None) -> dict[str, str]:
    """Return the headers that ask a client to wait."""
    return {} if seconds is None else {"retry-after": str(seconds)}


@dataclass(frozen=True)
class _Failure:
    """What the next request gets instead: a reply, or a response of the API with a `statusCode` and headers."""

    carried_out: bool
    status_code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    reply: Reply | None = None


class MockServer:
    """A mock of GenAuth on the loopback interface and a free port. Use it in a `with` or an `async with` statement.

    It sends nothing to anybody. Like the API, it responds with HTTP 200 and a `statusCode`: 200, 400 for a request that
    the contract does not allow, 404 for another method or path, and 429 for the same request within an interval, where
    the contract gives the operation one. Requests are the same if they agree in all that is required of them.

    Attributes:
        url: Where it runs: the `app_host` of a client.
        received: All requests, in order.
        sent: The bodies of the requests that were carried out, in order: the emails, say, that "went out".
    """

    url: str

    def __init__(
        self,
        operations: Sequence[MockOperation],
        specification: Specification,
        port: int = 0,
        print_line: Callable[[str], None] | None = None,
    ) -> None:
        self.received: list[ReceivedRequest] = []
        self.sent: list[dict[str, Any]] = []
        self._operations = operations
        self._specification = specification
        self._port = port
        self._print_line = print_line
        self._failures: deque[_Failure] = deque()
        self._sent_at: dict[tuple[str, ...], float] = {}
        self._advanced = 0.0
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._server = MockHTTPServer(self._respond, self._port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        self._server.stop()

    def advance(self, seconds: float) -> None:
        """Advance the clock of the server, for the interval in which it refuses the same request.

        Args:
            seconds: By how much; 0 or more.

        Raises:
            ValueError: `seconds` is negative.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds has to be 0 or more, not {seconds}")
        self._advanced += seconds

    @overload
    def fail_next(self, *, status_code: int, retry_after: int | None = None, carried_out: bool = False) -> None: ...
    @overload
    def fail_next(self, *, http_status: int, retry_after: int | None = None, carried_out: bool = False) -> None: ...
    @overload
    def fail_next(self, *, connection: Connection, carried_out: bool = False) -> None: ...
    def fail_next(
        self,
        *,
        status_code: int | None = None,
        http_status: int | None = None,
        connection: Connection | None = None,
        retry_after: int | None = None,
        carried_out: bool = False,
    ) -> None:
        """Let the next request fail, in one of three ways. Several calls queue up, one for each request.

        Args:
            status_code: The API responds with this `statusCode`, which is not 200.
            http_status: A gateway responds with this HTTP status, 400 to 599, and an HTML page.
            connection: "broken": the connection breaks instead of a response. "silent": no response comes until the
                client gives up.
            retry_after: Seconds in a `Retry-After` header. Default: no such header.
            carried_out: Whether the request is carried out all the same, so that its body is in `sent`.

        Raises:
            TypeError: Not exactly one of the three ways is given.
            ValueError: A value is not allowed.
        """
        if [status_code, http_status, connection].count(None) != 2:
            raise TypeError("one of status_code, http_status and connection has to be given")
        if status_code == 200:
            raise ValueError("statusCode 200 is success")
        if http_status is not None:
            validate_http_status(http_status)
        if connection not in (None, "broken", "silent"):
            raise ValueError(f'connection has to be "broken" or "silent", not {connection!r}')
        headers = retry_after_header(retry_after)
        reply = Reply(http_status or 200, headers, HTML, connection) if status_code is None else None
        self._failures.append(_Failure(carried_out, status_code, headers, reply))

    def _respond(self, request: ReceivedRequest) -> Reply:
        with self._lock:
            self.received.append(request)
            failure = self._failures.popleft() if self._failures else _Failure(carried_out=True)
            operation = find(self._operations, request)
            status_code, message = self._carry_out(operation, request) if failure.carried_out else (0, "")
        if failure.reply is not None:
            return failure.reply
        if failure.status_code is not None:
            status_code, message = failure.status_code, ""
        example = operation.examples.get(status_code) if operation else None
        body = {"message": "", **(example or {"requestId": ""}), "statusCode": status_code}
        body |= {"message": message} if message else {}
        body |= {"requestId": str(uuid4())} if "requestId" in body else {}
        return Reply(headers=failure.headers, content=json.dumps(body).encode())

    def _carry_out(self, operation: MockOperation | None, request: ReceivedRequest) -> tuple[int, str]:
        """Return the `statusCode` and the message. An empty message is that of the contract's example."""
        status_code, message = 200, ""
        try:
            if operation is None:
                known = ", ".join(f"{each.operation.method} {each.operation.path}" for each in self._operations)
                raise RefusedError(404, f"There is no {request.method} {request.path}. There is: {known}.")
            app_id = self._specification.header_names["app_id"]
            if not request.headers.get(app_id):
                raise RefusedError(400, f"The header {app_id} is missing.")
            self._deduplicate(operation.operation, validate_request(operation, request))
            if operation.fields and request.json is not None:
                self.sent.append(request.json)
        except RefusedError as error:
            status_code, message = error.status_code, error.message
        if self._print_line:
            self._print_line(on_one_line(f"{_describe(request)}: statusCode {status_code} {message}".rstrip()))
        return status_code, message

    def _deduplicate(self, operation: Operation[Any], required: Sequence[object]) -> None:
        """Refuse what was sent within the interval, if the operation has one."""
        if operation.deduplication_interval is None:
            return
        key = (operation.method, operation.path, *(str(value).casefold() for value in required))
        now = monotonic() + self._advanced
        passed = now - self._sent_at.get(key, -math.inf)
        if passed < operation.deduplication_interval:
            interval = f"the interval is {operation.deduplication_interval:g} s"
            raise RefusedError(429, f"Too many requests. The same was sent {passed:.0f} s ago, and {interval}.")
        self._sent_at[key] = now


def _describe(request: ReceivedRequest) -> str:
    """Return what a request asks for, with all values whole."""
    body = cast(dict[str, Any], request.json) if isinstance(request.json, dict) else {}
    query = (value for values in request.query.values() for value in values)
    return " ".join([request.method, request.path, *query, *map(str, body.values())])
