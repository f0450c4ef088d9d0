"""A server for writing: shows the built book on this machine alone, reloads pages after a build, shows errors over them.

What it adds to a page stands in no file: the site stays as it was built.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cordbook.display.html.page_parts import with_script

ADDRESS = "127.0.0.1"
EVENTS, SCRIPT_PATH = "/_cordbook/events", "/_cordbook/live.js"
#: A comment is sent as often as this, so that a page that was closed is noticed.
_HEARTBEAT_S = 10.0
#: A client that asks more slowly than this is let go; a name that is longer no file system has (bytes).
_PATIENCE_S, _LONGEST_NAME = 30.0, 255
SCRIPT = """\
(() => {
  let seen = null;
  const box = document.createElement("div");
  box.id = "cordbook-live";
  box.setAttribute("role", "alert");
  box.style.cssText = "position:fixed;inset:auto 0 0 0;max-height:60vh;overflow:auto;z-index:99999;display:none;margin:0;" +
    "padding:1rem 1.5rem;background:#2b1210;color:#fff;font:14px/1.5 monospace;white-space:pre-wrap;border-top:4px solid #ff9a4d";
  document.body.append(box);
  new EventSource("/_cordbook/events").onmessage = (event) => {
    const now = JSON.parse(event.data);
    if (seen !== null && now.version > seen && now.state === "ready") location.reload();
    if (seen === null) seen = now.version;
    box.style.display = now.state === "failed" ? "block" : "none";
    box.textContent = now.state === "failed" ? "The book was not built; this is the last good one.\\n\\n" + now.message : "";
  };
})();
"""


@dataclass(frozen=True, slots=True)
class State:
    """What pages are told: the number of the last good build, ready, building or failed, and the error."""

    version: int
    state: str
    message: str = ""


class Board:
    """The state, with a bell for those who wait for it to change."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = State(0, "building")
        self.closed = False

    @property
    def state(self) -> State:
        return self._state

    def tell(self, state: str, message: str = "") -> None:
        """Set the state; a build that is ready counts up."""
        with self._changed:
            self._state = State(self._state.version + (state == "ready"), state, message)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def wait_for_other(self, seen: State | None) -> State:
        """The state, as soon as it is another than the one seen, or after a while."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._state != seen, timeout=_HEARTBEAT_S)
            return self._state


class _Handler(SimpleHTTPRequestHandler):
    #: Seconds for which a client may be silent while it asks.
    timeout = _PATIENCE_S

    def __init__(self, *arguments: Any, board: Board, **named: Any) -> None:
        self.board = board
        super().__init__(*arguments, **named)

    def parse_request(self) -> bool:
        """Read what is asked, by any method; what comes through another host or names no file that there can be is answered here."""
        if not super().parse_request():
            return False
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        asked = unquote(self.path.split("?")[0])
        if host not in (ADDRESS, "localhost"):
            self.send_error(403, "this server answers to 127.0.0.1 only")
        elif "\0" in asked:
            self.send_error(400, "a path has no null bytes")
        elif any(len(part.encode()) > _LONGEST_NAME for part in asked.split("/")):
            self.send_error(414, "no file has so long a name")
        else:
            return True
        return False

    def do_GET(self) -> None:
        if self.path == EVENTS:
            self._events()
        elif self.path == SCRIPT_PATH:
            self._send(SCRIPT.encode(), "text/javascript; charset=utf-8")
        elif (page := self._page()) is not None:
            self._send(with_script(page, SCRIPT_PATH), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _page(self) -> bytes | None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() and self.path.split("?")[0].endswith("/") else path
        try:
            return path.read_bytes() if path.suffix == ".html" else None
        except OSError:
            return None

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        seen: State | None = None
        try:
            while not self.board.closed:
                now = self.board.wait_for_other(seen)
                line = ": still here\n\n" if now == seen else f"data: {json.dumps(asdict(now))}\n\n"
                self.wfile.write(line.encode())
                self.wfile.flush()
                seen = now
        except (BrokenPipeError, ConnectionResetError):
            return

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of every request."""


@contextmanager
def serving(site: Path, board: Board, port: int) -> Iterator[str]:
    """Serve a folder on this machine; gives the address. Port 0 takes any that is free."""
    handler = partial(_Handler, board=board, directory=str(site))
    server = ThreadingHTTPServer((ADDRESS, port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{ADDRESS}:{server.server_port}/"
    finally:
        board.close()
        server.shutdown()
        server.server_close()
