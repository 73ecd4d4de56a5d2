"""One call: the request, the attempts at it, and what comes of each. It knows nothing of sync or async."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, Generic, cast

from attrs import evolve

from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    GenAuthError,
    InvalidResponseError,
    api_error,
)
from .failure import read_failure
from .http import httpx
from .options import Options
from .request import Attempt, HTTPRequest, shorter
from .response import ResponseReader
from .retry import Outcome, RetryableError, RetryPolicy, delivery_of_outcome, library_errors, return_or_raise
from .serialization import integer
from .types import UNSET, AttemptDetails, Operation, Request, Response, ResponseT, Specification

logger: Final = logging.getLogger(__name__.partition(".")[0])


class Call(Generic[ResponseT]):
    """One call of an operation."""

    def __init__(
        self,
        operation: Operation[ResponseT],
        request: Request,
        http_request: HTTPRequest,
        options: Options,
        specification: Specification,
    ) -> None:
        self.request = request
        self.http_request = http_request
        self.retry_policy = RetryPolicy(
            max_retries=options.max_retries,
            seconds=options.seconds,
            deduplication_interval=operation.deduplication_interval if options.retry_unknown else None,
        )
        self._operation = operation
        self._on_attempt = options.on_attempt
        self._attempts = 0
        self._timeouts = options.timeouts
        self._errors = specification.errors
        self._attempt_started = 0.0

    def begin_attempt(self) -> tuple[Attempt, ResponseReader]:
        """Begin an attempt.

        Raises:
            RetryableError: The deadline has passed while the call waited for a retry.
        """
        policy = self.retry_policy
        timeouts = self._timeouts
        self._attempt_started = monotonic()
        if policy.last_error is not None:
            if self._attempt_started >= policy.send_by:
                raise policy.last_error
            left = policy.deadline - self._attempt_started
            logger.warning("%s: retrying after: %s", self.request, policy.last_error)
            timeouts = {step: shorter(seconds, left) for step, seconds in timeouts.items()}
        self._attempts += 1
        return Attempt(timeouts, policy.deadline, policy.send_by), ResponseReader(policy.deadline)

    def finish_attempt(
        self, attempt: Attempt, reader: ResponseReader, error: httpx.RequestError | None
    ) -> Response[ResponseT]:
        """Return or raise the outcome of an attempt.

        Args:
            attempt: The attempt.
            reader: The response, as far as it has come.
            error: What the HTTP library raised, if anything.

        Raises:
            GenAuthError: There is no response of the API.
            RetryableError: It is safe to retry.
        """
        if reader.timed_out:
            error = attempt.deadline_exceeded()
        outcome: Outcome
        if error is not None and (not reader.started or isinstance(error, httpx.TimeoutException)):
            outcome = self.map_transport_error(error, attempt)
        else:
            if error is not None:
                reader.body_error = f"it broke off: {error_message(error)}"
            outcome = self._read(reader)
        return self._settle(outcome, attempt)

    def map_transport_error(self, error: httpx.RequestError, attempt: Attempt) -> APIConnectionError:
        """Return the error of a request that has no response."""
        message = error_message(error)
        reason = f"{type(error).__name__}: {message}" if message else type(error).__name__
        self._log(reason)
        kind = APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
        not_sent = not attempt.body_started and isinstance(error, _BEFORE_SENDING)
        ours = kind(f"{reason} [{self.request}]", delivery="not_sent" if not_sent else "unknown")
        ours.__cause__ = cause_of(error, message)
        return ours

    def _settle(self, outcome: Outcome, attempt: Attempt) -> Response[ResponseT]:
        policy = self.retry_policy
        if attempt.times_sent > 1 and policy.unknown_error is None:
            # A refusal is then one of the last sending, and tells nothing of the others.
            text = f"the request was sent {attempt.times_sent} times by the http_client [{self.request}]"
            policy.unknown_error = APIConnectionError(text, delivery="unknown")
        is_safe_to_retry = policy.is_safe_to_retry(outcome, attempt.times_sent)
        if policy.unknown_error is None:
            if delivery_of_outcome(outcome) == "unknown":
                policy.unknown_error = (
                    outcome if isinstance(outcome, GenAuthError) else api_error(outcome, self._errors)
                )
        elif isinstance(outcome, GenAuthError):
            outcome = outcome.as_unknown()
        else:
            outcome = evolve(outcome, earlier_error=policy.unknown_error)
        self._tell(outcome)
        if is_safe_to_retry:
            reason = str(outcome) if isinstance(outcome, GenAuthError) else str(api_error(outcome, self._errors))
            raise RetryableError(reason.partition(f" [{self.request}")[0], outcome)
        return return_or_raise(outcome)

    def _read(self, reader: ResponseReader) -> Outcome:
        """Return the response of the API. Its `statusCode` decides, whatever the HTTP status."""
        content = reader.body()
        try:
            if reader.body_error:
                raise ValueError(reader.body_error)
            document: object = json.loads(content)
            if not isinstance(document, dict):
                raise TypeError(f"an object is expected, not {type(document).__name__}")
            parsed = self._parse(cast(dict[str, Any], document))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            self._log(f"HTTP {reader.status}, not a {self._operation.response_model.__name__}")
            return self._invalid_response(error, reader, content)
        self._log(f"HTTP {reader.status}", parsed)
        return Response(
            request=self.request,
            status_code=reader.status,
            headers=reader.headers,
            content=content,
            parsed=parsed,
        )

    def _parse(self, document: Mapping[str, Any]) -> ResponseT:
        if integer(document["statusCode"]) == 200:
            return self._operation.response_model.from_dict(document)
        # The endpoint function says so in its type, if the model is another one.
        model = cast(type[ResponseT], self._operation.failure_model or self._operation.response_model)
        return read_failure(model, document)

    def _invalid_response(self, error: Exception, reader: ResponseReader, content: bytes) -> GenAuthError:
        status = reader.status
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        model = self._operation.response_model.__name__
        text = f"HTTP {status} with a body that is not a {model}: {reason} [{self.request}]"
        ours: GenAuthError
        if 400 <= status <= 599:
            # It comes from something in between, which may have sent it after the server had the whole request.
            ours = self._errors.get(status, APIError)(
                text, status_code=status, http_status=status, headers=reader.headers, content=content
            )
        else:
            ours = InvalidResponseError(text, http_status=status, headers=reader.headers, content=content)
        # The repr of a UnicodeDecodeError is the whole body.
        ours.__cause__ = ValueError(str(error)) if isinstance(error, UnicodeDecodeError) else error
        return ours

    def _tell(self, outcome: Outcome) -> None:
        """Call the user's `on_attempt`."""
        if self._on_attempt is None:
            return
        parsed: Any = None
        error: GenAuthError | None
        if isinstance(outcome, GenAuthError):
            error, http_status = outcome, getattr(outcome, "http_status", None)
        else:
            parsed, http_status = outcome.parsed, outcome.status_code
            error = None if parsed.status_code == 200 else api_error(outcome, self._errors)
        api_code, request_id = getattr(parsed, "api_code", UNSET), getattr(parsed, "request_id", UNSET)
        details = AttemptDetails(
            method=self.request.method,
            path=self._operation.path,
            number=self._attempts,
            duration=monotonic() - self._attempt_started,
            http_status=http_status,
            status_code=None if parsed is None else int(parsed.status_code),
            api_code=None if api_code is UNSET else int(api_code),
            request_id=None if request_id is UNSET else self.request.redact(request_id),
            error=type(error).__name__ if error else None,
            delivery=error.delivery if error else None,
        )
        try:
            self._on_attempt(details)
        except Exception:
            # The outcome of a call matters more: an email may have gone out.
            logger.exception("on_attempt raised an exception")

    def _log(self, what: str, parsed: Any = None) -> None:
        if not logger.isEnabledFor(logging.DEBUG):
            return
        if parsed is not None:
            what += f", statusCode {int(parsed.status_code)}"
            if request_id := getattr(parsed, "request_id", UNSET):
                what += f", request id {self.request.redact(request_id)}"
        logger.debug("%s: %s, in %.0f ms", self.request, what, (monotonic() - self._attempt_started) * 1000)


