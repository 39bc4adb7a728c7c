"""What the server gives, to whom, and what it refuses."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from pii_seg.app.__main__ import main
from pii_seg.app.server import make_app, parse_strokes
from pii_seg.app.session import Limits, Studio, StudioError
from tests.pii_seg.anonymize.conftest import CANARY
from tests.pii_seg.app.conftest import PERSON, grey_picture, make_studio, pixels_of, wait_for

HERE = "http://127.0.0.1:8000"
TOKEN = "secret"
STYLES = ("solid", "inpaint", "mosaic", "blur")


def client_of(studio: Studio) -> TestClient:
    return TestClient(make_app(studio, TOKEN, styles=STYLES), base_url=f"{HERE}/{TOKEN}/")


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    with client_of(studio) as client:
        yield client


def post(client: TestClient, name: str = "street.png", content: bytes | None = None) -> int:
    answer = client.post("pictures", params={"name": name}, content=content or grey_picture())
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_a_picture_comes_in_and_goes_out_without_its_person(
    client: TestClient, studio: Studio
) -> None:
    number = post(client)
    wait_for(studio)
    (told,) = client.get("state").json()["pictures"]
    assert (told["name"], told["status"], told["persons"]) == ("street.png", "ready", 1)
    assert pixels_of(client.get(f"pictures/{number}/before").content)[8, 8].min() > 200
    assert pixels_of(client.get(f"pictures/{number}/mask").content)[PERSON].all()
    assert pixels_of(client.get(f"pictures/{number}/after?style=solid").content)[PERSON].max() < 60
    answer = client.get(f"pictures/{number}/download?style=solid")
    assert "street-anonymised.png" in answer.headers["content-disposition"]
    assert not pixels_of(answer.content)[PERSON].any()
    assert CANARY.encode() not in answer.content


def test_strokes_are_kept_and_used(client: TestClient, studio: Studio) -> None:
    number = post(client)
    wait_for(studio)
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
def test_strokes_that_make_no_sense_are_refused(
    body: bytes, client: TestClient, studio: Studio
) -> None:
    with pytest.raises(StudioError):
        parse_strokes(body)
    number = post(client)
    wait_for(studio)
    assert client.put(f"pictures/{number}/strokes", content=body).status_code == 409
    assert client.get(f"pictures/{number}/strokes").json() == []


def test_too_many_points_are_refused() -> None:
    with pytest.raises(StudioError, match="undo some"):
        parse_strokes(
            b'[{"erases": true, "radius": 1, "points": [' + b"[1,1]," * 200_000 + b"[1,1]]}]"
        )


def test_only_who_has_the_token_is_answered(client: TestClient) -> None:
    for path in ("/", "/state", "/wrong/state", f"/{TOKEN}x/state"):
        assert client.get(HERE + path).status_code == 404


def test_other_hosts_and_other_sites_are_refused(client: TestClient) -> None:
    # A name of somebody else's that leads to 127.0.0.1, and a page of another site in the same browser.
    assert client.get("state", headers={"Host": "evil.example:8000"}).status_code == 400
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9000"):
        answer = client.post("pictures", content=grey_picture(), headers={"Origin": origin})
        assert answer.status_code == 403
    assert client.get("state").json()["pictures"] == []
    assert client.get("state", headers={"Origin": HERE}).status_code == 200


def test_every_answer_forbids_what_is_not_needed(client: TestClient, studio: Studio) -> None:
    number = post(client)
    wait_for(studio)
    paths = (
        "",
        "app.js",
        "style.css",
        "state",
        f"pictures/{number}/mask",
        "pictures/99/mask",
        "download",
    )
    for path in paths:
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    page = client.get("").text
    assert "http:" not in page and "https:" not in page
    assert "<script>" not in page and "style=" not in page


def test_what_is_too_large_is_refused_while_it_comes() -> None:
    studio = make_studio(Limits(upload=1000))
    with client_of(studio) as client:
        # Without a length in the header, so only counting helps.
        answer = client.post("pictures", content=(bytes(100) for _ in range(100)))
        assert answer.status_code == 413
        assert studio.entries() == []
    studio.close()


def test_failures_are_told_in_words(client: TestClient, studio: Studio) -> None:
    number = post(client, "broken.jpg", b"\xff\xd8\xff" + bytes(100))
    wait_for(studio)
    answer = client.get(f"pictures/{number}/download")
    assert answer.status_code in (409, 422)
    assert answer.json()["error"]
    assert client.get("pictures/77/mask").status_code == 409
    assert client.delete(f"pictures/{number}").status_code == 204
    assert client.delete(f"pictures/{number}").status_code == 409
    post(client)
    wait_for(studio)
    assert client.get("pictures/2/after?style=sepia").status_code == 409


def test_all_at_once_as_a_zip(client: TestClient, studio: Studio) -> None:
    for name in ("a.png", "a.png", "../../b.png", "C:\\c.png"):
        post(client, name)
    post(client, "bad.png", b"none")
    wait_for(studio)
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


def test_nothing_is_written_to_disk(client: TestClient, studio: Studio, tmp_path: Path) -> None:
    written: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                written.append(str(path))

    sys.addaudithook(watch)  # for good: Python has no way to take it off
    try:
        number = post(client)
        wait_for(studio)
        for path in (f"pictures/{number}/after", f"pictures/{number}/download", "download"):
            client.get(path)
        assert not written
        (tmp_path / "seen").write_bytes(b"")
        assert written == [str(tmp_path / "seen")]
    finally:
        watching = False


def test_other_colours_than_black(client: TestClient, studio: Studio) -> None:
    number = post(client)
    wait_for(studio)
    inpainted = pixels_of(client.get(f"pictures/{number}/download?style=inpaint").content)
    np.testing.assert_allclose(inpainted[PERSON], 90, atol=12)
    warnings = {style["name"]: style["warning"] for style in client.get("state").json()["styles"]}
    assert warnings["solid"] is None and "does not anonymise" in warnings["blur"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--checkpoint", "absent.ckpt"], "absent.ckpt"),
        ([], "checkpoint"),
        (
            ["--checkpoint", "absent.ckpt", "--recall", "0.9", "--threshold", "0.5"],
            "exclude each other",
        ),
    ],
)
def test_wrong_input_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--no-browser"]) == 2
    assert said in capsys.readouterr().err
