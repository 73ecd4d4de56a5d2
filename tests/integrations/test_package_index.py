"""`make publish` to devpi, and an installation from it. `tests/build` tests pypiserver."""

import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from scripts import publish
from scripts.release import ReleaseError

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
USERNAME, PASSWORD = "root", "no-output-shows-this"


@pytest.fixture
def index_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """A devpi with one index for its user's uploads, without packages of a public index."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    directory = tmp_path / "devpi"
    init = f"{BIN}/devpi-init --serverdir {directory} --no-root-pypi --root-passwd {PASSWORD}"
    subprocess.run(init.split(), check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serve = f"{BIN}/devpi-server --serverdir {directory} --host 127.0.0.1 --port {port}"
    with subprocess.Popen(serve.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            settings = {"type": "stage", "bases": [], "volatile": False}
            # It takes a while before the server listens.
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), auth=(USERNAME, PASSWORD)) as http:
                made = http.put(f"{url}/{USERNAME}/internal", json=settings)
            assert made.is_success, made.text
            yield f"{url}/{USERNAME}/internal/"
        finally:
            server.terminate()


def test_a_package_published_on_devpi_can_be_installed(index_url: str, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    uv = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--no-create-gitignore"]
    subprocess.run([*uv, "--out-dir", dist, ROOT / "generated"], check=True)
    files = sorted(dist.iterdir())
    credentials = {"UV_PUBLISH_USERNAME": USERNAME, "UV_PUBLISH_PASSWORD": PASSWORD}
    index = publish.settings({"INDEX_URL": index_url, "CHECK_URL": f"{index_url}+simple/", **credentials})

    publish.publish(files, index)
    publish.publish(files, index)  # It is there already.
    assert all(publish.is_there(file, index) for file in files)

    files[0].write_bytes(b"other contents")
    with pytest.raises(ReleaseError, match="is already there with different contents"):
        publish.publish(files, index)

    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--isolated", "--quiet", "--python", str(venv), "install", "--no-cache-dir"]
    subprocess.run([*pip, "--no-deps", "--index-url", f"{index_url}+simple/", "genauth-email"], check=True)
    assert list(venv.glob("lib/python*/site-packages/genauth_email/py.typed"))
