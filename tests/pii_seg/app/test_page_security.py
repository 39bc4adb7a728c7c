"""A real browser tries to run code through names and errors, and to use the page from another."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pii_seg.app.session import Session
from pii_seg.errors import InputError
from tests.pii_seg.app.browser import BROWSER_MARKS, drop, status
from tests.pii_seg.app.conftest import grey_image

pytestmark = BROWSER_MARKS

ATTACKS = [
    "<script>window.hit = 1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1",
    "javascript:window.hit=1",
    "</button></li><iframe srcdoc='<script>parent.hit=1</script>'>",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u202egnp.exe",
    "a" * 900,
]


def assert_no_hit(page: Page) -> None:
    assert page.evaluate("window.hit ?? null") is None
    foreign = "document.querySelectorAll('#list img, #list svg, iframe, script').length"
    assert page.evaluate(foreign) == 1  # the page's own script


def test_names_run_no_code(page: Page) -> None:
    names = [f"{attack.replace('/', '')}.png" for attack in ATTACKS]
    drop(page, *names)
    for number, name in enumerate(names):
        button = page.locator("#list button").nth(number)
        expect(button.locator(".name")).to_have_text(name)
        expect(button.locator(".status")).to_have_text("1 area found")
        button.click()
        expect(page.locator("#facts")).to_contain_text(name)
        page.mouse.move(5, 5)
    assert_no_hit(page)


def test_errors_run_no_code(page: Page, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(ATTACKS)

    def fail(*_: object) -> Any:
        raise RuntimeError(text)

    monkeypatch.setattr(session.anonymizer, "find", fail)
    drop(page, "a.png")
    expect(page.locator("#list .status")).to_contain_text("window.hit")

    def reject(*_: object) -> Any:
        raise InputError(text)

    monkeypatch.setattr("pii_seg.app.server.Upload", reject)
    for name in ATTACKS[:3]:
        drop(page, f"{name.replace('/', '')}.png", allowed=True)
        expect(page.locator("#message")).to_contain_text("window.hit")
    assert_no_hit(page)


def test_injected_markup_runs_no_code(page: Page) -> None:
    """The policy of the page holds even if a name became markup."""
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend',"
        " '<img src=x: onerror=window.hit=1><a id=link href=\"javascript:window.hit=1\">x</a>')"
    )
    page.evaluate("document.getElementById('link').click()")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit ?? null") is None
    assert page.errors  # type: ignore[attr-defined]  # the browser reported both
    page.errors.clear()  # type: ignore[attr-defined]


HOSTILE = """<!doctype html><title>hostile</title><body><script>
const base = %s, results = {};
const image = () => new Blob([Uint8Array.from(atob(%s), (c) => c.charCodeAt(0))]);
const tries = {
  read: () => fetch(base + 'state').then((r) => r.text()),
  read_opaque: () => fetch(base + 'state', { mode: 'no-cors' }).then((r) => r.text()),
  post: () => fetch(base + 'pictures?name=evil.png', { method: 'POST', body: image() }),
  post_opaque: () => fetch(base + 'pictures?name=evil.png',
    { method: 'POST', mode: 'no-cors', body: image() }).then((r) => r.text()),
  beacon: async () => {
    navigator.sendBeacon(base + 'pictures?name=evil.png', image()); return ''; },
  remove: () => fetch(base + 'pictures/1', { method: 'DELETE' }),
  put: () => fetch(base + 'pictures/1/strokes', { method: 'PUT', body: '[]' }),
  picture: () => new Promise((done, fail) => { const i = new Image();
    i.onload = () => done('loaded'); i.onerror = fail; i.src = base + 'pictures/1/before'; }),
  script: () => new Promise((done, fail) => { const s = document.createElement('script');
    s.onload = () => done('loaded'); s.onerror = fail; s.src = base + 'app.js';
    document.body.append(s); }),
  frame: () => new Promise((done) => { const f = document.createElement('iframe');
    f.onload = () => { let inside = ''; try { inside = f.contentDocument.body.innerHTML; }
      catch {} done(inside); }; f.src = base; document.body.append(f); }),
  form: () => new Promise((done) => { const f = document.createElement('form');
    f.method = 'POST'; f.enctype = 'text/plain'; f.action = base + 'pictures?name=evil.png';
    f.target = 'hidden'; const i = document.createElement('iframe'); i.name = 'hidden';
    i.onload = () => done(''); document.body.append(i, f); f.submit(); }),
  window_open: async () => { const w = open(base); await new Promise((d) => setTimeout(d, 500));
    let inside = ''; try { inside = w.document.body.innerHTML; } catch {} return inside; },
};
(async () => {
  for (const [name, attempt] of Object.entries(tries)) {
    try { results[name] = String(await attempt()); } catch { results[name] = 'failed'; }
  }
  window.results = results;
})();
</script>"""


@contextmanager
def hostile_site(page_address: str) -> Iterator[str]:
    """Serve a page that knows the secret address, which it could not, and tries to use it."""
    image = base64.b64encode(grey_image()).decode()
    content = (HOSTILE % (json.dumps(page_address), json.dumps(image))).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://HOST:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_site_can_neither_read_nor_write(
    host: str, browser: Browser, page: Page, address: str, session: Session
) -> None:
    drop(page, "street.png")
    expect(status(page, "street.png")).to_have_text("1 area found")
    before = session.entries()
    context = browser.new_context()
    with hostile_site(address) as other:
        hostile = context.new_page()
        hostile.goto(other.replace("HOST", host))
        hostile.wait_for_function("window.results", timeout=20_000)
        results = hostile.evaluate("window.results")
    context.close()
    assert len(results) == 12
    assert set(results.values()) <= {"failed", ""}, results
    assert session.entries() == before
