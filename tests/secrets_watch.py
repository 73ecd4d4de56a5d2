"""A watch over the whole suite: no log, error or repr contains an access token or a whole email address.

It sees the log records of the package and its dependencies at every level, whatever level a test sets. It also sees the
arguments and the results of the clients' methods and the endpoint functions: clients, DTOs, responses, and errors with
their causes.
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
"""Every access token in the tests contains this."""

# A masked address has an asterisk before its @.
_ADDRESS = re.compile(r"[^\s*]@\w")
_IN_EVERY_RECORD = vars(logging.makeLogRecord({})).keys()
_LOGGERS = ("genauth_email", "httpx", "httpcore")
_CLIENTS = (genauth_email.AuthenticationClient, genauth_email.AsyncAuthenticationClient)
_SHOWN = (*_CLIENTS, Request, Response)


def _doors() -> Iterator[tuple[object, str]]:
    """Yield the functions that users call: the clients' methods and the endpoint functions."""
    for client in _CLIENTS:
        # The class defines its operations' methods, and inherits the others.
        operations = [name for name, value in vars(client).items() if inspect.isfunction(value) and name[0] != "_"]
        yield from ((client, name) for name in ("__init__", "with_options", *operations))
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        if not module.ispkg:
            endpoint = importlib.import_module(module.name)
            yield from ((endpoint, name) for name in ("sync", "sync_detailed", "asyncio", "asyncio_detailed"))


class Watch:
    """Searches texts as they come, and keeps its findings.

    Attributes:
        active: Whether it searches.
        searched: The number of texts searched.
    """

    def __init__(self) -> None:
        self.active = True
        self.searched = 0
        self._found: list[str] = []

    def install(self, patch: pytest.MonkeyPatch) -> None:
        # Levels and handlers are not changed, so a test that counts records sees the usual ones.
        is_enabled, handle = logging.Logger.isEnabledFor, logging.Logger.handle

        def is_enabled_or_watched(logger: logging.Logger, level: int) -> bool:
            return (self.active and logger.name.startswith(_LOGGERS)) or is_enabled(logger, level)

        def search_and_handle(logger: logging.Logger, record: logging.LogRecord) -> None:
            if self.active and logger.name.startswith(_LOGGERS):
                # Some handlers send everything in a record, not just its text.
                more = {name: vars(record)[name] for name in vars(record).keys() - _IN_EVERY_RECORD}
                text = record.getMessage()
                if logger.name.startswith("httpcore"):
                    # This logger quotes lines that are not HTTP before anybody can redact them. They are the server's.
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
        # The lines of code in a traceback are left out, because a test's lines contain the address.
        for each in chain_of(error) if self.active else ():
            self._search(each, f"{each} {each!r} {getattr(each, '__notes__', '')}")

    def _search(self, what: object, text: str) -> None:
        self.searched += 1
        # Regular expressions are slow, and most texts have no @.
        if MARK in text or ("@" in text and _ADDRESS.search(text)):
            self._found.append(f"{type(what).__name__}: {text}")

    def found(self) -> list[str]:
        """Return the findings since the last call."""
        found, self._found = self._found, []
        return found


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with its causes and contexts. Some error trackers show contexts that tracebacks hide."""
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


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
    """Pauses the watch for a test that it would disturb."""
    secrets_watch.active = False
    yield
    secrets_watch.active = True
