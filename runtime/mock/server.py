"""The mock server: what GenAuth does, as far as the contract says it."""

# Annotations are not postponed: public modules take classes from here as theirs, and names would be resolved there.

import json
import math
import re
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from time import monotonic
from typing import Any, Literal, Self, cast, overload
from urllib.parse import parse_qs
from uuid import uuid4

from ..fields import INTEGER, NUMBER
from ..types import Operation, RequestModel, Specification
from .errors import HTML, retry_after_header, validate_http_status

Connection = Literal["broken", "silent"]


@dataclass(frozen=True)
class MockOperation:
    """An operation as the mock server knows it.

    Attributes:
        operation: Method, path and deduplication interval.
        examples: An example of a response for each `statusCode` that has one.
        read_body: Reads the JSON object of a request body, and raises an error for one that the contract does not
            allow. None: the operation has no body.
        required: The names of what every request has: fields of the body, query parameters, headers in lower case.
    """

    operation: Operation[Any]
    examples: Mapping[int, Mapping[str, Any]]
    read_body: Callable[[Mapping[str, Any]], RequestModel] | None = None
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the mock server received.

    Attributes:
        method: The HTTP method, in upper case.
        target: The path and the query, as they were sent.
        headers: The headers, with their names in lower case.
        body: The request body, as it was sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        """The values of each query parameter, decoded."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The request body, parsed. None: it is empty, or not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Reply:
    """What a request gets.

    Attributes:
        http_status: The HTTP status.
        headers: The headers, without the length of the content.
        content: The body.
        connection: "broken": it is closed without a response. "silent": nothing is sent until the client closes it.
    """

    http_status: int
    headers: Mapping[str, str]
    content: bytes
    connection: Connection | None = None


class MockServer:
    """A mock of GenAuth on the loopback interface and a free port. Use it in a `with` or an `async with` statement.

    It sends nothing to anybody. Like the API, it responds with HTTP 200 and a `statusCode`: 200, 400 for a request that
    the contract does not allow, 404 for another method or path, and 429 for the same request within an interval, where
    the contract gives the operation one. Requests are the same if they agree in all that is required of them.

    Attributes:
        url: Where it runs: the `app_host` of a client.
        received: All requests, in order.
        sent: The bodies of the requests that were carried out, in order, such as the emails "sent".
    """

    def __init__(self, operations: Sequence[MockOperation], specification: Specification, port: int = 0) -> None:
        self.url: str
        self.received: list[ReceivedRequest] = []
        self.sent: list[dict[str, Any]] = []
        # A path without parameters comes before one with them.
        self._operations = sorted(operations, key=lambda each: each.operation.path.count("{"))
        self._app_id_header = specification.header_names["app_id"]
        self._port = port
        self._failures: deque[tuple[int | None, Reply, bool]] = deque()
        self._sent_at: dict[tuple[str, ...], float] = {}
        self._advanced = 0.0
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._server = _HTTPServer(self._respond, self._port)
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
            TypeError: `seconds` is not a number.
            ValueError: `seconds` is negative.
        """
        if not NUMBER.check("seconds", seconds) >= 0:
            raise ValueError(f"seconds must be 0 or more, not {seconds}")
        self._advanced += seconds

    def reset(self) -> None:
        """Forget all requests and failures that are queued, and set the clock back: for a server of several tests."""
        with self._lock:
            for each in (self.received, self.sent, self._failures, self._sent_at):
                each.clear()
            self._advanced = 0.0

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
        ways = {"status_code": status_code, "http_status": http_status, "connection": connection}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            shown = " and ".join(given) or "none of them"
            raise TypeError(f"pass exactly one of {', '.join(ways)}, not {shown}")
        for name, value in {**ways, "retry_after": retry_after}.items():
            if value is not None and name != "connection":
                INTEGER.check(name, value)
        if status_code == 200:
            raise ValueError("statusCode 200 is success")
        if http_status is not None:
            validate_http_status(http_status)
        if connection not in (None, "broken", "silent"):
            raise ValueError(f'connection must be "broken" or "silent", not {connection!r}')
        headers = {"content-type": "text/html", **retry_after_header(retry_after)}
        self._failures.append((status_code, Reply(http_status or 200, headers, HTML, connection), carried_out))

    def _respond(self, request: ReceivedRequest) -> Reply:
        """Return what a request gets. It is called in the thread of the connection."""
        with self._lock:
            self.received.append(request)
            code, reply, carried_out = self._failures.popleft() if self._failures else (200, Reply(200, {}, b""), True)
            operation = self._find(request)
            status_code, message = self._carry_out(operation, request) if carried_out else (200, "")
        if code is None:
            return reply
        if code != 200:
            status_code, message = code, ""
        example = operation.examples.get(status_code) if operation else None
        body = {"statusCode": status_code, "message": "", **(example or {"requestId": ""})}
        body |= {"message": message} if message else {}
        body |= {"requestId": str(uuid4())} if "requestId" in body else {}
        return Reply(200, {**reply.headers, "content-type": "application/json"}, json.dumps(body).encode())

    def _find(self, request: ReceivedRequest) -> MockOperation | None:
        for each in self._operations:
            pattern = re.sub(r"\\{.*?\\}", "[^/]+", re.escape(each.operation.path))
            if each.operation.method == request.method and re.fullmatch(pattern, request.path):
                return each
        return None

    def _carry_out(self, mocked: MockOperation | None, request: ReceivedRequest) -> tuple[int, str]:
        """Return the `statusCode` and the message. An empty message stands for the one of the contract's example."""
        if mocked is None:
            known = ", ".join(f"{each.operation.method} {each.operation.path}" for each in self._operations)
            return 404, f"There is no {request.method} {request.path}. There is: {known}."
        if not request.headers.get(self._app_id_header):
            return 400, f"The header {self._app_id_header} is missing."
        try:
            body = _read_body(mocked, request)
            given = {**request.headers, **request.query, **(body or {})}
            required = [str(given[name]).casefold() for name in mocked.required]
        except KeyError as error:
            return 400, f"{error.args[0]} is missing."
        except (TypeError, ValueError) as error:
            return 400, f"The request is not allowed: {error}."
        key = (request.method, request.path, *required)
        now = monotonic() + self._advanced
        passed = now - self._sent_at.get(key, -math.inf)
        interval = mocked.operation.deduplication_interval
        if interval is not None and passed < interval:
            return 429, f"Too many requests. The same was sent {passed:.0f} s ago, and the interval is {interval:g} s."
        self._sent_at[key] = now
        if body is not None:
            self.sent.append(body)
        return 200, ""


