"""What is measured on a network is measured for every client, and can be true. How fast anything is, is not tested."""

import re
import socket
from importlib.util import find_spec
from time import perf_counter

import pytest

from benchmarks.network_report import NetworkResults, named_size, report
from benchmarks.peers import AIOHTTP, HTTPX, OURS, OURS_ON_AIOHTTP, STOCK, VENDOR
from benchmarks.relay import relay
from benchmarks.server import serve

from .test_benchmarks import smoke

SYNC = {OURS, HTTPX, STOCK, VENDOR}
ASYNC = {OURS, HTTPX, *({OURS_ON_AIOHTTP, AIOHTTP} if find_spec("aiohttp") else ())}
# Those for which the smoke run starts processes, which take most of its time.
PROGRAMS = (SYNC | ASYNC) - {STOCK}


def tables_of(output: str) -> dict[str, dict[str, list[list[float]]]]:
    """The tables by their first cell, the rows by theirs, and the numbers of each other cell."""
    tables = dict[str, dict[str, list[list[float]]]]()
    for block in output.split("\n\n"):
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
        tables[rows[0][0]] = {
            name: [[float(each) for each in re.findall(r"-?[\d.]+", cell) if each != "-"] for cell in cells]
            for name, *cells in rows[3:]
        }
    return tables


def test_a_run_measures_every_client_that_is_installed() -> None:
    output = smoke("network")
    tables = tables_of(output)
    sparse, first = tables["a call every 8 s"], tables["first call of a process"]
    slow, growth = tables["2 in flight, 1 ms server"], tables["a connection for each call"]
    clients, sizes = tables["each of many clients"], tables["size of the response"]
    for name in SYNC | ASYNC:
        assert f"Left out: {name}:" not in output
    assert sparse.keys() >= SYNC | ASYNC | {f"{OURS}, async"}
    assert first.keys() == PROGRAMS
    assert slow.keys() >= ASYNC
    assert growth.keys() >= ASYNC
    assert clients.keys() == SYNC & PROGRAMS
    assert sizes.keys() >= SYNC
    # Nothing is faster than the way is long, and the vendor's SDK makes a connection for each call.
    assert all(trips[0] >= 0.99 for [trips] in sparse.values())
    assert sparse[VENDOR][0][0] >= 2.99
    for process, processor, *parts in first.values():
        assert process[0] >= sum(part for [part] in parts) > 0
        assert processor[0] > 0
    assert all(rate > 0 and latency >= 1 for [rate, *_], [latency, _], _ in slow.values())
    assert all(slow[name][-1][0] > 0 for name in ASYNC & PROGRAMS)
    assert all(rate > 0 and memory > 0 for [[rate, *_, memory]] in growth.values())
    assert clients[OURS][0][0] > 0
    assert all(made[0] > 0 for _, made in clients.values())
    assert all(time[0] > 0 for [time] in sizes.values())


def test_the_first_bytes_of_a_connection_wait_for_its_handshake() -> None:
    with serve() as server, relay(server.http, [0.05]) as [url]:
        host, _, port = url.removeprefix("http://").partition(":")
        request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
        with socket.create_connection((host, int(port))) as connection:
            times = list[float]()
            for _ in range(2):
                started = perf_counter()
                connection.sendall(request)
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
                times.append(perf_counter() - started)
    # The second request needs one round trip. Nothing is said about how much longer it takes.
    assert times[0] >= 0.199
    assert times[1] >= 0.099


def test_what_was_not_measured_is_not_reached() -> None:
    aims = [line for line in report(NetworkResults()).splitlines() if "≤" in line or "≥" in line]
    assert aims
    assert all("not measured" in line and "yes" not in line for line in aims)


@pytest.mark.parametrize(("size", "name"), [(100, "100 B"), (1024, "1 KiB"), (1024 * 1024, "1 MiB")])
def test_sizes_have_names(size: int, name: str) -> None:
    assert named_size(size) == name
