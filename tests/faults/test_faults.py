"""Each fault of the table, played to each kind of client."""

import pickle
import traceback
import tracemalloc
from email.parser import BytesHeaderParser

import pytest
from genauth_email import APIError, GenAuthError, InvalidResponseError

from tests.contract.contract import ROOT
from tests.twins import Connect

from .faults import EMAIL, FAULTS, LIMIT, Fault
from .markdown import markdown
from .play import TOKEN, play

ROWS = [fault for group in FAULTS.values() for fault in group]
PLAYED = [(kind, fault) for fault in ROWS for kind in fault.kinds]


@pytest.mark.parametrize(
    ("connect", "fault"), PLAYED, indirect=["connect"], ids=[f"{fault.name}-{kind}" for kind, fault in PLAYED]
)
def test_a_fault_comes_out_as_the_table_says(connect: Connect, fault: Fault) -> None:
    played = play(fault, connect)

    assert played.outcome == fault.outcome
    assert played.sent_after == 1
    if played.error is not None:
        check_error(played.error)
    if isinstance(played.error, APIError | InvalidResponseError):
        check_that_it_keeps_what_came(played.error, fault)


def check_error(error: GenAuthError) -> None:
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert EMAIL not in text
        assert TOKEN not in text
        assert "t***@example.com" in text
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def check_that_it_keeps_what_came(error: APIError | InvalidResponseError, fault: Fault) -> None:
    head, _, body = fault.answers[-1].content.partition(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    assert error.http_status == int(status.split()[1])
    for name, value in BytesHeaderParser().parsebytes(fields).items():
        assert error.headers[name] == value
    assert error.content == (body[:LIMIT] if fault.keeps is None else fault.keeps)


def test_the_readme_says_what_comes_of_faults() -> None:
    # What `python -m tests.faults` prints, if the tests above pass.
    assert f"\n\n{markdown(lambda fault: fault.outcome)}\n## " in (ROOT / "generated/README.md").read_text()


LONG = [fault for fault in FAULTS["The size and the encoding of the body"] if "64 MiB" in fault.name]


@pytest.mark.parametrize("fault", LONG, ids=[fault.name for fault in LONG])
def test_a_long_body_takes_little_memory(connect: Connect, fault: Fault) -> None:
    tracemalloc.start()
    try:
        play(fault, connect)
        assert tracemalloc.get_traced_memory()[1] < 16 * LIMIT
    finally:
        tracemalloc.stop()
