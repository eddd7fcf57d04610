"""Make docs/live.gif, the animation in the README: drag a weight, then train.

python docs/animation.py    (needs Chromium, Playwright and Pillow)
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
SIZE, HEIGHT = {"width": 1040, "height": 640}, 396  # of the window, and of the animation
POINTER = """() => document.body.insertAdjacentHTML("beforeend",
    `<svg id="hand" viewBox="0 0 12 18" style="position: fixed; z-index: 9; width: 20px; pointer-events: none">
        <path d="M1 1v14l3.5-3 2.3 5 2-.9-2.2-4.9H11z" fill="#fff" stroke="#000"/></svg>`)"""
MOVE = "([x, y]) => Object.assign(document.getElementById('hand').style, { left: `${x}px`, top: `${y}px` })"


def main() -> None:
    """Take the pictures and put them together."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    pictures, times = [], []
    page_file = Path(tempfile.mkdtemp()) / "page.html"
    example = [sys.executable, DOCS.parent / "examples" / "01_worked_example.py", "--html", page_file]
    subprocess.run(example, check=True, stdout=subprocess.DEVNULL)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(page_file.as_uri())
        page.keyboard.press("ArrowRight")
        page.evaluate("scrollTo(0, 110)")  # the matrices, and what comes out
        page.evaluate(POINTER)

        def point(x: float, y: float) -> None:
            page.mouse.move(x, y)
            page.evaluate(MOVE, [x, y])

        def picture(milliseconds: int) -> None:
            image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            pictures.append(
                image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS)
            )
            times.append(milliseconds)

        weight = page.locator('[data-edit="rnn.cells.0.W_xh"][data-index="1,1"]').bounding_box()
        x, y = weight["x"] + weight["width"] / 2, weight["y"] + weight["height"] / 2
        point(x, y)
        picture(1200)
        page.mouse.down()
        for step in range(1, 16):
            point(x - 10 * step, y)
            picture(90)
        page.mouse.up()
        picture(1200)
        button = page.locator('[data-do="train-50"]').bounding_box()
        point(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
        picture(600)
        for _ in range(15):
            page.evaluate("trainSteps(3, 'train for the film')")
            picture(120)
        picture(2500)
        browser.close()
    palette = pictures[-1].quantize(128, method=Image.Quantize.MAXCOVERAGE)  # keeps the rare blues
    first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in pictures)
    target = DOCS / "live.gif"
    first.save(target, save_all=True, append_images=others, duration=times, loop=0, optimize=True)
    print(f"{target}: {first.width} x {first.height}, {len(pictures)} pictures, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
