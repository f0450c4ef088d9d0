"""A web server on this machine's loopback that sends a site as the strictest hosts do."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cordbook.publish.sphinx.strict_html import POLICY


class Strict(http.server.SimpleHTTPRequestHandler):
    """Sends files with the policy that the pages promise to keep, and says nothing."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def strictly_served(folder: Path) -> Iterator[str]:
    """The address of a folder's files while the block runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Strict, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
