"""Check the contract before the generator reads it.

The generator leaves out or renames what it cannot use, and the templates take parts of the contract by name. Neither
may go unseen, so the contract must be OpenAPI 3.1, and more than that.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier
from ruamel.yaml.comments import CommentedMap

from runtime.call import DEDUPLICATION_MARGIN

from .document import Document, Issue, Location
from .enums import check_enums
from .openapi import check_examples, check_openapi, did_you_mean
from .walk import SCHEMAS, operations, resolve, schemas

STATUS_CODE: Location = (*SCHEMAS, "StatusCode")
CLIENT_HEADERS: tuple[Location, ...] = tuple(
    ("components", "parameters", name, "name") for name in ("lang", "realIp", "requestFrom", "sdkVersion")
)

# What the templates take from the contract by name.
REQUIRED: tuple[Location, ...] = (
    ("info", "summary"),
    ("info", "contact", "name"),
    ("info", "license", "identifier"),
    ("servers", 0, "url"),
    ("paths",),
    ("components", "securitySchemes", "appId", "name"),
    ("components", "securitySchemes", "accessToken", "name"),
    *CLIENT_HEADERS,
    (*SCHEMAS, "Lang", "enum"),
    (*STATUS_CODE, "enum"),
    (*STATUS_CODE, "x-enum-varnames"),
)
# The extensions of OpenAPI that mean something, where they do. A misspelt one would be passed over.
INFO_EXTENSIONS = ("x-project-urls",)
OPERATION_EXTENSIONS = ("x-deduplication-interval",)


def read_contract(path: Path) -> Document:
    """Read the contract and check it.

    Raises:
        InputError: It is not what the generator and the templates need.
    """
    contract = Document(path)
    # Each check relies on those before it.
    for check in (
        _references,
        _loops,
        check_openapi,
        _booleans,
        _required,
        _servers,
        _status_codes,
        check_enums,
        _schemas,
        _parameters,
        _operations,
        _extensions,
        _security,
        _documented_status_codes,
        check_examples,
    ):
        contract.raise_issues(check(contract))
    return contract


def _references(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        if location[-1:] != ("$ref",) or not isinstance(node, str | None):
            continue
        if node is None:
            yield location, 'this is empty: put the reference in quotes, as "#" begins a comment'
        elif not re.fullmatch("#/components/[^/]+/[^/]+", node):
            yield location, f"{node!r} is not '#/components/…/…', and the generator does not follow other references"
        elif contract.get(tuple(node.split("/")[1:])) is None:
            yield location, f"there is no {node!r}"


def _loops(contract: Document) -> Iterator[Issue]:
    for location, _ in contract.nodes():
        passed: list[Location] = []
        while location[-1:] == ("$ref",) and location not in passed:
            passed.append(location)
            location = (*contract.get(location).split("/")[1:], "$ref")
            if not isinstance(contract.get(location), str):
                break
        else:
            if passed:
                yield location, "this refers to itself"


def _booleans(contract: Document) -> Iterator[Issue]:
    """Write `{}` for a schema that is `true`, which means the same, and refuse `false`."""
    for location, schema in list(schemas(contract)):
        if schema is True:
            contract.get(location[:-1])[location[-1]] = CommentedMap()
        elif schema is False:
            yield location, "`false` allows no value at all: remove this"


def _required(contract: Document) -> Iterator[Issue]:
    for location in REQUIRED:
        for end in range(1, len(location) + 1):
            if contract.get(location[:end]) is None:
                yield location[:end], "this is missing; the templates need it"
                break


def _servers(contract: Document) -> Iterator[Issue]:
    """Check that the first server is a default for `app_host`."""
    place: Location = ("servers", 0, "url")
    url: str = contract.get(place)
    variables = contract.get(("servers", 0, "variables")) or {}
    for name in re.findall("{(.*?)}", url):
        if name not in variables:
            yield place, f"the variable {name!r} is not in `variables`{did_you_mean(name, variables)}"
            return
        url = url.replace(f"{{{name}}}", str(variables[name]["default"]))
    if not re.fullmatch(r"https?://[\w-]+(\.[\w-]+)*(:\d+)?(/[\w.~-]+)*/?", url, re.ASCII):
        yield place, f"{url!r} is not a URL that calls can be sent to, such as https://example.genauth.ai"


def _status_codes(contract: Document) -> Iterator[Issue]:
    if 200 not in contract.get((*STATUS_CODE, "enum")):
        yield (*STATUS_CODE, "enum"), "200, which is success, is missing"
    for index, name in enumerate(contract.get((*STATUS_CODE, "x-enum-varnames"))):
        if ClassName(name, "") != name:
            location = (*STATUS_CODE, "x-enum-varnames", index)
            yield location, f"{name!r} is not a class name, such as 'ThrottleError'"


def _documented_status_codes(contract: Document) -> Iterator[Issue]:
    """Check that there is an example of a response for each documented `statusCode`."""
    codes: set[Any] = set()
    for location, _ in operations(contract):
        response_location, response = resolve(contract, (*location, "responses", "200"))
        for media, content in response.get("content", {}).items():
            for name in content.get("examples", ()):
                _, example = resolve(contract, (*response_location, "content", media, "examples", name))
                value = example.get("value")
                codes.add(value.get("statusCode") if isinstance(value, dict) else None)
    for index, code in enumerate(contract.get((*STATUS_CODE, "enum"))):
        if code not in codes:
            yield (*STATUS_CODE, "enum", index), f"no operation has an example of a response with `statusCode` {code}"


def _schemas(contract: Document) -> Iterator[Issue]:
    for name, schema in contract.get(SCHEMAS).items():
        # The templates find what the contract says of a class by the name of the class.
        class_name = ClassName(schema.get("title") or name, "")
        if class_name != name:
            yield (*SCHEMAS, name), f"its class would be {class_name!r}: give it that name here, and remove its title"
    for location, schema in schemas(contract):
        if "properties" in schema and "allOf" not in schema:
            for index, name in enumerate(schema.get("required", ())):
                if name not in schema["properties"]:
                    yield (*location, "required", index), f"there is no property {name!r}"


def _parameters(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        if location[-2:-1] == ("parameters",) and isinstance(node, dict) and "$ref" not in node:
            if "schema" not in node:
                yield location, "the schema is missing: the generator would leave out this parameter"
            if node["in"] == "cookie":
                yield location, "cookies are not supported"


def _operations(contract: Document) -> Iterator[Issue]:
    names: set[str] = set()
    for location, operation in operations(contract):
        if not re.fullmatch(r"(/([\w.~-]|{[A-Za-z_][\w-]*})*)+", str(location[1]), re.ASCII):
            yield location[:2], "a path can contain only letters, digits, / . _ - ~ and {parameters}"
        operation_id: str = operation.get("operationId", "")
        name = PythonIdentifier(operation_id, "")
        if not re.fullmatch(r"[A-Za-z]\w*", operation_id, re.ASCII):
            yield (*location, "operationId"), "a name for the method is needed, such as 'sendEmail'"
        elif name in names:
            yield (*location, "operationId"), f"another operation is called {operation_id!r} too"
        names.add(name)
        if "200" not in operation.get("responses", ()):
            yield (*location, "responses"), "a response '200' is missing"
        interval = operation.get("x-deduplication-interval", math.inf)
        if isinstance(interval, bool) or not isinstance(interval, int | float) or interval <= DEDUPLICATION_MARGIN:
            reason = f"a number of seconds greater than {DEDUPLICATION_MARGIN:g} is needed, such as 60"
            yield (*location, "x-deduplication-interval"), reason


def _extensions(contract: Document) -> Iterator[Issue]:
    known: dict[Location, tuple[str, ...]] = {("info",): INFO_EXTENSIONS}
    for location, _ in operations(contract):
        known |= {location: OPERATION_EXTENSIONS, location[:-1]: ()}
    for location, names in known.items():
        for key in contract.get(location):
            if key.startswith("x-") and key not in names:
                yield (*location, key), f"{key!r} means nothing here{did_you_mean(key, names)}"


def _security(contract: Document) -> Iterator[Issue]:
    schemes = contract.get(("components", "securitySchemes"))
    for parent in ((), *(location for location, _ in operations(contract))):
        alternatives: list[Any] = contract.get((*parent, "security")) or []
        for index, alternative in enumerate(alternatives):
            for name in alternative:
                if name not in schemes:
                    reason = f"there is no security scheme {name!r}{did_you_mean(name, schemes)}"
                    yield (*parent, "security", index, name), reason
