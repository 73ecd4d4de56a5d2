"""Publish the checked-out release on a package index: `make publish INDEX_URL=…`.

`uv publish` uploads the files. This module looks up what the index already has. uv can do that too (`--check-url`), but
not well enough: it does not send the credentials, mistakes "not allowed" for "not there", follows a redirect to a
public index, and uploads one file before it looks up the next.

Settings come from the environment, to which make adds the variables on its command line:

- `INDEX_URL`: where the index accepts uploads;
- `CHECK_URL`: its simple index, if that is not at `INDEX_URL/simple/`;
- `ALLOW_HTTP=1`: send the credentials unencrypted, for an index without HTTPS on another machine;
- `UV_PUBLISH_USERNAME` and `UV_PUBLISH_PASSWORD`, or `UV_PUBLISH_TOKEN`: uv's own names for the credentials.
"""

import contextlib
import hashlib
import html
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from .release import ReleaseError, check_release

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PublishError(Exception):
    """The package cannot be published. The text says why, and what to do."""


class Index(NamedTuple):
    upload_url: str
    check_url: str
    username: str
    password: str

    @property
    def auth(self) -> tuple[str, str]:
        return self.username, self.password


def main() -> int:
    # A proxy would read what goes to an index on this machine. httpx and uv prefer different names.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), *LOOPBACK]))
    try:
        index = settings(os.environ)
        publish(build(ROOT), index)
    except (PublishError, ReleaseError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(root: Path) -> list[Path]:
    """Build the checked-out release, and return its wheel and its sdist.

    Raises:
        PublishError: It cannot be built.
        ReleaseError: No release is checked out.
    """
    check_release(root)
    if subprocess.run(["make", "--silent", "build"], cwd=root, stdout=subprocess.DEVNULL, check=False).returncode:
        raise PublishError("`make build` failed")
    return sorted([*root.glob("dist/*.whl"), *root.glob("dist/*.tar.gz")])


def settings(environment: Mapping[str, str]) -> Index:
    upload_url = environment.get("INDEX_URL", "")
    if not upload_url:
        raise PublishError(
            "INDEX_URL is missing. Give the URL where the package index accepts uploads: make publish INDEX_URL=https://…"
        )
    check_url = (environment.get("CHECK_URL") or upload_url.rstrip("/") + "/simple").rstrip("/") + "/"
    for name, url in (("INDEX_URL", upload_url), ("CHECK_URL", check_url)):
        # No error shows the URL, because it may contain a password.
        if "@" in url:
            raise PublishError(
                f"{name} contains an @, as a URL with a password does. Shells and logs keep URLs: leave it "
                "out, and set UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD, or UV_PUBLISH_TOKEN alone, in the "
                "environment. In a path, write %40."
            )
        if not is_encrypted(name, url) and environment.get("ALLOW_HTTP") != "1":
            raise PublishError(
                f"{name} starts with http://, so the credentials would travel unencrypted. Use https://, or set "
                "ALLOW_HTTP=1 if nobody else can read the network."
            )
    token = environment.get("UV_PUBLISH_TOKEN")
    username, password = environment.get("UV_PUBLISH_USERNAME"), environment.get("UV_PUBLISH_PASSWORD")
    if (username or password) if token else not (username and password):
        raise PublishError(
            f"The index's credentials are {'given twice' if token else 'missing'}. Set UV_PUBLISH_USERNAME and "
            "UV_PUBLISH_PASSWORD, or UV_PUBLISH_TOKEN alone, in the environment."
        )
    return Index(upload_url, check_url, username or "__token__", password or token or "")


def is_encrypted(name: str, text: str) -> bool:
    """Tell whether nobody on the way to the URL can read along. HTTP to this machine is safe too.

    Raises:
        PublishError: It is not an HTTP or HTTPS URL.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"https", "http"} or not url.host:
        raise PublishError(f"{name} must start with https:// and name a host.")
    return url.scheme == "https" or url.host in LOOPBACK


def publish(files: list[Path], index: Index) -> None:
    """Upload the files that the index does not have.

    Raises:
        PublishError: The index has one of them with different contents (then none is uploaded), or is not an index.
    """
    hashes = look_up(files, index)
    missing = [file for file in files if not is_there(file, hashes, index)]
    for file in files:
        if file in missing:
            upload(file, index)
        print(f"{'published' if file in missing else 'already there'}: {file.name}", flush=True)

    hashes = look_up(missing, index) if missing else {}
    for file in missing:
        if file.name not in hashes:
            print(
                f"note: {index.check_url} does not list {file.name}. If that does not change within a minute, "
                "INDEX_URL lists its files elsewhere: set CHECK_URL.",
                file=sys.stderr,
            )


def upload(file: Path, index: Index) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_PUBLISH_")}
    environment |= {"UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
    uv = [sys.executable, "-m", "uv", "publish", "--quiet", "--trusted-publishing", "never"]
    uv += ["--publish-url", index.upload_url, str(file)]
    result = subprocess.run(uv, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    # Someone else may just have published the same file.
    if not result.returncode or is_there(file, look_up([file], index), index):
        return
    # uv cannot always tell that the credentials are wrong, because an index may close the connection before it has read
    # the file. An empty form shows it.
    with contextlib.suppress(httpx.HTTPError):
        check_credentials(httpx.post(index.upload_url, auth=index.auth, timeout=30), "uploading")
    raise PublishError(f"{index.upload_url} rejected {file.name}:\n{without_html(result.stderr)}")


def check_credentials(response: httpx.Response, needed_for: str) -> None:
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise PublishError(
            f"{response.request.url} refused the credentials ({response.status_code}). They must be correct and allow "
            f"{needed_for}."
        )


def without_html(text: str) -> str:
    """Return the text of uv's error, which repeats the index's response: often an HTML page."""
    text = html.unescape(re.sub(r"<(style|title).*?</\1>|<[^>]+>", "", text, flags=re.DOTALL))
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


class Page(HTMLParser):
    """A project's page in a simple index. `hashes` holds `algorithm=digest` for each file, or "" if it has none."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hashes: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            link = urlsplit(dict(attrs).get("href") or "")
            self.hashes[unquote(PurePosixPath(link.path).name)] = link.fragment


def look_up(files: list[Path], index: Index) -> dict[str, str]:
    """Return the hashes that the index lists for the project of `files`, by file name."""
    page = f"{index.check_url}{files[0].name.split('-')[0].replace('_', '-')}/"
    try:
        response = httpx.get(page, auth=index.auth, headers={"Accept": "text/html"}, timeout=30)
    except httpx.HTTPError as error:
        raise PublishError(f"{page} cannot be read: {error}") from error
    onward = response.next_request
    if response.status_code == httpx.codes.NOT_FOUND or (onward and onward.url.netloc != response.url.netloc):
        # Some indexes redirect to a public index for projects that they lack. We do not publish there.
        return {}
    check_credentials(response, "reading too, so that no existing file is overwritten")
    if not response.is_success:
        raise PublishError(
            f"{page} responded with {response.status_code} {response.reason_phrase}. "
            "It must be a page of the index's simple index: set CHECK_URL."
        )
    return Page(response.text).hashes


def is_there(file: Path, hashes: Mapping[str, str], index: Index) -> bool:
    """Tell whether the index has `file`.

    Raises:
        PublishError: It has a file of that name with different or unknown contents.
    """
    if file.name not in hashes:
        return False
    algorithm, _, digest = hashes[file.name].partition("=")
    if algorithm not in hashlib.algorithms_guaranteed or not digest:
        raise PublishError(
            f"{file.name} is already there, but {index.check_url} lists no hash for it, so nobody can tell "
            "whether it is the same. Configure the index to list hashes, or publish a new version."
        )
    if hashlib.new(algorithm, file.read_bytes(), usedforsecurity=False).hexdigest() != digest.lower():
        raise PublishError(
            f"{file.name} is already there with different contents. A published file never changes: make a "
            "release with a higher version, and publish that."
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
