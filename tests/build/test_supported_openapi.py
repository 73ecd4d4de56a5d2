"""The supported parts of OpenAPI, on the wire and through both clients, and the page that lists them."""

import asyncio
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import httpx
import pytest
from openapi_python_client.strings import PythonIdentifier
from ruamel.yaml import YAML

from scripts.generate import main
from tests.servers import Contract, MockServer
from tests.servers.raw import RawServer

from .conftest import CHANNEL, ROOT, extend, link_inputs, replace
from .supported import IMPORTS, SUPPORTED
from .unsupported import UNSUPPORTED
from .wrong_contracts import FIRST_FIELD

PAGE = ROOT / "docs" / "supported-openapi.md"
OK = {"statusCode": 200, "message": "Done."}
USER = {"id": "u-1", "name": "Ada"}
KINDS = pytest.mark.parametrize("kind", ["sync", "asyncio"])


def generated(root: Path, name: str) -> ModuleType:
    """Generate a package with another name than the installed one, and import it."""
    replace(root / "generator-config.yml", "package_name_override: genauth_email", f"package_name_override: {name}")
    assert main([], root) == 0
    sys.path.insert(0, str(root / "generated"))
    return import_module(name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs with a contract that uses everything that is supported."""
    root = link_inputs(tmp_path_factory.mktemp("supported"))
    extend(root / "openapi.yaml", "supported.yaml")
    return root


@pytest.fixture(scope="module")
def package(root: Path) -> ModuleType:
    return generated(root, "supported_email")


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    """The contract as openapi-core needs it, which requires read-only fields in requests."""
    judge = root / "judge.yaml"
    judge.write_text((root / "openapi.yaml").read_text("utf-8").replace("required: [id, name]", "required: [name]"))
    return Contract(judge)


class Program:
    """A client of one kind, and the helpers that a program needs."""

    def __init__(self, package: ModuleType, kind: str, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._kind = kind
        self.package = package
        name = "AuthenticationClient" if kind == "sync" else "AsyncAuthenticationClient"
        self.client = getattr(package, name)("app123", url)

    def call(self, function: Any, *args: Any, **options: Any) -> Any:
        async def call() -> Any:
            return await function(*args, **options)

        is_async = inspect.iscoroutinefunction(function)
        return self._loop.run_until_complete(call()) if is_async else function(*args, **options)

    def of(self, module: ModuleType, suffix: str = "") -> Any:
        """Return the endpoint's function for this kind of client."""
        return getattr(module, self._kind + suffix)

    def close(self) -> None:
        self.call(self.client.close if self._kind == "sync" else self.client.aclose)
        self._loop.close()


@pytest.fixture
def server(contract: Contract) -> Generator[MockServer]:
    with MockServer(contract) as server:
        yield server


@pytest.fixture
def program(package: ModuleType, kind: str, server: MockServer) -> Generator[Program]:
    with closing(Program(package, kind, server.url)) as program:
        yield program


@KINDS
@pytest.mark.parametrize("row", SUPPORTED)
def test_supported_parts_are_right_on_the_wire(server: MockServer, program: Program, kind: str, row: str) -> None:
    def call(function: Any, *args: Any, response: Any = OK, **options: Any) -> Any:
        server.respond_next(response, validate=False)
        return program.call(function, *args, **options)

    def is_refused(expected: type[Exception], function: Any, *args: Any, **options: Any) -> str:
        count = len(server.received)
        with pytest.raises(expected) as caught:
            program.call(function, *args, **options)
        assert len(server.received) == count
        return str(caught.value)

    def get(fields: dict[str, Any]) -> Any:
        return call(program.client.get_user, "u-1", response=OK | {"data": USER | fields}).data

    names = {
        **{name: getattr(program.package, name) for name in program.package.__all__},
        **vars(import_module(f"{program.package.__name__}.api.users")),
        **{"server": server, "client": program.client, "of": program.of, "is_sync": kind == "sync"},
        **{"HERE": __file__, "OK": OK, "USER": USER, "call": call, "get": get, "is_refused": is_refused},
        "Failure": import_module(f"{program.package.__name__}.types").Failure,
        "last": lambda: server.received[-1],
        "sent": lambda: server.received[-1].json,
        "query": lambda: parse_qsl(urlsplit(server.received[-1].target).query, keep_blank_values=True),
    }
    exec(compile(IMPORTS + SUPPORTED[row], row, "exec"), names)


@KINDS
@pytest.mark.parametrize("codes", [{}, {"apiCode": 7, "requestId": "r-1"}], ids=str)
def test_a_failure_has_its_codes_whatever_the_response_model(
    server: MockServer, program: Program, codes: dict[str, Any]
) -> None:
    client, package = program.client, program.package
    for method, response, *arguments in (
        (client.send_email, package.SendEmailRespDto, "CHANNEL_LOGIN", "test@example.com"),
        (client.send_sms, package.SendSmsRespDto, "SMS_LOGIN", "13800000000"),
        (client.ping, package.PingRespDto),
    ):
        server.respond_next(OK)
        assert type(program.call(method, *arguments)) is response
        server.respond_next({"statusCode": 429, "message": "", **codes})
        with pytest.raises(package.ThrottleError) as caught:
            program.call(method, *arguments)
        assert (caught.value.api_code, caught.value.request_id) == (codes.get("apiCode"), codes.get("requestId"))


# A URL has to encode all of it, and a header cannot contain any of it.
HOSTILE = ["a\r\nx-injected: 1", "a\rb", "a\n", "\0", "\x7f", "\x85", "\u2028", "é", "🎂", " a", "a "]


def use_hostile_arguments(program: Program) -> None:
    client = program.client
    for value in HOSTILE:
        program.call(client.delete_user, value)
        program.call(client.list_users, search=value)
    # A lone surrogate cannot be encoded, and dots would lead out of the path.
    wrong = [(client.delete_user, {"user_id": value}) for value in ("", ".", "..", "\udcff")]
    wrong += [(client.list_users, {"x_trace": value}) for value in (*HOSTILE, "\udcff")]
    for method, arguments in [*wrong, (client.list_users, {"search": "\udcff"})]:
        with pytest.raises(ValueError, match=r"cannot be in a path|x-trace|surrogates"):
            program.call(method, **arguments)


@KINDS
def test_no_argument_breaks_out_of_its_place(package: ModuleType, kind: str) -> None:
    with RawServer() as server:
        with closing(Program(package, kind, server.url)) as program:
            use_hostile_arguments(program)
        requests = [request.split(b"\r\n") for request in server.finish()]

    urls = [urlsplit(first.split()[1].decode("ascii")) for first, *_ in requests]
    assert [unquote(url.path.split("/")[4]) for url in urls[::2]] == HOSTILE
    assert [parse_qs(url.query)["search"] for url in urls[1::2]] == [[value] for value in HOSTILE]
    assert {len(lines) for lines in requests} == {len(requests[0])}


# A value for each field of `User` except its id, which requests do not have.
EXAMPLES = YAML(typ="safe").load(Path(__file__).with_name("supported.yaml"))["components"]["examples"]
FIELDS: dict[str, Any] = EXAMPLES["User"]["value"]
FREE = {"free": {"f": [None]}, "anything": [1], "whatever": None}
# Only untyped fields accept this.
STRANGE = {"x": {"y": None}}


def test_a_field_of_any_kind_survives_decoding_and_encoding(package: ModuleType) -> None:
    user = package.User.from_dict(FIELDS | FREE)
    assert user.to_dict() == FIELDS | FREE
    assert user.additional_properties == {}
    for name in FIELDS:
        with pytest.raises((TypeError, ValueError, KeyError)):
            package.User.from_dict(FIELDS | {name: STRANGE})


def test_the_packages_mock_server_serves_and_checks_any_operation(package: ModuleType) -> None:
    testing = import_module(f"{package.__name__}.testing")
    assert isinstance(testing.api_error(603), package.CustomCodeError)
    with testing.mock_genauth() as server, package.AuthenticationClient("app123", server.url) as client:
        assert client.list_users().message == "Done by an example."
        client.send_sms("SMS_LOGIN", "13800000000")
        client.send_sms("SMS_LOGIN", "13800000001", phone_country_code="+86")
        with pytest.raises(package.ThrottleError):
            client.send_sms("SMS_LOGIN", "13800000000", phone_country_code="+86")
        client.send_sms("SMS_REGISTER", "13800000000")
        assert server.sent[1] == {"channel": "SMS_LOGIN", "phoneNumber": "13800000001", "phoneCountryCode": "+86"}
        client.delete_user("a/b")
        assert server.received[-1].path == "/api/v3/users/a%2Fb"
        client.note_user("u-1", "x")
        client.audit(x_reason="x")
        server.fail_next(status_code=603)
        with pytest.raises(package.CustomCodeError):
            client.ping()

        url, headers = f"{server.url}/api/v3/users/u-1", {"x-genauth-app-id": "app123"}
        assert httpx.put(url, json=FIELDS | FREE, headers=headers).json()["statusCode"] == 200
        for name in FIELDS:
            refused = httpx.put(url, json=FIELDS | {name: STRANGE}, headers=headers).json()
            assert refused["statusCode"] == 400, name


# Names that the generated functions, arguments and modules use too.
EVERYDAY_NAMES = [
    "answer", "array", "boolean", "client", "cls", "copy", "d", "d_1", "data", "date", "datetime", "encode",
    "field", "field_dict", "from", "headers", "id", "integer", "json", "list", "masked", "name", "null",
    "number", "one_of", "params", "quote", "request", "response", "self", "src_dict", "str", "string", "type",
    "types", "url", "uuid", "value",
]  # fmt: skip


def test_everyday_names_can_be_fields_and_arguments(inputs: Path) -> None:
    fields = "".join(f'        "{name}": {{type: string}}\n' for name in EVERYDAY_NAMES if name != "date")
    fields += "        date: {type: string, format: date}\n"
    replace(inputs / "openapi.yaml", "        email:\n", f"{fields}        email:\n")
    replace(inputs / "openapi.yaml", FIRST_FIELD, f"{fields}{FIRST_FIELD}")
    package = generated(inputs, "everyday_email")
    named: dict[str, Any] = {name: name for name in EVERYDAY_NAMES} | {"date": "2030-01-02"}
    sent = {"channel": CHANNEL, "email": "a@example.com", **named}
    for dto, value in ((package.SendEmailDto, sent), (package.SendEmailRespDto, OK | named)):
        assert dto.from_dict(value).to_dict() == value

    arguments = {str(PythonIdentifier(name, "field_")): value for name, value in named.items()}
    arguments["date"] = date(2030, 1, 2)
    for kind in ("sync", "asyncio"):
        with RawServer() as server, closing(Program(package, kind, server.url)) as program:
            program.call(program.client.send_email, CHANNEL, "a@example.com", **arguments)
            (request,) = server.received
        assert json.loads(request.partition(b"\r\n\r\n")[2]) == sent


def test_the_readme_marks_deprecated_parts(root: Path, package: ModuleType) -> None:
    readme = (root / "generated" / "README.md").read_text()
    marked = [line for line in readme.splitlines() if "**Deprecated.**" in line]
    assert [re.findall(r"\w+", line)[0] for line in marked] == ["list_old", "L"]


@pytest.mark.parametrize(("title", "rows"), [("Supported", SUPPORTED), ("Refused", UNSUPPORTED)])
def test_each_row_of_the_page_has_a_test_and_each_test_a_row(title: str, rows: dict[str, object]) -> None:
    _, _, section = PAGE.read_text("utf-8").partition(f"\n## {title}\n")
    table = re.findall(r"^\| (.+?) \| ", section.partition("\n## ")[0], re.MULTILINE)
    assert table[2:] == list(rows)


USER_PROGRAM = """\
from datetime import date, datetime
from typing import assert_type

from supported_email import Address, AsyncAuthenticationClient, AuthenticationClient, Color, Level, Special, Unset, User


def use(client: AuthenticationClient) -> None:
    client.list_users(ids=[1], color="red", level=Level.VALUE_16, born=date(2030, 1, 2))
    client.replace_user("u-1", "Ada", home=Address("Rome"), note=None, friends=[User("Eve")], colors=[Color.RED])
    assert_type(client.list_users().data, list[User] | None)
    assert_type(client.list_users().special, Special | None)
    user = assert_type(client.get_user("u-1").data, User)
    # Requests have users too, so a field can be unset.
    assert_type(user.seen, datetime | str | Unset)
    assert_type(user.color, Color | str | Unset)
    assert_type(user.friends, list[User] | Unset)
    assert_type(user.addresses, dict[str, Address] | Unset)


async def use_async(client: AsyncAuthenticationClient) -> None:
    assert_type((await client.get_user(user_id="u-1")).data, User)
"""


@pytest.mark.release
@pytest.mark.parametrize(
    "command",
    [
        ["mypy", "--strict", "--cache-dir=.mypy_cache", "-p", "supported_email", "-m", "program"],
        ["basedpyright", "--pythonpath", sys.executable],
    ],
    ids=lambda command: str(command[0]),
)
def test_supported_parts_type_check(root: Path, package: ModuleType, command: list[str]) -> None:
    generated = root / "generated"
    (generated / "program.py").write_text(USER_PROGRAM)
    (generated / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["supported_email", "program.py"]}'
    )
    tool = Path(sys.executable).with_name(command[0])
    done = subprocess.run([tool, *command[1:]], cwd=generated, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
