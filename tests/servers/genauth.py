"""The package's mock server with a judge, to which every violation of the contract is an issue."""

import json
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from genauth_email import testing
from genauth_email._runtime.mock.server import Reply
from genauth_email.client import SPECIFICATION
from genauth_email.testing import ReceivedRequest

from .validation import Contract


class MockServer(testing.MockServer):
    """A mock server that validates each request and response. Issues that remain at the end are an error.

    Attributes:
        issues: The violations of the contract in requests and responses.
        in_front: Changes a request as a gateway in front of the server might, in the thread of the connection.
    """

    def __init__(self, contract: Contract) -> None:
        super().__init__(list(testing._OPERATIONS.values()), SPECIFICATION)
        self.issues: list[str] = []
        self.in_front: Callable[[ReceivedRequest], ReceivedRequest] = lambda request: request
        self._contract = contract
        self._queue: deque[tuple[Reply, bool, bool]] = deque()
        # The contract has a cache, and each connection has a thread.
        self._judging = Lock()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if self.issues and error == (None, None, None):
            raise AssertionError("\n".join(["the contract does not allow:", *self.issues]))

    def respond_next(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        http_status: int = 200,
        headers: Mapping[str, str] | None = None,
        validate: bool = True,
        carry_out: bool = False,
    ) -> None:
        """Respond to the next request with `body`, whatever it is.

        With `carry_out` the request is still carried out, as when a gateway loses the response. Several calls queue up.
        The content type is JSON unless `headers` has another. A response that violates the contract is an issue unless
        `validate` is False.
        """
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(http_status, {"content-type": "application/json", **(headers or {})}, content)
        self._queue.append((reply, validate, carry_out))

    @contextmanager
    def expect_issue(self, text: str) -> Generator[None]:
        """Expect the block to cause an issue that contains `text`. Its other issues remain."""
        before = len(self.issues)
        try:
            yield
        finally:
            caused = self.issues[before:]
            others = [issue for issue in caused if text not in issue]
            self.issues[before:] = others
        if others == caused:
            raise AssertionError(f"no issue contains {text!r}; the issues are {caused}")

    def _respond(self, request: ReceivedRequest) -> Reply:
        request = self.in_front(request)
        with self._judging:
            reply, validate, carry_out = self._queue.popleft() if self._queue else (None, True, True)
            if reply is None or carry_out:
                usual = super()._respond(request)
                reply = reply or usual
            else:
                self.received.append(request)
            what = f"{request.method} {request.path}"
            self._report(f"request {what}", self._contract.validate_request(request))
            if validate and reply.connection is None:
                self._report(f"response to {what}", self._contract.validate_response(request, reply))
        return reply

    def _report(self, what: str, issues: list[str]) -> None:
        if issues:
            self.issues.append(f"{what}: {'; '.join(issues)}")
