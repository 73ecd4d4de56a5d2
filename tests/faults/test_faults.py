"""Each fault of the table, played to each kind of client."""

import pickle
import traceback
import tracemalloc
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from itertools import dropwhile
from pathlib import Path
from types import FrameType

import genauth_email
import pytest
from genauth_email import APIError, GenAuthError, InvalidResponseError
from genauth_email._runtime.redaction import error_chain

from tests.clients import KINDS, ClientFactory
from tests.contract.facts import ROOT

from .faults import EMAIL, FAULTS, LIMIT, Fault
from .markdown import markdown
from .play import TOKEN, play

PACKAGE = Path(genauth_email.__file__).parent
DECODED = ("The HTTP status, with a response of the API", "The body of HTTP 200")
"""The groups in which the response was read in full, so the transport makes no difference."""

PLAYED = [
    pytest.param(
        kind,
        fault,
        id=f"{fault.name}-{kind}",
        marks=pytest.mark.release if group in DECODED and kind in ("trio", "aiohttp") else (),
    )
    for group, faults in FAULTS.items()
    for fault in faults
    for kind in KINDS
]


@pytest.mark.parametrize(("make_client", "fault"), PLAYED, indirect=["make_client"])
def test_a_fault_has_the_outcome_in_the_table(make_client: ClientFactory, fault: Fault) -> None:
    outcome, error = play(fault, make_client)

    assert outcome == fault.outcome_for(make_client.kind)
    if error is not None:
        check_error(error)
    if isinstance(error, APIError | InvalidResponseError):
        check_that_it_keeps_what_came(error, fault)


def check_error(error: GenAuthError) -> None:
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert EMAIL not in text
        assert TOKEN not in text
        assert "t***@example.com" in text
    for frame in frames(error):
        shown = repr(frame.f_locals)
        assert EMAIL not in shown, frame
        assert TOKEN not in shown, frame
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of an error and its causes, except the caller's."""
    for each in error_chain(error):
        called = [frame for frame, _ in traceback.walk_tb(each.__traceback__)]
        if each is error:
            called = list(dropwhile(lambda frame: PACKAGE not in Path(frame.f_code.co_filename).parents, called))
        yield from called


def check_that_it_keeps_what_came(error: APIError | InvalidResponseError, fault: Fault) -> None:
    head, _, body = fault.steps[-1].content.partition(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    assert error.http_status == int(status.split()[1])
    for name, value in BytesHeaderParser().parsebytes(fields).items():
        assert error.headers[name] == value
    assert error.content == (body[:LIMIT] if fault.keeps is None else fault.keeps)


def test_the_page_on_failure_behaviour_has_this_table() -> None:
    # If the tests above pass, `python -m tests.faults` prints this.
    page = (ROOT / "generated/genauth_email/docs/failure-behaviour.md").read_text()
    assert page.endswith(f"\n\n{markdown(lambda fault: fault.outcome)}\n</details>\n")


LONG = [fault for fault in FAULTS["The size and the encoding of the body"] if "64 MiB" in fault.name]


@pytest.mark.parametrize("fault", LONG, ids=[fault.name for fault in LONG])
def test_a_long_body_takes_little_memory(make_client: ClientFactory, fault: Fault) -> None:
    tracemalloc.start()
    try:
        play(fault, make_client)
        assert tracemalloc.get_traced_memory()[1] < 16 * LIMIT
    finally:
        tracemalloc.stop()
