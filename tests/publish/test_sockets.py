"""What a killed builder leaves in the temporary folder goes with the next build; what is in use stays."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cordbook.publish.execute.kernel_sockets import HELD, PREFIX, socket_folder, sweep_sockets

HOLD = """
import time
from cordbook.publish.execute.kernel_sockets import socket_folder

with socket_folder() as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A temporary folder of its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def make_old(folder):
    an_hour_ago = time.time() - 3600
    os.utime(folder, (an_hour_ago, an_hour_ago))


def test_a_folder_goes_when_its_builder_was_killed_and_not_before(temporary):
    builder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    folder = temporary / builder.stdout.readline().strip()
    assert folder.parent == temporary
    make_old(folder)
    assert sweep_sockets() == []
    builder.send_signal(signal.SIGKILL)
    builder.communicate()  # closes the pipe, too
    assert folder.is_dir()
    assert sweep_sockets() == [folder]
    assert list(temporary.iterdir()) == []


def test_a_young_folder_and_those_of_others_stay(temporary):
    young, other, bench = temporary / f"{PREFIX}young", temporary / f"{PREFIX}other", temporary / "cordbook-bench-1"
    for folder in (young, other, bench):
        folder.mkdir()
    for folder in (young, bench):
        (folder / HELD).touch()
    for folder in (other, bench):
        make_old(folder)
    assert sweep_sockets() == []
    assert {p.name for p in temporary.iterdir()} == {young.name, other.name, bench.name}


def test_a_folder_goes_at_the_end_of_its_use(temporary):
    with socket_folder() as folder:
        assert folder.is_dir()
        assert len(str(folder / "kernel-5")) < 100 + len(str(temporary))
    assert list(temporary.iterdir()) == []
