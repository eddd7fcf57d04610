"""Open every page of the site in a browser: axe-core finds nothing, the console stays empty, nothing is wider than a phone."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu"]
RUN = "axe.run(document, { iframes: false, preload: false }).then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`))"
WIDTH = "document.documentElement.scrollWidth"


def main(site: Path, axe: Path, chromium: str) -> None:
    # The theme's search page has no heading before there are results.
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "search.html"]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        problems = [problem for page in pages for problem in check(browser, page, axe.read_text("utf-8"))]
    print("\n".join(problems) or f"{len(pages)} pages without a problem")
    sys.exit(bool(problems))


def check(browser, page: Path, axe: str) -> list[str]:
    """What is wrong with a page in light and dark, on a desk and on a phone."""
    problems = []
    for scheme, width in (("light", 1280), ("dark", 375)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
        tab = context.new_page()
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(page.as_uri())
        tab.evaluate(axe)
        problems += tab.evaluate(RUN)
        if (wide := tab.evaluate(WIDTH)) > width:
            problems.append(f"{wide} pixels wide")
        context.close()
        problems[:] = [p if p.startswith(page.name) else f"{page.name}, {scheme}, {width} pixels: {p}" for p in problems]
    return problems


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
