"""One call of an operation, without I/O: its attempts, what comes of each, and the pauses between them.

A driver asks `begin_attempt` for an attempt, sends it, and hands the result to `finish_attempt`, which says whether to
pause and go on. There is one driver for each kind of client, in `client`.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from random import uniform
from time import monotonic
from typing import Any, Final, Generic, cast

from .errors import APIConnectionError, GenAuthError, with_details
from .failure import read_failure
from .fields import INTEGER
from .http import httpx
from .options import Options
from .outcomes import api_error, connection_error, describe_body, error_message, http_error
from .transport.request import Attempt, ClientClosedError, HTTPRequest
from .transport.response import ResponseReader
from .types import AttemptDetails, Operation, Request, Response, ResponseT, Specification

# Seconds.
FIRST_BACKOFF: Final = 0.5
MAX_BACKOFF: Final = 5.0
MAX_RETRY_AFTER: Final = 60.0  # The longest wait for a server where the call has no timeout.
DEDUPLICATION_MARGIN: Final = 5.0
"""How long before the end of its deduplication interval an operation is repeated for the last time."""

logger: Final = logging.getLogger(__name__.partition(".")[0])
# Without a handler of the program, Python would print warnings to stderr.
logger.addHandler(logging.NullHandler())


class Call(Generic[ResponseT]):
    """One call of an operation.

    Attributes:
        http_request: The request to send in each attempt.
    """

    def __init__(
        self,
        operation: Operation[ResponseT],
        request: Request,
        http_request: HTTPRequest,
        options: Options,
        specification: Specification,
    ) -> None:
        now = monotonic()
        self.http_request = http_request
        self._operation = operation
        self._request = request
        self._options = options
        self._errors = specification.errors
        self._deadline = now + options.seconds
        # An attempt whose outcome is unknown is repeated only until then. None: never.
        self._repeat_by: float | None = None
        if options.retry_unknown and operation.deduplication_interval is not None:
            self._repeat_by = now + operation.deduplication_interval - DEDUPLICATION_MARGIN
        self._attempts = 0
        self._attempt_started = now
        # What the last attempt came to: a response, an error, or both where the API responded with a failure.
        self._response: Response[ResponseT] | None = None
        self._error: GenAuthError | None = None
        # The first error after which it is unknown whether the operation was carried out.
        self._unknown_error: GenAuthError | None = None

    @property
    def _send_by(self) -> float:
        """When the sending of a request must have begun, by `monotonic`."""
        if self._unknown_error is None or self._repeat_by is None:
            return self._deadline
        return min(self._deadline, self._repeat_by)

    def begin_attempt(self) -> Attempt | None:
        """Begin an attempt. None: the time for it passed during the pause."""
        self._attempt_started = monotonic()
        send_by = self._send_by
        if self._error is not None:
            if self._attempt_started >= send_by:
                return None
            reason = str(self._error).partition(f" [{self._request}")[0]
            logger.warning("%s: retrying after: %s", self._request, reason)
        self._attempts += 1
        return Attempt(self._options.timeouts, self._deadline, send_by)

    def finish_attempt(self, attempt: Attempt, failure: httpx.RequestError | ClientClosedError | None) -> float | None:
        """Take what came of an attempt, and say what to do next.

        Args:
            attempt: The attempt, with the response as far as it has come.
            failure: The error that the HTTP library raised, if any.

        Returns:
            The seconds to pause before the next attempt. None: the call is over, and `result` has its outcome.

        Raises:
            RuntimeError: The client was closed before the first attempt.
        """
        if isinstance(failure, ClientClosedError):
            if self._error is None:
                raise failure
            return None  # The client was closed during the pause, so the attempt before it was the last one.
        reader = attempt.reader
        if reader.timed_out:
            failure = attempt.deadline_exceeded()
        response: Response[ResponseT] | None = None
        error: GenAuthError | None = None
        if failure is not None and (not reader.started or isinstance(failure, httpx.TimeoutException)):
            error = connection_error(failure, attempt, self._request)
            self._log(str(error).partition(f" [{self._request}")[0])
        else:
            if failure is not None:
                reader.body_error = f"it broke off: {error_message(failure)}"
            response, error = self._read(reader)
        if attempt.times_sent > 1 and self._unknown_error is None:
            # A refusal then belongs to the last sending, and says nothing about the others.
            text = f"the request was sent {attempt.times_sent} times by the http_client [{self._request}]"
            self._unknown_error = APIConnectionError(text, {"delivery": "unknown"})
        is_safe = self._is_safe_to_retry(error, attempt)
        self._settle(response, error)
        self._notify()
        return self._pause() if is_safe else None

    def result(self) -> Response[ResponseT]:
        """Return the response of the last attempt, whether a success or a failure of the API.

        Raises:
            GenAuthError: There is no response of the API.
        """
        if self._response is not None:
            return self._response
        assert self._error is not None
        raise self._error from self._error.__cause__

    def _is_safe_to_retry(self, error: GenAuthError | None, attempt: Attempt) -> bool:
        """Return True if another attempt cannot carry out the operation twice, and might succeed."""
        if error is None or 429 in (error.status_code, error.http_status):
            return False
        if error.delivery == "unknown" or attempt.times_sent > 1:
            return self._repeat_by is not None
        return error.retryable

    def _settle(self, response: Response[ResponseT] | None, error: GenAuthError | None) -> None:
        """Keep what an attempt came to, in the light of the attempts before it."""
        if self._unknown_error is None:
            if error is not None and error.delivery == "unknown":
                self._unknown_error = error
        elif response is not None:
            response.earlier_error = self._unknown_error
            error = None if error is None else api_error(response, self._errors)
        elif error is not None:
            error = with_details(error, delivery="unknown", retryable=False)
        self._response, self._error = response, error

    def _pause(self) -> float | None:
        """Return the seconds to pause before the next attempt. None: no time is left, or all retries are used up."""
        if self._attempts > self._options.max_retries:
            return None
        left = self._send_by - monotonic()
        if self._error is not None and (wait := self._error.retry_after) is not None:
            return wait if wait < (MAX_RETRY_AFTER if left == math.inf else left) else None
        # Half of what is left, so that the attempt itself has time, too.
        longest = min(FIRST_BACKOFF * 2 ** (self._attempts - 1), MAX_BACKOFF, left / 2)
        return uniform(0, longest) if longest > 0 else None

    def _read(self, reader: ResponseReader) -> tuple[Response[ResponseT] | None, GenAuthError | None]:
        """Return the response of the API and its error. Its `statusCode` decides, but a success has HTTP 2xx too."""
        content = reader.body()
        try:
            if reader.body_error:
                raise ValueError(reader.body_error)
            document: object = json.loads(content)
            if not isinstance(document, dict):
                raise TypeError(f"an object is expected, not {type(document).__name__}")
            parsed = self._parse(cast(dict[str, Any], document))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            model = self._operation.response_model.__name__
            self._log(f"HTTP {reader.status}, not a {model}")
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            ours = self._http_error(f"a body that is not a {model}: {reason}", {}, reader, content)
            # The repr of a UnicodeDecodeError is the whole body.
            ours.__cause__ = ValueError(str(error)) if isinstance(error, UnicodeDecodeError) else error
            return None, ours
        if logger.isEnabledFor(logging.DEBUG):
            self._log(f"HTTP {reader.status}, {describe_body(parsed, self._request)[0]}")
        if parsed.status_code == 200 and not 200 <= reader.status <= 299:
            return None, self._http_error(*describe_body(parsed, self._request), reader, content)
        response = Response(
            request=self._request,
            http_status=reader.status,
            headers=reader.headers,
            content=content,
            parsed=parsed,
        )
        return response, None if parsed.status_code == 200 else api_error(response, self._errors)

    def _http_error(
        self, reason: str, details: Mapping[str, Any], reader: ResponseReader, content: bytes
    ) -> GenAuthError:
        return http_error(reason, reader, content, self._request, self._errors, details)

    def _parse(self, document: Mapping[str, Any]) -> ResponseT:
        if INTEGER.decode(document["statusCode"]) == 200:
            return self._operation.response_model.from_dict(document)
        # The endpoint function says so in its type, if the model is another one.
        model = cast(type[ResponseT], self._operation.failure_model or self._operation.response_model)
        return read_failure(model, document)

    def _notify(self) -> None:
        """Call the user's `on_attempt`."""
        if self._options.on_attempt is None:
            return
        response, error = self._response, self._error
        http_status, request_id = (None, None) if error is None else (error.http_status, error.request_id)
        if response is not None:
            http_status, request_id = response.http_status, getattr(response.parsed, "request_id", None)
        details = AttemptDetails(
            method=self._request.method,
            path=self._operation.path,
            number=self._attempts,
            duration=monotonic() - self._attempt_started,
            http_status=http_status,
            status_code=200 if error is None else error.status_code,
            api_code=None if error is None else error.api_code,
            request_id=self._request.show_id(request_id) if isinstance(request_id, str) else None,
            error=None if error is None else type(error).__name__,
            delivery=None if error is None else error.delivery,
        )
        try:
            self._options.on_attempt(details)
        except Exception:
            # The outcome of a call matters more: an email may have been sent.
            logger.exception("on_attempt raised an exception")

    def _log(self, what: str) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s: %s, in %.0f ms", self._request, what, (monotonic() - self._attempt_started) * 1000)
