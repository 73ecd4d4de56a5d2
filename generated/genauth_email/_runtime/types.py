"""The types that models, endpoint functions and clients share."""

# Annotations are not postponed: public modules take classes from here as theirs, and names would be resolved there.

import re
from collections.abc import Callable, Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from .errors import APIError, Delivery, GenAuthError
from .redaction import share_text


def explain(kind: type[Enum], explanations: Mapping[Any, str]) -> None:
    """Give members of an enum their explanations, as `__doc__`."""
    for value, text in explanations.items():
        kind(value).__doc__ = text


def explanation_of(value: object) -> str:
    """Return the explanation of a member of an enum, or an empty string."""
    return str(value.__dict__.get("__doc__", "")) if isinstance(value, Enum) else ""


class Unset(Enum):
    """The type of `UNSET`. It is an enum, so that there is one `UNSET` also after `pickle` and `copy.deepcopy`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""The value of an optional field that is absent, or of an argument that is left out."""


class RequestModel(Protocol):
    """The model of a request body."""

    def with_checked_fields(self, within: str = "") -> Self: ...

    def to_dict(self) -> dict[str, Any]: ...


class ResponseModel(Protocol):
    """The model of a response."""

    @property
    def status_code(self) -> int: ...

    @property
    def message(self) -> str: ...

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self: ...


ResponseT = TypeVar("ResponseT", bound=ResponseModel)
ResponseT_co = TypeVar("ResponseT_co", bound=ResponseModel, covariant=True)


# No class here is made by attrs. That would take a tenth of the time to import the package.
class Operation(NamedTuple, Generic[ResponseT_co]):
    """An operation of the contract.

    Attributes:
        method: The HTTP method, in upper case.
        path: The path below the application's host, with `{name}` for each path parameter.
        response_model: The model that a response is read as.
        deduplication_interval: Within how many seconds the server refuses the same operation with `statusCode` 429.
            None: it does not, or the contract does not say so.
        failure_model: The model that a failure is read as. None: the response model, as it requires no more than every
            failure has.
    """

    method: str
    path: str
    response_model: type[ResponseT_co]
    deduplication_interval: float | None = None
    failure_model: type[ResponseModel] | None = None


class Specification(NamedTuple):
    """What the contract and the settings say of the package as a whole.

    Attributes:
        package: The name under which the package is installed.
        version: The version of the package.
        default_host: The host of a client that is told none.
        header_names: The name of the header for each option that is sent as one.
        fixed_headers: Headers that every request has.
        environment: The name of the environment variable for each option that has one.
        lang: The enum of the languages.
        errors: The error class for each documented `statusCode` other than 200.
        paths: The paths of the operations.
    """

    package: str
    version: str
    default_host: str
    header_names: Mapping[str, str]
    fixed_headers: Mapping[str, str]
    environment: Mapping[str, str]
    lang: type[Enum]
    errors: Mapping[int, type[APIError]]
    paths: tuple[str, ...] = ()


class Value:
    """Equal to another one that has the same attributes."""

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented


class Request(Value):
    """The request of a call, as errors and logs show it.

    Attributes:
        method: The HTTP method.
        url: The absolute URL.
        body: The model of the request body, if any.
        access_token: The access token that was sent, if any.
        deduplication_interval: Within how many seconds the server refuses the same operation with `statusCode` 429, if
            the contract says so.
    """

    def __init__(
        self,
        method: str,
        url: str,
        body: RequestModel | None = None,
        access_token: str | None = None,
        deduplication_interval: float | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.body = body
        self.access_token = access_token
        self.deduplication_interval = deduplication_interval

    def __str__(self) -> str:
        """One line for people. The `repr` of a request body masks what identifies a user."""
        return f"{self.method} {self.url}" + (f" {self.body!r}" if self.body is not None else "")

    def __repr__(self) -> str:
        return f"Request({self})"

    def show_id(self, request_id: str) -> str:
        """Return a request id of the server for errors and logs, or "***" if it may be something else.

        A server can repeat an address or the access token in any of its texts, in any spelling. Texts of the server are
        not shown, but for an id that is made of letters, digits and hyphens and that has nothing to do with the token.
        """
        is_id = re.fullmatch(r"[A-Za-z0-9-]{1,64}", request_id) is not None
        return request_id if is_id and not share_text(request_id, self.access_token or "") else "***"


class Response(Value, Generic[ResponseT_co]):
    """A response of the API, be it a success or a failure.

    Attributes:
        request: What was asked.
        http_status: The HTTP status. It is 200 even when the operation failed: see `parsed.status_code`.
        headers: The HTTP headers. Their names are compared without regard to case.
        content: The body, decompressed.
        parsed: The body as a model. `status_code` in it tells a success from a failure.
        earlier_error: The error of an earlier attempt of the same call that may have been carried out, if there was
            one. See the option `retry_unknown`.
    """

    def __init__(
        self,
        request: Request,
        http_status: int,
        headers: Mapping[str, str],
        content: bytes,
        parsed: ResponseT_co,
        earlier_error: GenAuthError | None = None,
    ) -> None:
        self.request = request
        self.http_status = http_status
        self.headers = headers
        self.content = content
        self.parsed = parsed
        self.earlier_error = earlier_error

    def __repr__(self) -> str:
        return f"Response(http_status={self.http_status!r}, parsed={self.parsed!r}, request={self.request!r})"


class AttemptDetails(NamedTuple):
    """Details of one attempt at a request, passed to `on_attempt`. They contain no secrets."""

    method: str
    """The HTTP method."""

    path: str
    """The path of the operation as the contract has it, with `{name}` for each path parameter."""

    number: int
    """1 for the first attempt of a call, 2 for its first retry."""

    duration: float
    """Seconds."""

    http_status: int | None
    """The HTTP status. None: there was no response."""

    status_code: int | None
    """The `statusCode`. None: there was no response of the API."""

    api_code: int | None
    """The `apiCode`. None: the API sent none."""

    request_id: str | None
    """The request id. None: the API sent none."""

    error: str | None
    """The name of the class of the error, such as `"ThrottleError"`. None: the attempt succeeded."""

    delivery: Delivery | None
    """Whether the operation may have been carried out despite the error. None: the attempt succeeded."""


IPAddress = IPv4Address | IPv6Address
"""An address as the standard library has it."""

OnAttempt = Callable[[AttemptDetails], object]
"""What the option `on_attempt` takes."""
