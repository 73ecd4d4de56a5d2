"""A watch over the whole suite: no log, error or repr has an access token or a whole email address in it.

It sees the log records of the package and of its dependencies, at every level, whatever level a test sets. It also
sees the arguments and the results of the clients' methods and of the endpoint functions: clients, DTOs, responses, and
errors with their causes.
"""

import functools
import importlib
import inspect
import logging
import pkgutil
import re
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any

import genauth_email
import pytest
from genauth_email import api
from genauth_email.types import Request, Response

MARK = "s3cret"
"""Every access token of a test has this in it."""

# A masked address has an asterisk before its @. What has no @ is no address.
_ADDRESS = re.compile(r"[^\s*]@\w")
_IN_EVERY_RECORD = vars(logging.makeLogRecord({})).keys()
_LOGGERS = ("genauth_email", "httpx", "httpcore")
_CLIENTS = (genauth_email.AuthenticationClient, genauth_email.AsyncAuthenticationClient)
_SHOWN = (*_CLIENTS, Request, Response)


def _doors() -> Iterator[tuple[object, str]]:
    """What a user calls: the methods of the clients, and the functions of the endpoints."""
    for client in _CLIENTS:
        # The methods of its operations are its own, and the others are inherited.
        operations = [name for name, value in vars(client).items() if inspect.isfunction(value) and name[0] != "_"]
        yield from ((client, name) for name in ("__init__", "with_options", *operations))
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        if not module.ispkg:
            endpoint = importlib.import_module(module.name)
            yield from ((endpoint, name) for name in ("sync", "sync_detailed", "asyncio", "asyncio_detailed"))


class Watch:
    """Searches what it sees at once, and keeps what it finds.

    Attributes:
        active: Whether it looks.
        searched: How many texts were searched.
    """

    def __init__(self) -> None:
        self.active = True
        self.searched = 0
        self._found: list[str] = []

    def install(self, patch: pytest.MonkeyPatch) -> None:
        # Neither levels nor handlers are touched: a test that counts records has those that it would have.
        is_enabled, handle = logging.Logger.isEnabledFor, logging.Logger.handle

        def is_enabled_or_watched(logger: logging.Logger, level: int) -> bool:
            return (self.active and logger.name.startswith(_LOGGERS)) or is_enabled(logger, level)

        def search_and_handle(logger: logging.Logger, record: logging.LogRecord) -> None:
            if self.active and logger.name.startswith(_LOGGERS):
                # Some handlers send all that is in a record, not just its text.
                more = {name: vars(record)[name] for name in vars(record).keys() - _IN_EVERY_RECORD}
                text = record.getMessage()
                if logger.name.startswith("httpcore"):
                    # It logs a line that is not HTTP before anybody can redact it. The server decides what is in it.
                    text = text.partition(": bytearray(")[0]
                self._search(record, f"{text} {record.args} {record.exc_info} {more}")
                if not is_enabled(logger, record.levelno):
                    return
            handle(logger, record)

        patch.setattr(logging.Logger, "isEnabledFor", is_enabled_or_watched)
        patch.setattr(logging.Logger, "handle", search_and_handle)
        for owner, name in _doors():
            patch.setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*args: Any, **options: Any) -> Any:
            with self:
                return self._look(function(*args, **options), *args, *options.values())

        @functools.wraps(function)
        async def watched_async(*args: Any, **options: Any) -> Any:
            with self:
                return self._look(await function(*args, **options), *args, *options.values())

        return watched_async if inspect.iscoroutinefunction(function) else watched

    def _look(self, result: Any, *arguments: object) -> Any:
        for each in (result, *arguments) if self.active else ():
            if isinstance(each, _SHOWN) or type(each).__module__.startswith("genauth_email.models"):
                self._search(each, f"{each} {each!r}")
        return result

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The lines of code in a traceback are left out: those of a test have the address in them.
        for each in _chain(error, set()) if self.active else ():
            self._search(each, f"{each} {each!r} {getattr(each, '__notes__', '')}")

    def _search(self, what: object, text: str) -> None:
        self.searched += 1
        # Regular expressions are slow, and most texts have no @.
        if MARK in text or ("@" in text and _ADDRESS.search(text)):
            self._found.append(f"{type(what).__name__}: {text}")

    def found(self) -> list[str]:
        """What was found since this was last asked."""
        found, self._found = self._found, []
        return found


def _chain(error: object, seen: set[int]) -> Iterator[BaseException]:
    """An error and all that led to it."""
    if isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
            yield from _chain(other, seen)


@pytest.fixture(scope="session")
def secrets_watch() -> Generator[Watch]:
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        watch.install(patch)
        yield watch


@pytest.fixture(autouse=True)
def no_secret_shows(secrets_watch: Watch) -> Generator[None]:
    yield
    if found := secrets_watch.found():
        pytest.fail("\n".join(["a secret shows", *found]), pytrace=False)


@pytest.fixture
def unwatched(secrets_watch: Watch) -> Generator[None]:
    """Has the watch look away from a test that its looking would disturb."""
    secrets_watch.active = False
    yield
    secrets_watch.active = True
