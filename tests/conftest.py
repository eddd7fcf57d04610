"""Hypothesis: all examples and the same ones each time in CI; fewer here and for mutants; no deadline on any machine.

The fuzz test: another seed in each run, which pytest's first lines show. A browser for the tests of pages.
"""

import os
import secrets
import shutil

import pytest
from hypothesis import settings

from needed import needed

settings.register_profile("here", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("mutants", deadline=None, derandomize=True, max_examples=25, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

SEED = os.environ.setdefault("VANILLA_RNN_FUZZ_SEED", str(secrets.randbits(32)))


def pytest_report_header():
    return f"VANILLA_RNN_FUZZ_SEED={SEED}"


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None and "CI" not in os.environ:  # in CI a missing browser is a failure
        pytest.skip("needs Chromium")
    with needed("playwright.sync_api").sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a trace in the browser; the page may write no message and request no other file."""
    complaints, contexts = [], []

    def show(steps, width=1280, height=900, scheme="light", motion="reduce", address="", questions=()):
        path = tmp_path / "page.html"
        steps.save_html(path, questions)
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion=motion
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: request.url.split("#")[0] == path.as_uri() or complaints.append(request.url))
        page.goto(path.as_uri() + address)
        return page

    yield show
    for context in contexts:
        context.close()
    assert complaints == []
