"""All public type hints can be resolved, as cattrs, msgspec and pydantic do."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator

import genauth_email
import pytest

PRIVATE = "genauth_email._runtime"


def public_modules() -> list[str]:
    modules = pkgutil.walk_packages(genauth_email.__path__, "genauth_email.")
    return ["genauth_email", *(each.name for each in modules if not each.name.startswith(PRIVATE))]


def hinted(module: str) -> Iterator[tuple[str, object]]:
    """Yield the public classes and functions of a module, and the methods of the classes."""
    for name, value in vars(importlib.import_module(module)).items():
        if name.startswith("_") or not getattr(value, "__module__", "").startswith("genauth_email"):
            continue
        if inspect.isclass(value):
            yield name, value
            for attribute, member in inspect.getmembers_static(value):
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if not inspect.isfunction(function) or (attribute.startswith("_") and not attribute.startswith("__")):
                    continue
                if function.__module__.startswith("genauth_email"):
                    yield f"{name}.{attribute}", function
        elif inspect.isfunction(value):
            yield name, value


@pytest.mark.parametrize("module", public_modules())
def test_type_hints_of_a_public_module_resolve(module: str) -> None:
    broken = dict[str, str]()
    for name, value in hinted(module):
        try:
            typing.get_type_hints(value)
        except NameError as error:
            broken[name] = str(error)
    assert broken == {}


def test_every_public_class_is_checked() -> None:
    names = {name for module in public_modules() for name, _ in hinted(module)}
    assert names >= {
        "AuthenticationClient.send_email",
        "AttemptDetails",
        "GenAuthError.delivery",
        "Operation",
        "ReceivedRequest",
        "Response",
        "SendEmailRespDto.from_dict",
    }
