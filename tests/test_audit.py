"""The audit of the lock: a known vulnerability of a locked version is named, one of another version is not, and what was not compared is not called sound."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import audit  # noqa: E402


def record(*events: dict, name: str = "Invented_Package", versions: tuple[str, ...] = (), **more) -> dict:
    """An invented vulnerability of an invented package."""
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "versions": list(versions)}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {"id": "PYSEC-0000-1", "aliases": ["CVE-0000-1"], "summary": "Invented.", "affected": [affected], **more}


@pytest.mark.parametrize(
    ("events", "vulnerable", "sound"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9", "2.0rc1", "0.0.dev1"], ["2.0", "2.0.post1", "10.0"]),
        ([{"introduced": "0"}], ["0.1", "99"], []),
        ([{"introduced": "1.2"}, {"last_affected": "1.4"}], ["1.2", "1.4"], ["1.1", "1.4.1"]),
        (
            [{"introduced": "1"}, {"fixed": "1.5"}, {"introduced": "2"}, {"fixed": "2.5"}],
            ["1.4", "2.4"],
            ["0.9", "1.5", "1.9", "2.5"],
        ),
        ([{"fixed": "1.10"}, {"introduced": "1.2"}], ["1.9"], ["1.1", "1.10"]),
    ],
)
def test_a_range_holds_what_the_format_says(events, vulnerable, sound):
    affected = record(*events)["affected"][0]
    assert [v for v in vulnerable if not audit.is_affected(Version(v), affected)] == []
    assert [v for v in sound if audit.is_affected(Version(v), affected)] == []


def test_names_are_compared_as_the_index_does_and_withdrawn_or_foreign_records_do_not_count():
    packages = audit.locked("invented-package==1.0 \\\n    --hash=sha256:aa\nother==3\n")
    [found] = audit.findings(packages, [record({"introduced": "0"}, {"fixed": "1.1"})])
    assert found.line() == "invented-package 1.0: PYSEC-0000-1 (CVE-0000-1), mended in 1.1. Invented."
    assert audit.findings(packages, [record(versions=("1.0.0",))])
    assert not audit.findings(packages, [record({"introduced": "0"}, withdrawn="2020-01-01T00:00:00Z")])
    foreign = record({"introduced": "0"})
    foreign["affected"][0]["package"]["ecosystem"] = "npm"
    assert not audit.findings(packages, [foreign])


def databases(folder: Path) -> list[Path]:
    """One record in each form that a database comes in."""
    one = record({"introduced": "0"})
    (folder / "checkout" / "vulns" / "x").mkdir(parents=True)
    (folder / "checkout" / "vulns" / "x" / "PYSEC-0000-1.yaml").write_text(json.dumps(one))
    (folder / "checkout" / ".github").mkdir()
    (folder / "checkout" / ".github" / "workflow.yaml").write_text("on: push")
    (folder / "one.json").write_text(json.dumps(one))
    (folder / "list.json").write_text(json.dumps([one, one]))
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("PYSEC-0000-1.json", json.dumps(one))
    return [folder / name for name in ("checkout", "one.json", "list.json", "all.zip")]


def test_every_form_of_a_database_is_read(tmp_path, capsys):
    lock = tmp_path / "lock"
    for place in databases(tmp_path):
        lock.write_text("invented-package==1.0\n")
        assert audit.main([str(place)], lock) == 1
        assert "1 found" in capsys.readouterr().out
        lock.write_text("another-package==1.0\n")
        assert audit.main([str(place)], lock) == 0


@pytest.mark.parametrize("content", ["", "{}", "[5]", '{"id": "x", "affected": 5}', '{"id": "x", "affected": [5]}', "\xff", None])
def test_what_was_not_compared_is_not_called_sound(content, tmp_path, capsys):
    place = tmp_path / "x.json"
    if content is not None:
        place.write_bytes(content.encode("latin-1"))
    assert audit.main([str(place)]) == 2
    assert "not done" in capsys.readouterr().err


def test_without_a_database_it_says_so_and_how_to_get_one():
    done = subprocess.run(
        ["make", "--dry-run", "audit", "AUDIT_DB=some/place"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 'tools/audit.py "some/place"' in done.stdout
    done = subprocess.run([sys.executable, "tools/audit.py", ""], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no database of vulnerabilities is at hand" in done.stderr
    assert "make audit AUDIT_DB=" in done.stderr


def test_every_line_of_the_lock_is_read():
    text = (ROOT / "requirements-test.lock").read_text(encoding="utf-8")
    assert len(audit.locked(text)) == sum(not line.startswith((" ", "#")) and bool(line) for line in text.splitlines()) > 100
