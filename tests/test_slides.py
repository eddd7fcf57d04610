"""The slides: the file is the script's, and in a browser everything is visible and the keys work."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "static" / "slides.html"
TOO_LARGE = """() => [...document.querySelectorAll("section")].filter(slide => slide.offsetHeight > 0).filter(
    slide => [slide, ...slide.querySelectorAll(".wide, pre, .formula")].some(
        part => part.scrollWidth > part.clientWidth + 1 || (part === slide && part.scrollHeight > part.clientHeight + 1)
    )).map(slide => slide.innerText)"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("slides", DOCS / "slides.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_file_is_what_the_script_writes(script):
    assert PAGE.read_text("utf-8") == script.page(), "python docs/slides.py"


def test_it_loads_nothing():
    text = PAGE.read_text("utf-8")
    assert text.count("<section>") > 15
    assert "://" not in text


def test_indices_and_code_are_marked_up(script):
    assert script.words("h_t < W_{xh} `h_t`") == "<i>h</i><sub>t</sub> &lt; <i>W</i><sub>xh</sub> <code>h_t</code>"


@pytest.mark.skipif(not (DOCS / "static" / "drawings").exists(), reason="there are no drawings yet")
def test_every_drawing_that_is_named_exists(script, monkeypatch):
    named = []
    monkeypatch.setattr(script, "drawing", lambda file, _: named.append(file) or "")
    script.slides()
    assert [file for file in named if not (DOCS / file).exists()] == []


@pytest.fixture
def show(browser):
    pages, complaints = [], []

    def show(width=1280, height=720, **options):
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(PAGE.as_uri())
        return page

    yield show
    for page in pages:
        page.close()
    assert complaints == []


def visible(page):
    return page.locator("section:visible h1, section:visible h2").all_inner_texts()


@pytest.mark.slow
def test_keys_open_answers_and_change_slides(show):
    page = show()
    titles = page.locator("section h1, section h2").all_text_contents()
    assert visible(page) == titles[:1]
    page.keyboard.press("ArrowRight")
    assert visible(page) == titles[1:2]
    assert page.locator("section:visible details[open]").count() == 0
    page.keyboard.press("Space")  # the slide has one question
    assert page.locator("section:visible details[open]").count() == 1
    page.keyboard.press("Space")
    assert visible(page) == titles[2:3]
    page.keyboard.press("ArrowLeft")
    assert visible(page) == titles[1:2]
    page.keyboard.press("End")
    page.get_by_label("Next slide").click()
    assert visible(page) == titles[-1:]
    page.reload()
    assert visible(page) == titles[-1:]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert visible(page) == titles[:1]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_slide_fits_on_a_screen_with_its_answers(show, scheme):
    page = show(color_scheme=scheme)
    for place in range(page.locator("section").count()):
        page.evaluate(
            "place => { show(place); slides[place].querySelectorAll('details').forEach(d => d.open = true); }", place
        )
        assert len(visible(page)) == 1
        assert page.evaluate(TOO_LARGE) == []
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert ground != ink


@pytest.mark.slow
def test_paper_and_phones_show_all_slides(show):
    page = show()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(visible(page)) == page.locator("section").count()
    assert page.evaluate(TOO_LARGE) == []
    phone = show(width=375, height=800)
    assert len(visible(phone)) == phone.locator("section").count()
    assert phone.evaluate("document.documentElement.scrollWidth") == 375
