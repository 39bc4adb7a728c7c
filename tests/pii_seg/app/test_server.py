"""The responses of the server, and the requests that it rejects."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from starlette.testclient import TestClient

from pii_seg.app.__main__ import main
from pii_seg.app.server import make_app
from pii_seg.app.session import Limits, Session
from pii_seg.app.strokes import parse_strokes
from pii_seg.errors import InputError, MediaError
from tests.pii_seg.anonymize.conftest import CANARY
from tests.pii_seg.app.conftest import PERSON, grey_image, make_session, pixels_of, wait_for

HERE = "http://127.0.0.1:8000"
TOKEN = "secret"


def client_of(session: Session) -> TestClient:
    return TestClient(make_app(session, TOKEN), base_url=f"{HERE}/{TOKEN}/")


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    with client_of(session) as client:
        yield client


def post(client: TestClient, name: str = "street.png", content: bytes | None = None) -> int:
    answer = client.post("pictures", params={"name": name}, content=content or grey_image())
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_an_uploaded_image_is_downloaded_without_its_person(
    client: TestClient, session: Session
) -> None:
    number = post(client)
    wait_for(session)
    (entry,) = client.get("state").json()["pictures"]
    assert (entry["name"], entry["status"], entry["persons"]) == ("street.png", "ready", 1)
    assert pixels_of(client.get(f"pictures/{number}/before").content)[8, 8].min() > 200
    assert pixels_of(client.get(f"pictures/{number}/mask").content)[PERSON].all()
    assert pixels_of(client.get(f"pictures/{number}/after?style=solid").content)[PERSON].max() < 60
    answer = client.get(f"pictures/{number}/download?style=solid")
    assert "street-anonymised.png" in answer.headers["content-disposition"]
    assert not pixels_of(answer.content)[PERSON].any()
    assert CANARY.encode() not in answer.content


def test_strokes_are_kept_and_used(client: TestClient, session: Session) -> None:
    number = post(client)
    wait_for(session)
    strokes = [{"erases": False, "radius": 5.0, "points": [[60.0, 30.0], [70.0, 30.0]]}]
    assert client.put(f"pictures/{number}/strokes", json=strokes).json()["revision"] == 2
    assert client.get(f"pictures/{number}/strokes").json() == strokes
    result = pixels_of(client.get(f"pictures/{number}/download").content)
    assert not result[30, 65].any()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}{",
        b"[1]",
        b'[{"erases": true}]',
        b'[{"erases": true, "radius": 1, "points": []}]',
        b'[{"erases": true, "radius": -1, "points": [[1, 1]]}]',
        b'[{"erases": true, "radius": NaN, "points": [[1, 1]]}]',
        b'[{"erases": true, "radius": 1, "points": [[1e300, 1]]}]',
        b'[{"erases": true, "radius": 1, "points": [[1, 1, 1]]}]',
        b"[" * 100_000,
    ],
)
def test_malformed_strokes_are_rejected(body: bytes, client: TestClient, session: Session) -> None:
    with pytest.raises(InputError):
        parse_strokes(body)
    number = post(client)
    wait_for(session)
    assert client.put(f"pictures/{number}/strokes", content=body).status_code == 409
    assert client.get(f"pictures/{number}/strokes").json() == []


def test_too_many_points_are_rejected() -> None:
    with pytest.raises(InputError, match="undo some"):
        parse_strokes(
            b'[{"erases": true, "radius": 1, "points": [' + b"[1,1]," * 200_000 + b"[1,1]]}]"
        )


def test_requests_need_the_token(client: TestClient) -> None:
    for path in ("/", "/state", "/wrong/state", f"/{TOKEN}x/state"):
        assert client.get(HERE + path).status_code == 404


def test_other_hosts_and_other_sites_are_rejected(client: TestClient) -> None:
    # A foreign name that resolves to 127.0.0.1, and a page of another site in the same browser.
    assert client.get("state", headers={"Host": "evil.example:8000"}).status_code == 400
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9000"):
        answer = client.post("pictures", content=grey_image(), headers={"Origin": origin})
        assert answer.status_code == 403
    assert client.get("state").json()["pictures"] == []
    assert client.get("state", headers={"Origin": HERE}).status_code == 200


PATHS = ("", "app.js", "style.css", "state", "pictures/1/mask", "pictures/99/mask", "download")


def assert_guarded(headers: Mapping[str, str]) -> None:
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_every_response_forbids_foreign_content(
    path: str, client: TestClient, session: Session
) -> None:
    post(client)
    wait_for(session)
    assert_guarded(client.get(path).headers)


def test_the_page_has_no_inline_code(client: TestClient) -> None:
    page = client.get("").text
    assert "http:" not in page and "https:" not in page
    assert "<script>" not in page and "style=" not in page


def test_errors_are_guarded_too_and_say_what_is_wrong(
    client: TestClient,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a fault\nof the program")

    monkeypatch.setattr(session, "remove", fail)
    answers = {
        404: client.get(HERE + "/nowhere"),
        405: client.patch("state"),
        400: client.get("state", headers={"Host": "evil.example"}),
        403: client.get("state", headers={"Origin": "https://evil.example"}),
        409: client.get("pictures/99/mask"),
        500: client.delete("pictures/1"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert_guarded(answer.headers)
        assert answer.json()["error"] and "Traceback" not in answer.text
    assert answers[405].headers["allow"]
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["", "state", "app.js", "pictures/1/mask"])
def test_requests_that_other_sites_begin_are_rejected(
    client: TestClient, path: str, site: str
) -> None:
    answer = client.get(path, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert_guarded(answer.headers)
    assert client.get("", headers={"Sec-Fetch-Site": "none"}).status_code == 200
    assert client.get("", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::1]:80", "[", ""])
def test_other_hosts_are_rejected(client: TestClient, host: str) -> None:
    assert client.get("state", headers={"Host": host}).status_code == 400


def test_large_uploads_are_rejected_while_they_are_read() -> None:
    session = make_session(Limits(upload=1000))
    with client_of(session) as client:
        # Without a length in the header, so only counting helps.
        answer = client.post("pictures", content=(bytes(100) for _ in range(100)))
        assert answer.status_code == 413
        assert_guarded(answer.headers)
        assert session.entries() == []
        assert session.stored.used == 0
    session.close()


def test_failures_are_explained(client: TestClient, session: Session) -> None:
    number = post(client, "broken.jpg", b"\xff\xd8\xff" + bytes(100))
    wait_for(session)
    answer = client.get(f"pictures/{number}/download")
    assert answer.status_code in (409, 422)
    assert answer.json()["error"]
    assert client.get("pictures/77/mask").status_code == 409
    assert client.delete(f"pictures/{number}").status_code == 204
    assert client.delete(f"pictures/{number}").status_code == 409
    post(client)
    wait_for(session)
    assert client.get("pictures/2/after?style=sepia").status_code == 409


def test_all_images_are_downloaded_as_a_zip(client: TestClient, session: Session) -> None:
    for name in ("a.png", "a.png", "../../b.png", "C:\\c.png"):
        post(client, name)
    post(client, "bad.png", b"none")
    wait_for(session)
    with zipfile.ZipFile(io.BytesIO(client.get("download").content)) as archive:
        assert archive.namelist() == [
            "a-anonymised.png",
            "a-anonymised-2.png",
            "b-anonymised.png",
            "c-anonymised.png",
        ]
        for name in archive.namelist():
            assert not pixels_of(archive.read(name))[PERSON].any()
    with zipfile.ZipFile(io.BytesIO(client.get("download?names=numbered").content)) as archive:
        assert archive.namelist() == [f"{place:04d}.png" for place in range(1, 5)]


def test_an_image_that_cannot_be_written_is_named_in_the_zip(
    client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, "a.png")
    post(client, "\ud800 ‮.png".encode("utf-8", "replace").decode())
    wait_for(session)
    download = session.download

    def failing(number: int, style: str) -> tuple[str, bytes]:
        if number == 1:
            raise MediaError("cannot be held by its format")
        return download(number, style)

    monkeypatch.setattr(session, "download", failing)
    with zipfile.ZipFile(io.BytesIO(client.get("download").content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == "not included.txt"
        assert archive.read("not included.txt") == b"0001: cannot be held by its format\n"
        assert len(archive.namelist()) == 2


def test_nothing_is_written_to_disk(client: TestClient, session: Session, tmp_path: Path) -> None:
    written: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                written.append(str(path))

    sys.addaudithook(watch)  # permanent: Python cannot remove audit hooks
    try:
        number = post(client)
        wait_for(session)
        for path in (f"pictures/{number}/after", f"pictures/{number}/download", "download"):
            client.get(path)
        assert not written
        (tmp_path / "seen").write_bytes(b"")
        assert written == [str(tmp_path / "seen")]
    finally:
        watching = False


def test_styles_are_offered_with_their_warnings(client: TestClient, session: Session) -> None:
    number = post(client)
    wait_for(session)
    inpainted = pixels_of(client.get(f"pictures/{number}/download?style=inpaint").content)
    np.testing.assert_allclose(inpainted[PERSON], 90, atol=12)
    warnings = {style["name"]: style["warning"] for style in client.get("state").json()["styles"]}
    assert warnings["solid"] is None and "does not anonymise" in warnings["blur"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "absent.ckpt"], "absent.ckpt"),
        (["--port", "99999"], "--port 99999"),
        (
            ["--checkpoint", "absent.ckpt", "--recall", "0.9", "--threshold", "0.5"],
            "exclude each other",
        ),
    ],
)
def test_invalid_input_is_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is accepted by mistake must fail here, not serve until somebody stops it.
    monkeypatch.delattr(uvicorn.Server, "run")
    assert main([*arguments, "--no-browser"]) == 2
    assert message in capsys.readouterr().err
