"""The built book in headless Chromium: it reads offline, shows every formula, works by keyboard and on a phone, has no dead link.

`make book-test` builds the book and runs this; LOCALIST_BOOK names the folder of the built pages. Without it these tests are skipped.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from browser import chromium

from checks.book import links
from checks.book.command import server

FOLDER = Path(os.environ.get("LOCALIST_BOOK", ""))
if not os.environ.get("LOCALIST_BOOK"):
    pytest.skip("LOCALIST_BOOK is not set: `make book-test` builds the book and runs these tests", allow_module_level=True)
PAGES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html") if "_static" not in path.parts)
READ = [page for page in PAGES if page not in ("genindex.html", "py-modindex.html", "search.html", "index.html")]
# All sections of a family's page come from one function, and so do the rows of a table; looking at every one would take minutes.
# They go when the page's own scripts have seen them and before any formula is set: nothing is laid out in vain.
FEWER = """addEventListener('DOMContentLoaded', () => setTimeout(() => {
  document.querySelectorAll('article section section:nth-of-type(n + 6), tbody tr:nth-of-type(n + 61)').forEach(part => part.remove())
}))"""
# The theme looks 300 ms after a page has changed at what scrolls, and lets the keyboard reach it.
REACHED = "[...document.querySelectorAll('pre')].every(part => part.scrollWidth <= part.clientWidth || part.tabIndex === 0)"
# Unfold everything and set every formula: MathJax sets those out of sight only when they come into it. Two frames later what is too wide
# scrolls by itself, and all is read at once, because every further frame of a long page takes a second.
WHOLE = """async () => {
  const width = document.documentElement.scrollWidth, count = (what) => document.querySelectorAll(what).length
  document.querySelectorAll('details').forEach(part => { part.open = true })
  if (window.MathJax) await MathJax.startup.document.lazyTypesetAll()
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  return {width, unfolded: document.documentElement.scrollWidth, wrong: count('mjx-merror, [data-mjx-error]'),
          sources: count('.math'), shown: count('.math mjx-container')}
}"""
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1366, "height": 768}
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}, "resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def address():
    with server(FOLDER) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser, address):
    """Open a page in a fresh context; whatever it asks of another address is refused and recorded, and so is every error."""
    contexts = []

    def visiting(page, size, scheme="light", first=None):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        tab = context.new_page()
        if first:
            tab.add_init_script(first)
        tab.outside, tab.errors = [], []

        def judge(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                tab.outside.append(route.request.url)
                route.abort()

        context.route("**/*", judge)
        tab.on("console", lambda message: tab.errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.goto(address + page)
        tab.wait_for_load_state("networkidle")
        tab.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise }")
        return tab

    yield visiting
    for context in contexts:
        context.close()


def test_the_book_has_the_pages_it_should():
    import theory

    written = {"intro.html", "claims.html", "experiments.html", "trust.html"}
    assert {f"families/{family}.html" for family in theory.FAMILIES} | written <= set(PAGES)


def test_every_link_resolves_and_every_image_has_words():
    pages = links.read(FOLDER)
    wrong, outside = links.broken(pages)
    assert not wrong
    assert all(link.startswith("https://") for link in outside)
    assert not links.unnamed(pages)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_offline_and_fits_a_phone(page, visit):
    tab = visit(page, PHONE, "dark")
    found = tab.evaluate(WHOLE)
    assert found["width"] <= PHONE["width"]
    assert found["unfolded"] <= PHONE["width"]
    assert found["wrong"] == 0
    assert found["shown"] >= found["sources"]
    assert not tab.outside
    assert not tab.errors


@pytest.mark.parametrize("page", READ)
def test_a_page_is_accessible(page, visit):
    from axe_playwright_python.sync_playwright import Axe

    tab = visit(page, LAPTOP, first=FEWER)
    tab.wait_for_function(REACHED, timeout=5000)
    found = Axe().run(tab, options=AXE).response["violations"]
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    found += Axe().run(tab, options={"runOnly": ["color-contrast"], "resultTypes": ["violations"]}).response["violations"]
    worst = [
        (violation["id"], node["html"][:200], node["failureSummary"][:300])
        for violation in found
        for node in violation["nodes"][:3]
    ]
    assert not worst


def test_folded_parts_open_by_keyboard(visit):
    tab = visit("families/concentration.html", LAPTOP)
    first = tab.locator("details summary").first
    first.focus()
    assert not tab.evaluate("document.querySelector('details').open")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.querySelector('details').open")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement !== document.querySelector('details summary')")


def test_the_guard_sees_a_request_to_another_address(visit):
    """The check of offline reading can fail: a page that asks another address is caught."""
    tab = visit("intro.html", LAPTOP)
    tab.evaluate("async () => { try { await fetch('https://example.org/x.js') } catch (refused) {} }")
    assert tab.outside == ["https://example.org/x.js"]


def test_the_guard_sees_a_wrong_formula(visit):
    tab = visit("intro.html", LAPTOP)
    tab.evaluate(
        "async () => { const p = document.createElement('p'); p.textContent = '\\\\(\\\\frac{1}\\\\)'; p.className = 'math';"
        "document.body.append(p); await MathJax.typesetPromise([p]); await MathJax.startup.document.lazyTypesetAll() }"
    )
    assert tab.evaluate("document.querySelectorAll('mjx-merror, [data-mjx-error]').length") > 0
