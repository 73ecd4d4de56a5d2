"""A package index to publish on: pypiserver, which requires a password for everything.

It runs in a separate process, `python -m tests.servers.index`, because importing pypiserver changes how later modules
are imported.
"""

import json
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

USERNAME, PASSWORD = "publisher", "no-output-shows-this"


class Index:
    """An index at `url`."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}


@contextmanager
def serve(directory: Path, *, hide: int = 0, **options: Any) -> Generator[Index]:
    """Serve the files in `directory` on a free port of the loopback interface.

    The first `hide` lookups find nothing. `options` are pypiserver's.
    """
    command = [sys.executable, "-m", "tests.servers.index", str(directory), str(hide), json.dumps(options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout is not None
        try:
            yield Index(server.stdout.readline().strip(), directory)
        finally:
            server.terminate()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _main(directory: str, hide: str, options: str) -> None:
    import pypiserver

    hidden = iter(range(int(hide)))
    index = cast(
        WSGIApplication,
        pypiserver.app(
            roots=[Path(directory)],
            auther=lambda username, password: (username, password) == (USERNAME, PASSWORD),
            **{
                "authenticate": ["update", "download", "list"],
                "disable_fallback": True,
                **json.loads(options),
            },
        ),
    )

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET" and next(hidden, None) is not None:
            start_response("404 Not Found", [])
            return []
        return index(environ, start_response)

    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
