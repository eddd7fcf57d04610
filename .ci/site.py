"""Open every page of the site in a browser: axe-core finds nothing, the console stays empty, and it fits a phone."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu"]
WIDTH = 375  # of a phone
RUN = """async () => {
  const { violations } = await axe.run(document, { iframes: false, preload: false });
  return violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
}"""


def main(site: Path, axe: str, chromium: str) -> None:
    # The theme's search page has no heading before there are results.
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "search.html"]
    count = 0
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        size = {"width": WIDTH, "height": 800}
        context = browser.new_context(color_scheme="dark", viewport=size, bypass_csp=True)
        for page in pages:
            tab = context.new_page()
            for problem in check(tab, page, axe):
                count += 1
                print(f"{page.relative_to(site)}: {problem}")
            tab.close()
    print(f"{len(pages)} pages, {count} problems")
    sys.exit(count > 0)


def check(tab, page: Path, axe: str) -> list[str]:
    """What is wrong with a page."""
    problems = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(page.as_uri())
    tab.evaluate(axe)
    wide = tab.evaluate("document.documentElement.scrollWidth")
    return problems + tab.evaluate(RUN) + ([f"{wide} pixels wide"] if wide > WIDTH else [])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text("utf-8"), sys.argv[3])