# Errors that come before a request is sent. Others claim to come later: a transport in a test can raise them without
# having asked for the request body.
_BEFORE_SENDING: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)


def error_message(error: httpx.RequestError) -> str:
    """Return what an error says, in words where the HTTP library has none. It quotes nothing that a server sent."""
    errors = list(library_errors(error))
    if any(isinstance(each, ssl.SSLError) and getattr(each, "reason", None) in _NOT_TLS for each in errors):
        return "the server does not speak TLS: it may need http:// in place of https://"
    if any(isinstance(each, IndexError) for each in errors):  # What asyncio makes of an end within a handshake.
        return "the connection was closed"
    if type(error) in _TIMEOUTS and any(type(each) is TimeoutError for each in errors):
        return _TIMEOUTS[type(error)]
    return next((text for each in errors if (text := str(each).partition(_QUOTE)[0])), "")


def cause_of(error: httpx.RequestError, message: str) -> httpx.RequestError:
    """Return an error as the cause of ours: a new one if it quotes what a server sent, which can be an address."""
    if any(_QUOTE in str(each) for each in library_errors(error)):
        return type(error)(message)
    return error


# h11 quotes a line that is not HTTP so.
_QUOTE: Final = ": bytearray("
# What the HTTP library says of its timeouts is of no use to a reader, and differs from time to time.
_TIMEOUTS: Final[Mapping[type[httpx.RequestError], str]] = {
    httpx.ConnectTimeout: "there was no connection in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.ReadTimeout: "there was no response in time",
}
# How OpenSSL calls what is not TLS, in several versions.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
