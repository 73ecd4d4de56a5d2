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
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from .compatibility import RECORD, current_version, hash_of, last_release
from .document import ROOT, InputError
from .release import ReleaseError, check_committed

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Index(NamedTuple):
    upload_url: str
    check_url: str
    auth: tuple[str, str]


def main() -> int:
    # A proxy would read what goes to an index on this machine. httpx and uv prefer different names.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), *LOOPBACK]))
    try:
        index = settings(os.environ)
        publish(build(ROOT), index)
    except (ReleaseError, InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(root: Path) -> list[Path]:
    """Build the wheel and the sdist of what is checked out: a release or a release candidate, nothing else."""
    check_committed(root, "generated", str(RECORD))
    version, last = current_version(root), last_release(root)
    if last is None or last.hashes.get(version) != hash_of(root / "generated"):
        raise ReleaseError(
            f"generated/ is not {version} as {RECORD} records it, and only releases can be published. Make a release "
            f"with `make release VERSION=…`, or check out the last one: `git log -1 {RECORD}` shows its commit"
        )
    if subprocess.run(["make", "--silent", "build"], cwd=root, stdout=subprocess.DEVNULL, check=False).returncode:
        raise ReleaseError("`make build` failed")
    return sorted([*root.glob("dist/*.whl"), *root.glob("dist/*.tar.gz")])


def settings(environment: Mapping[str, str]) -> Index:
    """Return where to publish, and as whom. No error shows a URL, because it may contain a password."""
    upload_url = environment.get("INDEX_URL", "")
    check_url = (environment.get("CHECK_URL") or upload_url.rstrip("/") + "/simple").rstrip("/") + "/"
    for name, text in (("INDEX_URL", upload_url), ("CHECK_URL", check_url)):
        if "@" in text:
            raise ReleaseError(
                f"{name} contains an @, as a URL with a password does. Shells and logs keep URLs: leave it "
                "out, and set UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD, or UV_PUBLISH_TOKEN alone, in the "
                "environment. In a path, write %40."
            )
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("https", "http") or not url.host:
            problem = "must start with https:// and name a host" if text else "is missing"
            raise ReleaseError(f"{name} {problem}: make publish {name}=https://…")
        if url.scheme == "http" and url.host not in LOOPBACK and environment.get("ALLOW_HTTP") != "1":
            raise ReleaseError(
                f"{name} starts with http://, so the credentials would travel unencrypted. Use https://, or set "
                "ALLOW_HTTP=1 if nobody else can read the network."
            )
    token = environment.get("UV_PUBLISH_TOKEN")
    username, password = environment.get("UV_PUBLISH_USERNAME"), environment.get("UV_PUBLISH_PASSWORD")
    if (username or password) if token else not (username and password):
        raise ReleaseError(
            f"The index's credentials are {'given twice' if token else 'missing'}. Set UV_PUBLISH_USERNAME and "
            "UV_PUBLISH_PASSWORD, or UV_PUBLISH_TOKEN alone, in the environment."
        )
    return Index(upload_url, check_url, (username or "__token__", password or token or ""))


def publish(files: list[Path], index: Index) -> None:
    """Upload the files that the index does not have, or none if it has one of them with different contents."""
    missing = [file for file in files if not is_there(file, index)]
    for file in files:
        if file in missing:
            upload(file, index)
        print(f"{'published' if file in missing else 'already there'}: {file.name}", flush=True)
    for file in missing:
        if look_up(file, index) is None:
            print(
                f"note: {index.check_url} does not list {file.name}. If that does not change within a minute, "
                "INDEX_URL lists its files elsewhere: set CHECK_URL.",
                file=sys.stderr,
            )


def upload(file: Path, index: Index) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_PUBLISH_")}
    environment["UV_PUBLISH_USERNAME"], environment["UV_PUBLISH_PASSWORD"] = index.auth
    uv = [sys.executable, "-m", "uv", "publish", "--quiet", "--trusted-publishing", "never"]
    uv += ["--publish-url", index.upload_url, str(file)]
    result = subprocess.run(uv, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    # Someone else may just have published the same file.
    if not result.returncode or is_there(file, index):
        return
    # uv cannot always tell that the credentials are wrong, because an index may close the connection before it has read
    # the file. An empty form shows it.
    with contextlib.suppress(httpx.HTTPError):
        check_credentials(httpx.post(index.upload_url, auth=index.auth, timeout=30))
    # uv repeats the index's response: often an HTML page.
    text = html.unescape(re.sub(r"<(style|title).*?</\1>|<[^>]+>", "", result.stderr, flags=re.DOTALL))
    reason = "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
    raise ReleaseError(f"{index.upload_url} rejected {file.name}:\n{reason}")


def check_credentials(response: httpx.Response) -> None:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise ReleaseError(
            f"{response.request.url} refused the credentials ({response.status_code}). They must be correct, and "
            "allow reading as well as uploading, so that no existing file is overwritten."
        )


def look_up(file: Path, index: Index) -> str | None:
    """Return the listed hash of a file, `algorithm=digest`: "" if the index lists none, None if it lacks the file."""
    page = f"{index.check_url}{file.name.split('-')[0].replace('_', '-')}/"
    try:
        response = httpx.get(page, auth=index.auth, headers={"Accept": "text/html"}, timeout=30)
    except httpx.HTTPError as error:
        raise ReleaseError(f"{page} cannot be read: {error}") from error
    onward = response.next_request
    if response.status_code == httpx.codes.NOT_FOUND or (onward and onward.url.netloc != response.url.netloc):
        # Some indexes redirect to a public index for projects that they lack. We do not publish there.
        return None
    check_credentials(response)
    if not response.is_success:
        raise ReleaseError(
            f"{page} responded with {response.status_code} {response.reason_phrase}. "
            "It must be a page of the index's simple index: set CHECK_URL."
        )
    # Whatever has a link counts, in any quotes: an overlooked file could be overwritten.
    for link in re.findall(r"""\shref\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", response.text, re.IGNORECASE):
        url = urlsplit(html.unescape(link.strip("\"' \n")))
        if unquote(PurePosixPath(url.path).name) == file.name:
            return url.fragment
    return None


def is_there(file: Path, index: Index) -> bool:
    """Tell whether the index has a file. It is an error if a file of that name has different or unknown contents."""
    listed = look_up(file, index)
    if listed is None:
        return False
    algorithm, _, digest = listed.partition("=")
    if algorithm not in hashlib.algorithms_guaranteed or not digest:
        raise ReleaseError(
            f"{file.name} is already there, but {index.check_url} lists no hash for it, so nobody can tell "
            "whether it is the same. Configure the index to list hashes, or publish a new version."
        )
    if hashlib.new(algorithm, file.read_bytes(), usedforsecurity=False).hexdigest() != digest.lower():
        raise ReleaseError(
            f"{file.name} is already there with different contents. A published file never changes: make a "
            "release with a higher version, and publish that."
        )
    return True
