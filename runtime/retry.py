"""When a call is retried: only where it is safe, and within the call's time."""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

from .errors import Delivery, GenAuthError, delivery_of, parse_retry_after
from .http import httpx
from .types import Response

# Seconds.
_MAX_BACKOFF: Final = 5.0
_MAX_RETRY_AFTER: Final = 60.0  # The longest that is waited for, where the call has no timeout.
DEDUPLICATION_MARGIN: Final = 5.0
"""How much earlier than the end of its deduplication interval an operation is repeated for the last time."""

Outcome = Response[Any] | GenAuthError


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not str(getattr(record, "stamina.caused_by", "")).startswith(RetryableError.__name__)


# The call logs each retry, with its request. stamina would log it once more.
logging.getLogger("stamina").addFilter(_is_not_ours)


class RetryableError(Exception):
    """An attempt failed in a way that makes it safe to retry.

    Attributes:
        outcome: What the caller gets if there is no other attempt.
    """

    def __init__(self, reason: str, outcome: Outcome) -> None:
        super().__init__(reason)
        self.outcome = outcome


class RetryPolicy:
    """Decides on the retries of one call. Exponential backoff with jitter is stamina's.

    Args:
        max_retries: How many retries there are at most.
        seconds: What the call may take.
        deduplication_interval: Within how many seconds the server refuses to carry the operation out again. None: an
            attempt whose outcome is unknown is never repeated.

    Attributes:
        deadline: When the call's time is up, by `monotonic`.
        last_error: The error of the attempt before this one, if this one is a retry.
        unknown_error: The first error after which it is unknown whether the operation was carried out.
    """

    def __init__(self, max_retries: int, seconds: float, deduplication_interval: float | None) -> None:
        now = monotonic()
        self.max_retries = max_retries
        self.deadline = now + seconds
        self.last_error: RetryableError | None = None
        self.unknown_error: GenAuthError | None = None
        self._repeat_by = (
            None if deduplication_interval is None else now + deduplication_interval - DEDUPLICATION_MARGIN
        )
        self._max_backoff = 0.0

    @property
    def send_by(self) -> float:
        """When the sending of a request must have begun, by `monotonic`."""
        if self.unknown_error is None or self._repeat_by is None:
            return self.deadline
        return min(self.deadline, self._repeat_by)

    def is_safe_to_retry(self, outcome: Outcome, times_sent: int) -> bool:
        """Tell whether another attempt cannot have the operation carried out twice, and may end better."""
        delivery = delivery_of_outcome(outcome)
        if delivery is None:
            return False
        if delivery == "unknown" or times_sent > 1:
            return self._repeat_by is not None
        if isinstance(outcome, GenAuthError):
            return is_transient(outcome.__cause__)
        return retry_after_refusal(outcome) is not None

    def stamina_arguments(self) -> dict[str, Any]:
        """Return the arguments of `stamina.retry_context`, once the first attempt has failed."""
        left = max(self.send_by - monotonic(), 0)
        # So that all attempts fit into the time left, if they take no time themselves.
        self._max_backoff = min(_MAX_BACKOFF, left / (self.max_retries + 1))
        return {
            "on": self.backoff,
            "attempts": self.max_retries + 1,
            "timeout": None,
            "wait_max": self._max_backoff,
        }

    def backoff(self, error: BaseException) -> bool | float:
        """Tell stamina whether to retry, and after how many seconds if the server said it."""
        if not isinstance(error, RetryableError):
            return False
        outcome = error.outcome
        retry_after = None if isinstance(outcome, GenAuthError) else retry_after_refusal(outcome)
        left = _MAX_RETRY_AFTER if self.send_by == math.inf else self.send_by - monotonic()
        if left <= (self._max_backoff if retry_after is None else retry_after):
            return False
        self.last_error = error
        return True if retry_after is None else retry_after


def return_or_raise(outcome: Outcome) -> Response[Any]:
    """Return a response, or raise an error."""
    if isinstance(outcome, GenAuthError):
        raise outcome from outcome.__cause__
    return outcome


def delivery_of_outcome(outcome: Outcome) -> Delivery | None:
    """Return whether the operation can have been carried out. None: it was."""
    if isinstance(outcome, GenAuthError):
        return outcome.delivery
    status_code = outcome.parsed.status_code
    return None if status_code == 200 else delivery_of(status_code)


def retry_after_refusal(response: Response[Any]) -> float | None:
    """Return the seconds after which the server asks to repeat an operation that it has refused."""
    status_code = response.parsed.status_code
    # 429 is also the rule of one email per minute, which lasts longer than a retry waits.
    if response.status_code in (429, 503) and status_code != 429 and delivery_of(status_code) == "not_sent":
        return parse_retry_after(response.headers)
    return None


def is_transient(error: BaseException | None) -> bool:
    """Tell whether an error of connecting may be temporary. The refusal of a proxy and an error of TLS would repeat."""
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return False
    return not any(
        isinstance(each, ssl.SSLError) and not isinstance(each, ssl.SSLEOFError) for each in library_errors(error)
    )


def library_errors(error: BaseException) -> Iterator[BaseException]:
    """Yield an error of the HTTP library and what it wraps.

    What httpcore wraps can be an argument only. Contexts are left out: they lead to what the caller is handling.
    """
    pending: list[BaseException] = [error]
    seen = set[int]()
    while pending:
        each = pending.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [part for part in (each.__cause__, *each.args) if isinstance(part, BaseException)]
