"""How fast the explorer answers a filter in Chromium, with 250 and with 25,000 synthetic studies; writes results/explorer.json.

    python benchmarks/run_explorer.py

A filter is set by a click in the page; the time runs from the click until the page holds the new numbers, plot and table, and
until the browser has painted them. Medians of many clicks, with the largest; on the machine as it is and slowed down four times.
Nothing in the data that is timed is evidence.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.explorer.test_page import lay_out  # noqa: E402

from cordbook.publish.pages.explorer_data import explorer_data  # noqa: E402
from cordbook.review.estimates.estimates import load_estimates  # noqa: E402

SIZES = (250, 25_000)
CLICKS = 30
TIME = """async ids => {
  const times = [];
  for (const id of ids) {
    const box = document.getElementById(id), start = performance.now();
    box.click();
    const done = performance.now();
    await new Promise(painted => requestAnimationFrame(() => setTimeout(painted)));
    times.push([done - start, performance.now() - start, CordbookExplorer.current.answer.counted.length]);
  }
  return times;
}"""


def synthetic(base: dict[str, Any], studies: int) -> dict[str, Any]:
    """The explorer's data with synthetic studies of one arm and one count each, of 5 to 60 people."""
    draw = random.Random(1)
    columns = {}
    for name, column in base["columns"].items():
        codes = [draw.randrange(len(column["values"])) if column["values"] else -1 for _ in range(studies)]
        if name in ("role", "topic", "intervention_class"):
            codes = [column["values"].index({"role": "treated"}.get(name, "cell_therapy"))] * studies
        columns[name] = {**column, "codes": codes}
    sizes = [draw.randint(5, 60) for _ in range(studies)]
    shares = [min(max(draw.gauss(0.4, 0.2), 0.01), 0.99) for _ in range(studies)]
    return {
        **base,
        "columns": columns,
        "counts": {
            "outcome": ["ais_improved"] * studies,
            "study": list(range(studies)),
            "arm": list(range(studies)),
            "stratum": [base["strata"].index([])] * studies,
            "relation": ["total"] * studies,
            "months": [12] * studies,
            "events": [sum(draw.random() < p for _ in range(n)) for n, p in zip(sizes, shares, strict=True)],
            "n": sizes,
            "barred": [""] * studies,
        },
        "arms": {"name": ["treated"] * studies, "within": [-1] * studies},
        "studies": {
            "id": [f"synthetic{i:05d}" for i in range(studies)],
            "label": [f"Synthetic {i}" for i in range(studies)],
            "year": [draw.randint(1990, 2025) for _ in range(studies)],
        },
        "estimates": [],
    }


def measure(browser: Any, address: str, slower: int) -> dict[str, Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(address)
    boxes = page.eval_on_selector_all("#cb-explorer .cbx-facet input[type=checkbox]", "all => all.map(box => box.id)")
    chosen = random.Random(2).sample(boxes, min(len(boxes), CLICKS // 2))
    times = page.evaluate(TIME, [box for box in chosen for _ in (0, 1)])
    page.close()
    return {
        "slower": slower,
        "clicks": len(times),
        "answered_ms": round(statistics.median(t[0] for t in times), 1),
        "answered_ms_largest": round(max(t[0] for t in times), 1),
        "painted_ms": round(statistics.median(t[1] for t in times), 1),
        "studies_counted": [min(t[2] for t in times), max(t[2] for t in times)],
    }


def main() -> None:
    base = explorer_data(load_estimates(ROOT))
    found = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = next(p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name)))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for size in SIZES:
            place = Path(folder) / str(size)
            place.mkdir()
            page = lay_out(place, f"globalThis.CORDBOOK_EVIDENCE = {json.dumps(synthetic(base, size))};")
            for slower in (1, 4):
                found.append({"studies": size, **measure(browser, page.as_uri(), slower)})
                print(found[-1])
        browser.close()
    (ROOT / "benchmarks" / "results" / "explorer.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
