#!/usr/bin/env python3
"""Pictures of the built book for the README: ``make screenshots``. It needs Chromium and the packages of the extra ``test``.

Each is a PNG of at most 256 colours, so that a clone stays small; one that is still too heavy stops the run.
"""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SITE, PICTURES = ROOT / "_build" / "html", ROOT / "docs" / "images"
MOST_BYTES = 250_000


@dataclass(frozen=True, slots=True)
class View:
    """A page at a size in CSS pixels; ``top`` is what stands at the upper edge, the page's own top if empty."""

    name: str
    page: str
    width: int
    height: int
    top: str = ""
    scale: int = 1


VIEWS = (
    View("landing", "index.html", 1280, 1000),
    View("landing-phone", "index.html", 390, 844, scale=2),
    View("chapter", "book/treatment/cell-therapy.html", 1280, 1100, top="article h2"),
    View("study", "book/studies/levi2018.html", 1280, 1100),
    View("explorer", "book/explorer.html", 1280, 1500, top="#cb-explorer"),
    View("explorer-phone", "book/explorer.html", 390, 844, scale=2, top=".cbx-plot"),
)


def picture(page: Page, view: View) -> bytes:
    """The view as PNG."""
    page.goto((SITE / view.page).as_uri())
    if view.top:
        head = "document.querySelector('.bd-header-article').getBoundingClientRect().height"
        page.evaluate(f"top => scrollBy(0, document.querySelector(top).getBoundingClientRect().top - {head} - 12)", view.top)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    out = io.BytesIO()
    shown.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    chromium = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    if chromium is None or not (SITE / "index.html").is_file():
        print("It takes a browser and a built book: apt install chromium; make book", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    heavy = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for view in VIEWS:
            size = {"width": view.width, "height": view.height}
            context = browser.new_context(viewport=size, device_scale_factor=view.scale, color_scheme="light", reduced_motion="reduce")
            taken = picture(context.new_page(), view)
            context.close()
            (PICTURES / f"{view.name}.png").write_bytes(taken)
            print(f"{view.name}.png: {len(taken) / 1000:.0f} kB")
            if len(taken) > MOST_BYTES:
                heavy.append(view.name)
        browser.close()
    if heavy:
        print(f"Heavier than {MOST_BYTES / 1000:.0f} kB: {', '.join(heavy)}. Make the views smaller.", file=sys.stderr)
    return 1 if heavy else 0


if __name__ == "__main__":
    sys.exit(main())
