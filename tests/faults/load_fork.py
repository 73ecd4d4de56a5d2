"""A program that calls through one client, in its own process and in forks. Each call gets its own response."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from threading import Event

from genauth_email import AuthenticationClient

from tests.contract.facts import CHANNEL

FORKS = 10


def call(client: AuthenticationClient, caller: str, numbers: Iterable[int] = range(20)) -> None:
    for number in numbers:
        email = f"{caller}-{number}@example.com"
        assert client.send_email(CHANNEL, email).message == email


def call_in_child(client: AuthenticationClient, caller: str) -> int:
    child = os.fork()
    if child:
        return child
    # A deadlock ends by this signal. The parent's timer is not ours.
    signal.alarm(60)
    try:
        call(client, caller)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(url: str, other_threads: int) -> None:
    signal.alarm(60)
    # Python 3.12 and newer warn of forks with other threads, which is what is tried here.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    stop = Event()
    with AuthenticationClient("app123", url) as client, ThreadPoolExecutor(other_threads + 1) as threads:
        call(client, "before")
        others = [
            threads.submit(call, client, f"thread{number}", takewhile(lambda _: not stop.is_set(), count()))
            for number in range(other_threads)
        ]
        try:
            children = [call_in_child(client, f"child{number}") for number in range(FORKS)]
            call(client, "parent")
            for child in children:
                assert os.waitpid(child, 0)[1] == 0
        finally:
            stop.set()
        for other in others:
            other.result()
        call(client, "after")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
