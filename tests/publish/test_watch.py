"""`cordbook build --watch`: a save rebuilds, pages are told, an error stands over the last good book."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from cordbook.publish.build import serve
from cordbook.publish.build.watch import watch
from tests.publish.conftest import edited, site_of
from tests.publish.small_book import set_events

PATIENCE_S = 120


class _Watched:
    """The small book under watch, and what its pages are told."""

    def __init__(self, book):
        self.book, self.said, self.stop = book, [], threading.Event()
        self.thread = threading.Thread(
            target=watch, args=(book,), kwargs={"port": 0, "report": self.said.append, "until": self.stop.is_set}, daemon=True
        )
        self.thread.start()
        self._wait(lambda: self.said)
        self.address = self.said[0].split()[4]
        self.told = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc)
        connection.request("GET", serve.EVENTS)
        for line in connection.getresponse():
            if line.startswith(b"data: "):
                self.told.append(json.loads(line[6:]))

    def _wait(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, (self.said, getattr(self, "told", None))
            time.sleep(0.05)

    def wait_for(self, state, version):
        self._wait(lambda: any(t["state"] == state and t["version"] >= version for t in self.told))
        return next(t for t in self.told if t["state"] == state and t["version"] >= version)

    def get(self, path, host=None, method="GET"):
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc)
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def watched(book):
    it = _Watched(book)
    yield it
    it.stop.set()
    it.thread.join(PATIENCE_S)


def test_the_page_is_served_with_a_script_that_stands_in_no_file(watched):
    watched.wait_for("ready", 1)
    status, page = watched.get("/")
    assert status == 200
    assert serve.SCRIPT_PATH in page
    assert "EventSource" in watched.get(serve.SCRIPT_PATH)[1]
    assert not any(serve.SCRIPT_PATH.encode() in content for content in site_of(watched.book).values())


def test_it_answers_to_this_machine_only(watched):
    assert watched.get("/", host="example.org")[0] == 403
    assert watched.get("/../../../etc/passwd")[0] == 404
    assert watched.get("/", host="example.org", method="HEAD")[0] == 403


def test_paths_that_no_file_can_have_are_answered(watched):
    assert watched.get("/a%00b")[0] == 400
    assert watched.get("/" + "a" * 300)[0] == 414
    assert watched.get("/" + "a" * 200 + ".html")[0] == 404


def test_who_asks_too_slowly_is_let_go(watched, monkeypatch):
    monkeypatch.setattr(serve._Handler, "timeout", 0.2)
    with socket.create_connection(urlsplit(watched.address).netloc.split(":")) as slow:
        slow.sendall(b"GET / HT")
        slow.settimeout(PATIENCE_S)
        assert slow.recv(10) == b""


def test_a_save_is_built_and_a_broken_row_keeps_the_last_good_book(watched):
    first = watched.wait_for("ready", 1)["version"]
    with edited(watched.book, "data/outcomes.csv", "data/extractions.csv"):
        set_events(watched.book.data, "lima2010.treated.ais_improved.all.27.7", 12)
        second = watched.wait_for("ready", first + 1)["version"]
        good = watched.get("/book/prose.html")[1]
        assert "12 of 20" in good
        set_events(watched.book.data, "lima2010.treated.ais_improved.all.27.7", 99)
        message = watched.wait_for("failed", second)["message"]
        assert "outcomes.csv" in message
        assert watched.get("/book/prose.html")[1] == good
    watched.wait_for("ready", second + 1)
    assert "11 of 20" in watched.get("/book/prose.html")[1]
