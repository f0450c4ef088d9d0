"""Work beside the builder: done, failed, stuck, or not possible; the site is the same in each case."""

import os
import time

import pytest

from cordbook.publish.build.build import build
from cordbook.publish.execute import forked_kernels
from cordbook.publish.pages import forked_work as room
from cordbook.publish.pages.forked_work import in_background
from tests.publish.conftest import quiet, site_of, sources_to

pytestmark = pytest.mark.skipif(not forked_kernels.can_fork(), reason="this system cannot fork")


def ended(pid):
    """Is there no such process any more?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_work_is_done_in_another_process(tmp_path):
    said = tmp_path / "said"
    with in_background(lambda: said.write_text(str(os.getpid()))) as done:
        assert done()
    assert int(said.read_text()) != os.getpid()


def test_work_that_fails_is_left_to_the_builder_and_says_nothing(capfd):
    with in_background(lambda: [][0]) as done:
        assert not done()
    assert capfd.readouterr() == ("", "")


def test_work_that_nobody_waits_for_is_ended(tmp_path):
    said = tmp_path / "said"

    def work():
        said.write_text(str(os.getpid()))
        time.sleep(600)

    with in_background(work):
        while not said.exists() or not said.read_text():
            time.sleep(0.01)
    assert ended(int(said.read_text()))


def test_work_that_is_stuck_is_given_up(monkeypatch):
    monkeypatch.setattr(room, "PATIENCE_S", 0.1)
    with in_background(lambda: time.sleep(600)) as done:
        assert not done()


@pytest.mark.parametrize("trouble", ["fails", "cannot fork"])
def test_a_build_whose_pages_are_not_made_in_the_background_makes_them_itself(book, tmp_path, monkeypatch, trouble):
    copy = sources_to(book, tmp_path / "copy")
    if trouble == "fails":
        here, work = os.getpid(), room.write_made_pages

        def fails_in_background(project, estimates):
            if os.getpid() != here:
                raise OSError("no space left on device")
            work(project, estimates)

        monkeypatch.setattr(room, "write_made_pages", fails_in_background)
        monkeypatch.setattr("cordbook.publish.sphinx.extension.write_made_pages", fails_in_background)
    else:
        monkeypatch.setattr(forked_kernels, "can_fork", lambda: False)
    build(copy, report=quiet)
    assert site_of(copy) == site_of(book)
