"""How soon a reader sees the landing page's summary: headless Chromium with a slowed processor and a slow 4G line.

    python benchmarks/run_site.py [--rounds 7]

Builds nothing: run `make book` first. Writes results/site.json.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import json
import shutil
import statistics
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
#: Lighthouse's "slow 4G": 1.6 Mbit/s down, 150 ms there and back; a processor four times slower.
LINE = {"offline": False, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8, "latency": 150}
SLOWER = 4
#: The box with the answer.
SUMMARY = ".cb-plain, .cb-answer, main strong"
#: Looks in every frame, from within the page, so that no waiting of this script counts: the first frame after the first paint
#: in which the summary has its place.
WATCH = """
(function look() {
  const box = document.querySelector(%s);
  if (box && box.getClientRects().length && performance.getEntriesByName("first-contentful-paint").length)
    window.summarySeen = performance.now();
  else requestAnimationFrame(look);
})();
"""
PAGES = ("index.html", "book/explorer.html", "book/treatment/cell-therapy.html")


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Sends files as hosts do: compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body = gzip.compress(path.read_bytes(), 6, mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def once(browser: object, address: str) -> dict[str, float]:
    """Open the page once, cold; milliseconds to the first paint and to the summary, and bytes on the line."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    tab = context.new_page()
    tools = context.new_cdp_session(tab)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", LINE)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    loaded: list[int] = []
    tools.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    tab.add_init_script(WATCH % json.dumps(SUMMARY))
    tab.goto(address, wait_until="load")
    tab.wait_for_function("window.summarySeen")
    seen = tab.evaluate(
        """() => ({first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime, summary_ms: summarySeen})"""
    )
    context.close()
    return {**seen, "bytes": sum(loaded)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    rounds = options.parse_args().rounds
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Compressed, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for page in PAGES:
            seen = [once(browser, f"http://127.0.0.1:{server.server_port}/{page}") for _ in range(rounds)]
            found[page] = {key: round(statistics.median(one[key] for one in seen)) for key in seen[0]}
            print(page, found[page], flush=True)
        browser.close()
    target = ROOT / "benchmarks" / "results" / "site.json"
    target.write_text(
        json.dumps({"slower": SLOWER, "line": LINE, "rounds": rounds, "pages": found}, indent=1) + "\n", encoding="utf-8"
    )


main()
