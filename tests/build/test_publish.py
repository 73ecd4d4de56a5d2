"""`make publish` to a pypiserver that requires a password for everything.

Some tests run make, as a person would. The rest call the script, which is faster.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from scripts import publish
from scripts.compatibility import RECORD, current_version, write_record
from scripts.release import ReleaseError
from tests.servers.index import PASSWORD, USERNAME, Index

from .conftest import ROOT, build_archives, commit, copy_repository, git, make

CREDENTIALS = {"UV_PUBLISH_USERNAME": USERNAME, "UV_PUBLISH_PASSWORD": PASSWORD}
VERSION = current_version(ROOT)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A released copy of the repository."""
    repository = copy_repository(tmp_path / "repository")
    write_record(repository)
    commit(repository)
    return repository


def index_with(*variants: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("index", variants, indirect=True, ids=str)


def make_publish(repository: Path, *arguments: str, **environment: str) -> tuple[int, list[str], list[str]]:
    """Return make's exit code, its output and its complaints."""
    result = make(repository, "publish", *arguments, **{**CREDENTIALS, **environment})
    assert PASSWORD not in result.stdout + result.stderr
    return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()


def test_a_fresh_clone_without_history_or_tags_is_published_once(
    repository: Path, index: Index, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), str(clone))
    (clone / ".venv").symlink_to(repository / ".venv")
    (clone / ".venv" / "environment").touch()  # Newer than the clone.
    # No proxy sees what goes to this machine.
    printed = make_publish(clone, f"INDEX_URL={index.url}", HTTP_PROXY="http://127.0.0.1:1")
    assert printed == (0, [f"published: {name}" for name in sorted(index.files)], [])
    built = {path.name: path.read_bytes() for path in (clone / "dist").iterdir()}
    assert built.pop(f"genauth_email-{VERSION}.cdx.json")  # An index has no place for the bill of materials.
    assert index.files == built

    again = make_publish(clone, f"INDEX_URL={index.url}")
    assert again == (0, [f"already there: {name}" for name in sorted(built)], [])


@pytest.mark.parametrize(
    ("is_committed", "told"),
    [
        (
            False,
            "there are uncommitted changes:\n?? generated/new.py\nCommit them, or stash them with `git stash -u`",
        ),
        (
            True,
            f"generated/ is not {VERSION} as {RECORD} records it, and only releases can be published. Make a release "
            f"with `make release VERSION=…`, or check out the last one: `git log -1 {RECORD}` shows its commit",
        ),
    ],
)
def test_only_the_committed_and_recorded_release_is_published(
    repository: Path, index: Index, is_committed: bool, told: str
) -> None:
    (repository / "generated" / "new.py").touch()
    if is_committed:
        commit(repository, tag=f"v{VERSION}")
    code, printed, complaint = make_publish(repository, f"INDEX_URL={index.url}")
    assert (code, printed, index.files) == (2, [], {})
    assert "\n".join(complaint[:-1]) == f"error: {told}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_archives(ROOT / "generated", tmp_path_factory.mktemp("dist"))


Publish = Callable[..., tuple[list[str], str]]


@pytest.fixture
def publish_to(files: list[Path], capsys: pytest.CaptureFixture[str]) -> Publish:
    """Publishes `files` on an index, and returns the printed lines and stderr."""

    def publish_to(index: Index, **environment: str) -> tuple[list[str], str]:
        settings = publish.settings({"INDEX_URL": index.url, **CREDENTIALS, **environment})
        publish.publish(files, settings)
        printed, complaint = capsys.readouterr()
        return printed.splitlines(), complaint

    return publish_to


def put(files: list[Path], index: Index, contents: bytes | None = None) -> None:
    """Put `files` on the index without publishing them, unchanged or with other contents."""
    for file in files:
        (index.directory / file.name).write_bytes(contents or file.read_bytes())


@index_with({"hash_algo": "md5"}, {"hash_algo": "sha256"}, {"hash_algo": "blake2b"})
def test_any_hash_tells_whether_the_contents_are_the_same(files: list[Path], index: Index, publish_to: Publish) -> None:
    put(files, index)
    assert publish_to(index) == ([f"already there: {file.name}" for file in files], "")

    put(files, index, b"other contents")
    with pytest.raises(ReleaseError, match="is already there with different contents"):
        publish_to(index)


@pytest.mark.parametrize("link", ["href='/x/{}'", 'HREF = " {} "', "href={}", """href="/a b/o'c/>/{}\""""])
def test_a_link_to_a_file_is_found_in_any_quotes(
    files: list[Path], tmp_path: Path, publish_to: Publish, httpx_mock: HTTPXMock, link: str
) -> None:
    httpx_mock.add_response(text=f"<a {link.format(f'{files[0].name}#md5=0')}>")
    with pytest.raises(ReleaseError, match="is already there with different contents"):
        publish_to(Index("http://127.0.0.1:1", tmp_path))


@index_with({"hash_algo": None})
def test_an_existing_file_without_a_hash_is_an_error(index: Index, publish_to: Publish) -> None:
    publish_to(index)
    with pytest.raises(ReleaseError, match="lists no hash for it, so nobody can tell whether it is the same"):
        publish_to(index)