def _read_body(mocked: MockOperation, request: ReceivedRequest) -> dict[str, Any] | None:
    """Return the JSON object that an operation is sent, if any, when its model can read it."""
    if mocked.read_body is None or not request.body:
        return None
    content_type = request.headers.get("content-type", "none")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ValueError(f"the content type must be application/json, not {content_type}")
    if not isinstance(request.json, dict):
        raise TypeError("the body must be a JSON object")
    body = cast(dict[str, Any], request.json)
    allowed = mocked.read_body(body).to_dict()
    for name in body:
        if name not in allowed:
            raise ValueError(f"the contract has no {name!r} there")
    return body


class _HTTPServer(ThreadingTCPServer):
    """Serves on the loopback interface from threads of its own, until `stop`."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, respond: Callable[[ReceivedRequest], Reply], port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self._connections: set[Any] = set()
        self._stopped = False
        self._thread = Thread(target=self._serve, name="mock GenAuth", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # `serve_forever` notices only at its next poll that it is to end.
        while not self._stopped:
            self.handle_request()

    def stop(self) -> None:
        """Close the port and all connections, and wait for the threads."""
        self._stopped = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server_address[1])):
            self._thread.join()
        for connection in list(self._connections):
            with suppress(OSError):  # Its client may have closed it.
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may hang up at any time.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # It keeps connections open.
    disable_nagle_algorithm = True
    server: _HTTPServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        # Our clients state the length of each body.
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self.send_error(411)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return  # The client has hung up.
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        # `self.path` begins with one slash where two were sent.
        target = self.requestline.split()[1]
        reply = self.server.respond(ReceivedRequest(self.command, target, headers, body))
        if reply.connection is not None:
            self.close_connection = True
            if reply.connection == "silent":
                self.connection.recv(1)
            return
        self.send_response(reply.http_status)
        for name, value in {**reply.headers, "content-length": str(len(reply.content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.content)

    do_DELETE = do_GET = do_OPTIONS = do_PATCH = do_PUT = do_TRACE = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None: ...
