"""The running server: many uploads at once, bytes that are no HTTP, and its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pii_seg.app.session import Limits
from tests.pii_seg.app.conftest import grey_image, make_session, wait_for
from tests.pii_seg.app.served import TOKEN, served
from tests.pii_seg.app.test_server import assert_guarded

START = """
import sys
from pii_seg.anonymize.anonymizer import Anonymizer
Anonymizer.load = classmethod(lambda cls, *_, **__: cls(None))
from pii_seg.app.__main__ import main
sys.exit(main(["--checkpoint", "none.ckpt", "--no-browser"]))
"""


def upload(port: int, content: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", f"/{TOKEN}/pictures?name=a.png", content)
    answer = connection.getresponse()
    assert_guarded({key.lower(): value for key, value in answer.getheaders()})
    return answer.status, answer.read().decode()


def test_a_hundred_uploads_at_once() -> None:
    session = make_session()
    with served(session) as port, ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda _: upload(port, grey_image()), range(100)))
    assert {status for status, _ in answers} == {201}
    assert len({json.loads(text)["id"] for _, text in answers}) == 100
    assert {entry["status"] for entry in wait_for(session)} == {"ready"}
    session.close()


def test_uploads_at_once_that_do_not_fit_are_refused_in_words() -> None:
    content = grey_image() + bytes(100_000)
    session = make_session(Limits(stored=10 * len(content) + 5000))
    with served(session) as port, ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: upload(port, content), range(40)))
    statuses = [status for status, _ in answers]
    assert set(statuses) == {201, 409} and 1 <= statuses.count(201) <= 10
    assert all("fill the memory" in text for status, text in answers if status == 409)
    assert session.stored.used <= session.limits.stored
    session.close()


def test_an_upload_that_breaks_off_leaves_nothing() -> None:
    session = make_session()
    with served(session) as port:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                head = f"POST /{TOKEN}/pictures HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999"
                connection.sendall(head.encode() + b"\r\n\r\n" + bytes(100))
        assert upload(port, grey_image())[0] == 201
        wait_for(session)
    assert len(session.entries()) == 1
    assert session.stored.used < 2 * len(grey_image())
    session.close()


@pytest.mark.parametrize("content", [b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\nA B\r\n\r\n"])
def test_bytes_that_are_no_request_get_a_guarded_answer(
    content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    session = make_session()
    with served(session) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(content)
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    session.close()
    assert answer.startswith("HTTP/1.1 400 ")
    headers = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)
    headers = {key: value.replace("deny", "DENY") for key, value in headers.items()}
    assert_guarded(headers)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_one_line(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", START],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        # A shell that starts the tests in the background makes them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    address = process.stdout.readline()
    found = re.match(r"http://127\.0\.0\.1:(\d+)/(.+)/$", address)
    assert found, (address, process.communicate())
    process.stdout.readline()
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
    connection.request("GET", f"/{found[2]}/state")  # an open connection does not keep it alive
    assert connection.getresponse().status == 200
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert errors == "stopped; all images were discarded\n"
    assert process.returncode == 130