def test_a_partial_upload_is_completed(files: list[Path], index: Index, publish_to: Publish) -> None:
    wheel, sdist = files
    put([wheel], index)
    assert publish_to(index) == ([f"already there: {wheel.name}", f"published: {sdist.name}"], "")
    assert index.files == {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("other", [0, 1])
def test_if_one_file_differs_neither_is_published(
    files: list[Path], index: Index, publish_to: Publish, other: int
) -> None:
    put([files[other]], index, b"other contents")
    with pytest.raises(ReleaseError, match=f"^{files[other].name} is already there with different contents"):
        publish_to(index)
    assert index.files == {files[other].name: b"other contents"}


@index_with({"hide": 2})
def test_a_race_succeeds_only_with_the_same_contents(files: list[Path], index: Index, publish_to: Publish) -> None:
    wheel, sdist = files
    put([wheel], index)
    put([sdist], index, b"other contents")
    with pytest.raises(ReleaseError, match=f"^{sdist.name} is already there with different contents"):
        publish_to(index)
    assert index.files == {wheel.name: wheel.read_bytes(), sdist.name: b"other contents"}


@index_with({"hide": 9})
def test_the_reason_of_an_index_that_refuses_is_shown(files: list[Path], index: Index, publish_to: Publish) -> None:
    put(files, index)
    with pytest.raises(ReleaseError, match=f"^{index.url} rejected {files[0].name}:\n") as raised:
        publish_to(index)
    printed = " ".join(str(raised.value).split())  # uv wraps its lines.
    assert "409 Conflict" in printed
    assert f"Package '{files[0].name}' already exists!" in printed
    assert "<" not in printed


@index_with({"disable_fallback": False, "fallback_url": "http://127.0.0.1:1/simple"})
def test_a_redirect_to_a_public_index_is_not_followed(index: Index, publish_to: Publish) -> None:
    assert publish_to(index)[1] == ""


@index_with({}, {"authenticate": ["update"]})
def test_a_wrong_password_is_reported(index: Index, publish_to: Publish) -> None:
    with pytest.raises(ReleaseError, match=rf"^{index.url}\S* refused the credentials \(403\)") as raised:
        publish_to(index, UV_PUBLISH_PASSWORD="a-wrong-one")
    assert "a-wrong-one" not in str(raised.value)
    assert index.files == {}


def test_a_trailing_slash_makes_no_difference(index: Index, publish_to: Publish) -> None:
    publish_to(index, INDEX_URL=f"{index.url}/")
    printed, complaint = publish_to(index, INDEX_URL=f"{index.url}/", CHECK_URL=f"{index.url}/simple")
    assert [line.partition(":")[0] for line in printed] == ["already there"] * 2
    assert complaint == ""


def test_a_check_url_that_lists_nothing_is_reported(index: Index, publish_to: Publish) -> None:
    printed, complaint = publish_to(index, CHECK_URL=f"{index.url}/packages")
    assert len(printed) == 2
    assert all(f"/packages/ does not list {name}." in complaint for name in index.files)


def test_an_index_that_cannot_be_reached_is_reported(tmp_path: Path, publish_to: Publish) -> None:
    page = "http://127.0.0.1:1/simple/genauth-email/"
    with pytest.raises(ReleaseError, match=f"^{page} cannot be read: .*refused"):
        publish_to(Index("http://127.0.0.1:1", tmp_path))


def test_a_check_url_that_is_not_a_simple_index_is_reported(index: Index, publish_to: Publish) -> None:
    page = f"{index.url}/genauth-email/"
    with pytest.raises(ReleaseError, match=f"^{page} responded with 303 See Other. .*: set CHECK_URL"):
        publish_to(index, CHECK_URL=index.url)


WITH_A_PASSWORD = "contains an @, as a URL with a password does"
NO_HOST = "must start with https:// and name a host"
UNENCRYPTED = "starts with http://, so the credentials would travel unencrypted"


@pytest.mark.parametrize("name", ["INDEX_URL", "CHECK_URL"])
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (f"http://{USERNAME}:{PASSWORD}@127.0.0.1/", WITH_A_PASSWORD),
        (f"{USERNAME}:{PASSWORD}@127.0.0.1", WITH_A_PASSWORD),
        ("127.0.0.1/simple/", NO_HOST),
        ("ftp://127.0.0.1/", NO_HOST),
        ("https:///simple/", NO_HOST),
        ("https://127.0.0.1:port/", NO_HOST),
        ("http://packages.example.com/", UNENCRYPTED),
        ("http://127.0.0.1.example.com/", UNENCRYPTED),
        ("http://192.168.0.1/", UNENCRYPTED),
    ],
)
def test_a_url_that_cannot_be_used_is_reported_without_its_contents(name: str, url: str, complaint: str) -> None:
    with pytest.raises(ReleaseError, match=f"^{name} {complaint}") as raised:
        publish.settings({"INDEX_URL": "http://127.0.0.1/", name: url, **CREDENTIALS})
    assert url not in str(raised.value)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost:8080/", {}),
        ("http://127.0.0.1/", {}),
        ("http://[::1]:8080/", {}),
        ("https://packages.example.com/", {}),
        ("http://packages.example.com/", {"ALLOW_HTTP": "1"}),
    ],
)
def test_plain_http_is_only_for_this_machine_unless_it_is_allowed(url: str, allowed: dict[str, str]) -> None:
    index = publish.settings({"INDEX_URL": url, **CREDENTIALS, **allowed})
    assert (index.upload_url, index.check_url) == (url, f"{url}simple/")


HERE = {"INDEX_URL": "http://127.0.0.1/"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (CREDENTIALS, "INDEX_URL is missing: make publish INDEX_URL=https://…"),
        (HERE, "The index's credentials are missing. Set UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD, or UV_PUBLISH_T"),
        (HERE | {"UV_PUBLISH_USERNAME": USERNAME}, "The index's credentials are missing"),
        (HERE | {"UV_PUBLISH_PASSWORD": PASSWORD}, "The index's credentials are missing"),
        *(
            (HERE | {"UV_PUBLISH_TOKEN": PASSWORD, name: "x"}, "The index's credentials are given twice")
            for name in CREDENTIALS
        ),
    ],
)
def test_missing_or_double_settings_are_reported(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ReleaseError, match=f"^{complaint}"):
        publish.settings(given)
