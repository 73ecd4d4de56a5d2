"""Publish the release that is checked out on a package index: `make publish INDEX_URL=…`.

`uv publish` uploads. What the index has already is looked up here. uv can do that too (`--check-url`), but not well
enough: it looks without the credentials, takes "not allowed" for "not there", follows a redirect to a public index,
and uploads one file before it looks for the next.

Settings come from the environment, where make puts what is given on its command line:

- `INDEX_URL`: where the index takes uploads;
- `CHECK_URL`: its simple index, if that is not at `INDEX_URL/simple/`;
- `UV_PUBLISH_USERNAME` and `UV_PUBLISH_PASSWORD`, or `UV_PUBLISH_TOKEN`: uv's own names for the credentials.
"""

import contextlib
import hashlib
import html
import io
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

from .generate import main as generate
from .release import ReleaseError, check_release

ROOT = Path(__file__).resolve().parent.parent


class PublishError(Exception):
    """The package cannot be published. The text says why, and what to do."""


class Index(NamedTuple):
    upload_url: str
    check_url: str
    username: str
    password: str


def main() -> int:
    try:
        index = settings(os.environ)
        files = build(ROOT)
        with httpx.Client(auth=(index.username, index.password), timeout=30) as client:
            publish(files, index, client)
    except (PublishError, ReleaseError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(root: Path) -> list[Path]:
    """Build the release that is checked out, and return its wheel and its sdist.

    Raises:
        PublishError: `generated/` is not what the inputs give, or it cannot be built.
        ReleaseError: No release is checked out.
    """
    check_release(root)
    with contextlib.redirect_stdout(io.StringIO()):
        if generate(["--check"], root):
            raise PublishError("`make check` finds what is wrong with this release")
    if subprocess.run(["make", "--silent", "build"], cwd=root, stdout=subprocess.DEVNULL, check=False).returncode:
        raise PublishError("`make build` failed")
    return sorted([*root.glob("dist/*.whl"), *root.glob("dist/*.tar.gz")])


def settings(environment: Mapping[str, str]) -> Index:
    upload_url = environment.get("INDEX_URL", "")
    check_url = environment.get("CHECK_URL", "")
    token = environment.get("UV_PUBLISH_TOKEN", "")
    username = environment.get("UV_PUBLISH_USERNAME", "") or ("__token__" if token else "")
    password = token or environment.get("UV_PUBLISH_PASSWORD", "")

    if not upload_url:
        raise PublishError(
            "INDEX_URL is missing. Give the URL where the package index takes uploads: make publish INDEX_URL=https://…"
        )
    check_url = (check_url or upload_url.rstrip("/") + "/simple").rstrip("/") + "/"
    for name, url in (("INDEX_URL", upload_url), ("CHECK_URL", check_url)):
        # No error shows the URL, because there can be a password in it.
        if "@" in url:
            raise PublishError(
                f"{name} contains an @, as a URL with a password does. Shells and logs keep URLs: leave it "
                "out, and set UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD, or UV_PUBLISH_TOKEN alone, in the "
                "environment. In a path, write %40."
            )
        if not is_web_url(url):
            raise PublishError(f"{name} must start with https:// or http:// and name a host.")
    if not username or not password:
        raise PublishError(
            "The index's credentials are missing. Set UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD, "
            "or UV_PUBLISH_TOKEN alone, in the environment."
        )
    return Index(upload_url, check_url, username, password)


def is_web_url(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in {"https", "http"} and bool(url.host)


def publish(files: list[Path], index: Index, client: httpx.Client) -> None:
    """Upload those of `files` that the index does not have.

    Raises:
        PublishError: The index has one of them with other contents (then none is uploaded), or is not an index.
    """
    hashes = look_up(files, index, client)
    missing = [file for file in files if not is_there(file, hashes, index)]
    for file in files:
        if file in missing:
            upload(file, index, client)
        print(f"{'published' if file in missing else 'already there'}: {file.name}", flush=True)

    hashes = look_up(missing, index, client) if missing else {}
    for file in missing:
        if file.name not in hashes:
            print(
                f"note: {index.check_url} does not list {file.name}. If that does not change within a minute, "
                "INDEX_URL lists its files elsewhere: set CHECK_URL.",
                file=sys.stderr,
            )


def upload(file: Path, index: Index, client: httpx.Client) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_PUBLISH_")}
    environment |= {"UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
    uv = [sys.executable, "-m", "uv", "publish", "--quiet", "--trusted-publishing", "never"]
    result = subprocess.run(
        [*uv, "--publish-url", index.upload_url, str(file)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    # The index may have refused it because someone else has just published the same.
    if result.returncode and not is_there(file, look_up([file], index, client), index):
        check_credentials(index, client)
        raise PublishError(f"{index.upload_url} rejected {file.name}:\n{without_html(result.stderr)}")


def check_credentials(index: Index, client: httpx.Client) -> None:
    """Find out, by a form with nothing in it, whether the credentials are why an upload has failed.

    uv cannot always tell: an index may close the connection on it before it has read the file.

    Raises:
        PublishError: They are refused.
    """
    try:
        response = client.post(index.upload_url)
    except httpx.HTTPError:
        return
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise PublishError(
            f"{index.upload_url} refused the credentials ({response.status_code}). They must be correct and allow "
            "uploading."
        )


def without_html(text: str) -> str:
    """Return the text of an error of uv, which passes on what the index sends: often a page for a browser."""
    text = html.unescape(re.sub(r"<(style|title).*?</\1>|<[^>]+>", "", text, flags=re.DOTALL))
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


class Page(HTMLParser):
    """A project's page in a simple index. `hashes` has each file's `algorithm=digest`, or "" for none."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hashes: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            link = urlsplit(dict(attrs).get("href") or "")
            self.hashes[unquote(PurePosixPath(link.path).name)] = link.fragment


def look_up(files: list[Path], index: Index, client: httpx.Client) -> dict[str, str]:
    """Return the hashes that the index lists for the project of `files`, by file name."""
    project = files[0].name.split("-")[0].replace("_", "-")
    page = f"{index.check_url}{project}/"
    try:
        response = client.get(page, headers={"Accept": "text/html"})
    except httpx.HTTPError as error:
        raise PublishError(f"{page} cannot be read: {error}") from error

    onward = response.next_request
    if response.status_code == httpx.codes.NOT_FOUND or (onward and onward.url.netloc != response.url.netloc):
        # Some indexes redirect to a public index where they lack a project. We do not publish there.
        return {}
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise PublishError(
            f"{page} refused the credentials ({response.status_code}). They must be correct and allow "
            "reading too, so that nothing that exists is overwritten."
        )
    if not response.is_success:
        raise PublishError(
            f"{page} responded with {response.status_code} {response.reason_phrase}. "
            "It must be a page of the index's simple index: set CHECK_URL."
        )
    return Page(response.text).hashes


def is_there(file: Path, hashes: Mapping[str, str], index: Index) -> bool:
    """Tell whether the index has `file`.

    Raises:
        PublishError: It has one of that name with other contents, or perhaps other ones.
    """
    if file.name not in hashes:
        return False
    algorithm, _, digest = hashes[file.name].partition("=")
    if algorithm not in hashlib.algorithms_guaranteed or not digest:
        raise PublishError(
            f"{file.name} is already there, and {index.check_url} gives no hash for it, so nobody can tell "
            "whether it is the same. Configure the index to list hashes, or publish a new version."
        )
    if hashlib.new(algorithm, file.read_bytes(), usedforsecurity=False).hexdigest() != digest.lower():
        raise PublishError(
            f"{file.name} is already there with other contents. A published file never changes: make a "
            "release with a higher version, and publish that."
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
