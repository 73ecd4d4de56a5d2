"""The table of faults on the wire and their outcomes."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    BadGatewayError,
    ForbiddenError,
    GenAuthError,
    InvalidResponseError,
    PayloadTooLargeError,
    SendEmailRespDto,
    ServerError,
    ServiceUnavailableError,
    ThrottleError,
    UnauthorizedError,
)

from tests.contract import facts
from tests.servers.raw import SUCCESS, Step, http

EMAIL = "test@example.com"
"""The recipient. Some responses contain it, but no error may."""

LIMIT = 1024 * 1024
"""The maximum number of bytes of a response's body that the client reads."""

PLAIN = "http://{address}"
TLS = "https://{address}"
TUNNEL = "https://example.genauth.ai"

Certificate = Literal["right", "self-signed", "untrusted", "expired", "of another host", "mutual"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a fault, in the columns of the table.

    Attributes:
        result: The class of the raised error or the returned response.
        delivery: The error's `delivery`.
        requests: How often the request reached the server in full.
        connections: How many connections the call opened.
        kept: How many of them were kept for the next call.
    """

    result: type[GenAuthError | SendEmailRespDto]
    delivery: Literal["not_sent", "unknown"] | None = None
    requests: int = 1
    connections: int = 1
    kept: int = 0


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    Attributes:
        name: A description for people.
        outcome: The expected outcome.
        steps: The server's actions, one for each request, until it is healthy again.
        url: The client's `app_host`.
        idle: The server's action on a connection that an earlier call left idle, before the call.
        port: What the server's port does with connections.
        certificate: The server's certificate. With one, the server uses TLS.
        proxied: Whether the environment names the server as the proxy.
        timeout: The call's timeout.
        keeps: The body that the error keeps, unless it is the last response's as sent.
        with_aiohttp: The outcome on aiohttp, if it differs. aiohttp reads on before it returns a response, so it
            notices mistakes in the body earlier, and may have read all of a body that is too long.
    """

    name: str
    outcome: Outcome
    steps: tuple[Step, ...] = ()
    url: str = PLAIN
    idle: Step | None = None
    port: Literal["accepts", "refuses", "is full"] = "accepts"
    certificate: Certificate | None = None
    proxied: bool = False
    timeout: float = 10.0
    keeps: bytes | None = None
    with_aiohttp: Outcome | None = None

    def outcome_for(self, kind: str) -> Outcome:
        return self.with_aiohttp if kind == "aiohttp" and self.with_aiohttp else self.outcome


SENT = Outcome(SendEmailRespDto, kept=1)
INVALID = Outcome(InvalidResponseError, "unknown", kept=1)
HALF = replace(INVALID, kept=0)
LOST = Outcome(APIConnectionError, "unknown")
UNREAD = replace(LOST, requests=0)
TIMED_OUT = Outcome(APITimeoutError, "unknown")
NOT_IN_TIME = replace(TIMED_OUT, delivery="not_sent", requests=0)
# A connection that cannot be opened is retried twice. One that cannot be trusted is not.
UNCONNECTED = Outcome(APIConnectionError, "not_sent", requests=0, connections=3)
UNREACHED = replace(UNCONNECTED, connections=0)
UNTRUSTED = replace(UNCONNECTED, connections=1)
# The contract can get a class for any of these.
WITHOUT_A_CLASS = [status for status in (407, 408, 418, 504, 520, 599) if status not in facts.FAILURES]
SILENCE = 0.3
DRIP = 0.01
GZIP = {"content-encoding": "gzip"}
HTML = f"<!doctype html><h1>Something is wrong</h1>{EMAIL}".encode()
AT_ONCE = {"retry-after": "0"}
ELSEWHERE = {"location": "https://elsewhere.example/"}


def refused(error: type[APIError], *, requests: int = 1) -> Outcome:
    return Outcome(error, "not_sent", requests, kept=1)


def failed(error: type[APIError]) -> Outcome:
    return Outcome(error, "unknown", kept=1)


BROKEN = failed(ServerError)
GATEWAY = failed(BadGatewayError)
THROTTLED = failed(ThrottleError)
UNAVAILABLE = failed(ServiceUnavailableError)


def sends(content: bytes, then: Literal["keep", "close", "reset", "hold"] = "keep") -> tuple[Step]:
    return (Step(content, then),)


def responds(status: int, body: bytes = HTML, headers: Mapping[str, str] | None = None) -> tuple[Step]:
    return sends(http(status, body, headers))


def endless(name: str, step: Step) -> Fault:
    return Fault(name, TIMED_OUT, (step,), timeout=SILENCE)


def dto(**fields: object) -> bytes:
    return json.dumps({**facts.SENT, "message": f"Sent to {EMAIL}."} | fields).encode()


def raw_dto(status_code: bytes) -> bytes:
    """Return a DTO with a `statusCode` that `json.dumps` would not write."""
    return dto(statusCode="?").replace(b'"?"', status_code)


def chunked(chunks: bytes) -> bytes:
    return HEADERS + b"transfer-encoding: chunked\r\n\r\n" + chunks


def bomb(size: int) -> bytes:
    """Return zeros in gzip. Each further MiB compresses to the same bytes, so one is enough."""
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(bytes(LIMIT)) + packer.flush(zlib.Z_FULL_FLUSH)
    other = packer.compress(bytes(LIMIT)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + other * (size // LIMIT - 1)


HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
NO_LENGTH = HEADERS + b"\r\n"
NESTED = b"[" * 100_000 + b"]" * 100_000
REFUSED = dto(statusCode=503)
HALF_A_DTO = dto()[: len(dto()) // 2]

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "No connection": (
        Fault("nobody listens", UNREACHED, port="refuses"),
        Fault("the name does not resolve", UNREACHED, url="http://nowhere.invalid"),
        Fault("the connection is not accepted", replace(NOT_IN_TIME, connections=0), port="is full", timeout=SILENCE),
        Fault("the certificate is self-signed", UNTRUSTED, url=TLS, certificate="self-signed"),
        Fault("the certificate is of an unknown CA", UNTRUSTED, url=TLS, certificate="untrusted"),
        Fault("the certificate has expired", UNTRUSTED, url=TLS, certificate="expired"),
        Fault("the certificate is for another host", UNTRUSTED, url=TLS, certificate="of another host"),
        Fault("the TLS handshake is cut", UNCONNECTED, (Step(then="close", reading="nothing"),) * 3, url=TLS),
        Fault(
            "silence in the TLS handshake",
            NOT_IN_TIME,
            (Step(then="hold", reading="nothing"),),
            url=TLS,
            timeout=SILENCE,
        ),
        Fault(
            "plain HTTP where TLS is expected",
            UNTRUSTED,
            (Step(http(400, HTML), then="close", reading="nothing"),),
            url=TLS,
        ),
        Fault("nobody listens where the proxy should", UNREACHED, url=TUNNEL, proxied=True, port="refuses"),
        *(
            Fault(
                f"the proxy responds with HTTP {status}",
                UNTRUSTED,
                responds(status, HTML, AT_ONCE),
                url=TUNNEL,
                proxied=True,
            )
            for status in (403, 407, 502, 503)
        ),
    ),
    "The connection breaks before a response": (
        Fault("accepted, and closed at once", UNREAD, (Step(b"", "close", "nothing", at_once=True),)),
        Fault("closed after half of the request", UNREAD, (Step(then="close", reading="half"),)),
        Fault("reset after half of the request", UNREAD, (Step(then="reset", reading="half"),)),
        Fault("closed after the request", LOST, sends(b"", "close")),
        Fault("reset after the request", LOST, sends(b"", "reset")),
        Fault("closed in the status line", LOST, sends(b"HTTP/1.1 2", "close")),
        Fault("closed after the status line", LOST, sends(b"HTTP/1.1 200 OK\r\n", "close")),
        Fault("closed in the headers", LOST, sends(HEADERS, "close")),
        Fault("reset in the headers", LOST, sends(HEADERS, "reset")),
        Fault("the server demands a client certificate", UNREAD, url=TLS, certificate="mutual"),
        Fault("TLS where plain HTTP is expected", UNREAD, certificate="untrusted"),
    ),
    "What comes is not HTTP": (
        Fault(
            "the greeting of a mail server", LOST, sends(f"220 mail.example.com for {EMAIL}\r\n\r\n".encode(), "close")
        ),
        Fault("a body without a status line and headers", LOST, sends(dto() + b"\r\n\r\n", "close")),
        Fault(
            "an HTTP 101 that nobody asked for",
            LOST,
            sends(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            with_aiohttp=HALF,
        ),
        Fault("a header without a name", LOST, sends(HEADERS + f": {EMAIL}\r\n\r\n".encode(), "close")),
        Fault("a header with a NUL in it", LOST, sends(HEADERS + f"x: \0 {EMAIL}\r\n\r\n".encode(), "close")),
        Fault("headers of more than 100 KiB", LOST, (Step(HEADERS, more=b"x: " + b"x" * 1000 + b"\r\n"),)),
        Fault("a Content-Length that is not a number", LOST, responds(200, dto(), {"content-length": "all"})),
        Fault("a negative Content-Length", LOST, responds(200, dto(), {"content-length": "-1"})),
        Fault("two Content-Lengths that differ", LOST, responds(200, dto(), {"Content-Length": "1"})),
        Fault("an unknown Transfer-Encoding", LOST, responds(200, dto(), {"transfer-encoding": "rot13"})),
    ),
    "Half a body": (
        Fault("closed in the body: Content-Length is longer", HALF, sends(SUCCESS[:-20], "close")),
        Fault("reset in the body", HALF, sends(SUCCESS[:-20], "reset")),
        Fault("closed in the body of HTTP 502", replace(GATEWAY, kept=0), sends(http(502, HTML)[:-9], "close")),
        Fault(
            "closed in the body of HTTP 503, Retry-After: 0",
            replace(UNAVAILABLE, kept=0),
            sends(http(503, HTML, AT_ONCE)[:-9], "close"),
        ),
        Fault(
            "Content-Length is shorter than the body",
            HALF,
            responds(200, dto(), {"content-length": "20"}),
            keeps=dto()[:20],
            with_aiohttp=LOST,
        ),
        Fault("more after the body than Content-Length says", replace(SENT, kept=0), sends(SUCCESS + SUCCESS)),
        Fault(
            "a chunk length that is not a number",
            HALF,
            sends(chunked(b"5\r\n%b\r\n%b\r\n" % (dto()[:5], EMAIL.encode()))),
            keeps=dto()[:5],
            with_aiohttp=LOST,
        ),
        Fault(
            "a chunk that is longer than it says",
            HALF,
            sends(chunked(b"5\r\n" + dto() + b"\r\n0\r\n\r\n")),
            keeps=dto()[:5],
            with_aiohttp=LOST,
        ),
        Fault("closed in a chunk", HALF, sends(chunked(b"ff\r\n" + HALF_A_DTO), "close"), keeps=HALF_A_DTO),
        Fault(
            "closed before the last chunk",
            HALF,
            sends(chunked(b"%x\r\n%b\r\n" % (len(dto()), dto())), "close"),
            keeps=dto(),
        ),
        Fault("a body without a length, closed at its end", replace(SENT, kept=0), sends(NO_LENGTH + dto(), "close")),
        Fault("a body without a length, closed halfway", HALF, sends(NO_LENGTH + HALF_A_DTO, "close")),
    ),
    "Silence": (
        endless("silence before the response", Step(then="hold")),
        endless("silence in the headers", Step(HEADERS, "hold")),
        endless("silence in the body: Content-Length is longer", Step(SUCCESS[:-20], "hold")),
        endless("silence after the header of HTTP 502", Step(http(502, HTML)[: -len(HTML)], "hold")),
        endless("the headers drip for ever", Step(HEADERS + b"x: ", more=b"x", pause=DRIP)),
        endless("HTTP 100 again and again, for ever", Step(more=b"HTTP/1.1 100 Continue\r\n\r\n", pause=DRIP)),
        endless("the body drips for ever", Step(NO_LENGTH, more=b" ", pause=DRIP)),
        endless("the chunks of the body drip for ever", Step(chunked(b""), more=b"1\r\n \r\n", pause=DRIP)),
    ),
    "A connection that was idle": (
        Fault("closed by the server while it was idle", SENT, idle=Step(then="close")),
        Fault("reset by the server while it was idle", SENT, idle=Step(then="reset")),
        Fault("told HTTP 408 while it was idle", SENT, idle=Step(http(408, HTML))),
        Fault("told HTTP 408 and closed while it was idle", SENT, idle=Step(http(408, HTML), then="close")),
        Fault("closed as the request comes", replace(LOST, connections=0), sends(b"", "close"), idle=Step()),
        Fault("reset as the request comes", replace(LOST, connections=0), sends(b"", "reset"), idle=Step()),
    ),
    "The HTTP status, without a response of the API": (
        *(
            Fault(f"HTTP {status}, then the response", SENT, sends(b"HTTP/1.1 %d Status\r\n\r\n" % status + SUCCESS))
            for status in (100, 102, 103)
        ),
        Fault("HTTP 200 with a login page", INVALID, responds(200)),
        Fault("HTTP 204", INVALID, responds(204, b"")),
        Fault("HTTP 304", INVALID, responds(304, b"")),
        *(
            Fault(f"HTTP {status} to another host", INVALID, responds(status, HTML, ELSEWHERE))
            for status in (301, 302, 303, 307, 308)
        ),
        *(
            Fault(f"HTTP {status}", failed(error), responds(status))
            for status, error in (
                (401, UnauthorizedError),
                (403, ForbiddenError),
                *((status, APIError) for status in WITHOUT_A_CLASS),
                (413, PayloadTooLargeError),
                (429, ThrottleError),
                (503, ServiceUnavailableError),
            )
        ),
        Fault(
            "HTTP 413 before the request is read, Connection: close",
            replace(failed(PayloadTooLargeError), requests=0, kept=0),
            (Step(http(413, HTML, {"connection": "close"}), "close", reading="head"),),
        ),
        *(
            Fault(
                f"HTTP {status}, Retry-After: {seconds}",
                failed(error),
                responds(status, HTML, {"retry-after": seconds}),
            )
            for status, error in ((429, ThrottleError), (503, ServiceUnavailableError))
            for seconds in ("0", "5")
        ),
        Fault("HTTP 500", BROKEN, responds(500)),
        Fault("HTTP 502 with HTML", GATEWAY, responds(502)),
        Fault("HTTP 999", INVALID, responds(999)),
    ),
    "The HTTP status, with a response of the API": (
        Fault("HTTP 201, statusCode 200", SENT, responds(201, dto())),
        Fault("HTTP 302, statusCode 200", INVALID, responds(302, dto(), ELSEWHERE)),
        Fault("HTTP 500, statusCode 200", BROKEN, responds(500, dto())),
        Fault("HTTP 503, Retry-After: 0, statusCode 200", UNAVAILABLE, responds(503, dto(), AT_ONCE)),
        Fault("HTTP 503, statusCode 503", UNAVAILABLE, responds(503, REFUSED)),
        Fault("HTTP 503, Retry-After: 0, statusCode 503", UNAVAILABLE, responds(503, REFUSED, AT_ONCE)),
        Fault("HTTP 429, Retry-After: 0, statusCode 503", UNAVAILABLE, responds(429, REFUSED, AT_ONCE)),
        Fault("HTTP 201, statusCode 503", UNAVAILABLE, responds(201, REFUSED)),
        Fault(
            "HTTP 503, the default error document of a framework",
            UNAVAILABLE,
            responds(503, dto(statusCode=503, error="Service Unavailable", message="Service Unavailable"), AT_ONCE),
        ),
        Fault(
            "HTTP 408, the default error document of a framework",
            failed(APIError),
            responds(408, b'{"message": "Request Timeout", "statusCode": 408}'),
        ),
        Fault("HTTP 500, statusCode 403", failed(ForbiddenError), responds(500, dto(statusCode=403))),
        Fault("HTTP 429, Retry-After: 0, statusCode 429", THROTTLED, responds(429, dto(statusCode=429), AT_ONCE)),
        Fault("HTTP 503, Retry-After: 0, statusCode 500", BROKEN, responds(503, dto(statusCode=500), AT_ONCE)),
        *(
            fault
            for what, headers in (
                ("", {}),
                (", Retry-After: 0", AT_ONCE),
                (", Retry-After a date that has come", {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}),
                (", Retry-After -1", {"retry-after": "-1"}),
            )
            for fault in (
                Fault(
                    f"HTTP 200{what}, statusCode 503, once", replace(SENT, requests=2), responds(200, REFUSED, headers)
                ),
                Fault(
                    f"HTTP 200{what}, statusCode 503, always",
                    refused(ServiceUnavailableError, requests=3),
                    responds(200, REFUSED, headers) * 3,
                ),
            )
        ),
        *(
            Fault(
                f"HTTP 200, Retry-After {when}, statusCode 503",
                refused(ServiceUnavailableError),
                responds(200, REFUSED, {"retry-after": value}),
            )
            for when, value in (
                ("a date far away", "Fri, 31 Dec 9999 23:59:59 GMT"),
                ("as long as `timeout`", "10"),
                ("of 400 digits", "9" * 400),
            )
        ),
        Fault("HTTP 200, statusCode 429", THROTTLED, responds(200, dto(statusCode=429), AT_ONCE)),
        Fault("HTTP 200, statusCode 500", BROKEN, responds(200, dto(statusCode=500))),
        Fault("HTTP 200, an unknown statusCode", failed(APIError), responds(200, dto(statusCode=facts.UNLISTED))),
        Fault(
            "HTTP 200, statusCode 403 and an unknown apiCode",
            refused(ForbiddenError),
            responds(200, dto(statusCode=403, apiCode=777777)),
        ),
    ),
    "The body of HTTP 200": (
        Fault("an empty body", INVALID, responds(200, b"")),
        *(Fault(f"`{body.decode()}`", INVALID, responds(200, body)) for body in (b"null", b"[]", b'"x"', b"{}")),
        Fault("HTML", INVALID, responds(200, HTML)),
        Fault("JSON that ends halfway", INVALID, responds(200, HALF_A_DTO)),
        Fault("JSON with a byte order mark", SENT, responds(200, b"\xef\xbb\xbf" + dto())),
        Fault("JSON in UTF-16", SENT, responds(200, dto().decode().encode("utf-16"))),
        Fault(
            "JSON encoded as Latin-1, not UTF-8",
            INVALID,
            responds(
                200, dto(message="?").replace(b"?", b"\xe9"), {"content-type": "application/json; charset=iso-8859-1"}
            ),
        ),
        Fault(
            "JSON in UTF-8, and another charset in Content-Type",
            SENT,
            responds(200, dto(), {"content-type": "text/html; charset=utf-16"}),
        ),
        Fault("statusCode twice, at last 200", SENT, responds(200, b'{"statusCode": 500, ' + dto()[1:])),
        Fault(
            "statusCode twice, at last 500",
            BROKEN,
            responds(200, b'{"statusCode": 200, ' + dto(statusCode=500)[1:]),
        ),
        Fault("apiCode and requestId `null`", SENT, responds(200, dto(apiCode=None, requestId=None))),
        Fault("no statusCode", INVALID, responds(200, b'{"message": "Sent."}')),
        Fault('statusCode `"200"`', INVALID, responds(200, dto(statusCode="200"))),
        Fault("statusCode 200.0", SENT, responds(200, dto(statusCode=200.0))),
        Fault("statusCode 200.5", INVALID, responds(200, dto(statusCode=200.5))),
        Fault("statusCode `true`", INVALID, responds(200, dto(statusCode=True))),
        Fault("statusCode `null`", INVALID, responds(200, dto(statusCode=None))),
        Fault("statusCode `NaN`", INVALID, responds(200, raw_dto(b"NaN"))),
        Fault("statusCode `1e999`", INVALID, responds(200, raw_dto(b"1e999"))),
        Fault("statusCode of 30 digits", failed(APIError), responds(200, raw_dto(b"9" * 30))),
        Fault("statusCode of 5000 digits", INVALID, responds(200, raw_dto(b"9" * 5000))),
        Fault("no message", INVALID, responds(200, b'{"statusCode": 200}')),
        Fault("message `null`", INVALID, responds(200, dto(message=None))),
        Fault("message a number", INVALID, responds(200, dto(message=5))),
        Fault("apiCode a string", INVALID, responds(200, dto(statusCode=403, apiCode="2333"))),
        Fault("requestId a number", INVALID, responds(200, dto(requestId=5))),
        Fault("unknown fields", SENT, responds(200, dto(more={"a": [1]}))),
        Fault("nested 100,000 deep", INVALID, responds(200, NESTED)),
        Fault("an unknown field, nested 100,000 deep", INVALID, responds(200, dto(more="?").replace(b'"?"', NESTED))),
    ),
    "The size and the encoding of the body": (
        Fault("a body of 1 MiB", SENT, responds(200, dto().ljust(LIMIT))),
        Fault("a body of 1 MiB and a byte", HALF, responds(200, dto().ljust(LIMIT + 1)), with_aiohttp=INVALID),
        Fault("a message 1 MiB long", HALF, responds(200, dto(message="x" * LIMIT)), with_aiohttp=INVALID),
        Fault(
            "a body of 64 MiB",
            HALF,
            (Step(http(200, headers={"content-length": f"{64 * LIMIT}"}), more=b"x" * 65536),),
            keeps=b"x" * LIMIT,
        ),
        Fault(
            "a body of 64 MiB, HTTP 502",
            replace(GATEWAY, kept=0),
            (Step(http(502, headers={"content-length": f"{64 * LIMIT}"}), more=b"x" * 65536),),
            keeps=b"x" * LIMIT,
        ),
        Fault("a body without end", HALF, (Step(NO_LENGTH, more=b"x" * 65536),), keeps=b"x" * LIMIT),
        Fault("gzip", SENT, responds(200, gzip.compress(dto()), GZIP)),
        Fault("gzip of two members", SENT, responds(200, gzip.compress(dto()[:9]) + gzip.compress(dto()[9:]), GZIP)),
        Fault("x-gzip", SENT, responds(200, gzip.compress(dto()), {"content-encoding": "x-gzip"})),
        Fault("an empty Content-Encoding", SENT, responds(200, dto(), {"content-encoding": ""})),
        Fault("a header of 9 KiB", SENT, responds(200, dto(), {"x": "x" * 9 * 1024})),
        Fault(
            "200 Set-Cookie headers", SENT, sends(SUCCESS.replace(b"\r\n", b"\r\n" + b"set-cookie: a=b\r\n" * 200, 1))
        ),
        Fault("deflate", INVALID, responds(200, zlib.compress(dto()), {"content-encoding": "deflate"})),
        Fault("gzip that ends halfway", INVALID, responds(200, gzip.compress(dto())[:20], GZIP)),
        Fault("a body labelled gzip that is not gzip", INVALID, responds(200, dto(), GZIP)),
        Fault("a gzip bomb of 64 MiB", INVALID, responds(200, bomb(64 * LIMIT), GZIP), keeps=bytes(LIMIT)),
        Fault(
            "an encoding that was not asked for",
            INVALID,
            responds(200, b"\x28\xb5\x2f\xfd", {"content-encoding": "zstd"}),
        ),
    ),
}
