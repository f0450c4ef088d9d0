"""A release end to end: refused where it must be, frozen, archived with the same bytes anywhere, verified, compared."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.hosting.host import host
from cordbook.publish.release import stored_zip
from cordbook.publish.release.archive import ArchiveError, archive, archive_of, write_archive
from cordbook.publish.release.commit import differing_files, export_release
from cordbook.publish.release.manifest import digest_of, kind_of
from cordbook.publish.release.release import Asked, ReleaseRefused, date_asked, release
from cordbook.publish.release.verify import check_bytes, verify
from cordbook.review.versions.releases import ReleaseError, Version, list_releases, read_release
from tests.book.narrow import over
from tests.publish.conftest import edited, quiet
from tests.publish.release_book import LIMA, add_study, clone, commit, copy, drop_cell, git, make
from tests.publish.small_book import set_events

FIRST, SECOND = Version(0, 1, 0), Version(0, 2, 0)
DAY = dt.date(2026, 12, 1)
LATER = dt.date(2027, 3, 1)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Project:
    """The small book, not yet released."""
    return make(root, tmp_path_factory.mktemp("release") / "book")


@pytest.fixture(scope="module")
def released(book: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it in which version 0.1.0 was released, committed and tagged."""
    project = copy(book, tmp_path_factory.mktemp("released") / "one")
    release(project, Asked(FIRST, DAY), report=quiet)
    commit(project.root, "Release 0.1.0")
    git(project.root, "tag", "v0.1.0")
    return project


@pytest.fixture(scope="module")
def second(released: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of that, with a study added, a count corrected, a cell removed, and version 0.2.0 released."""
    project = copy(released, tmp_path_factory.mktemp("second") / "book")
    add_study(project.data)
    set_events(project.data, LIMA, 12)
    drop_cell(project.data, dropped(released))
    main_build(project)
    commit(project.root, "A study more")
    refused = reasons(project, Asked(Version(0, 1, 1), LATER))
    release(project, Asked(SECOND, LATER), report=quiet)
    (project.root / "refused.txt").write_text(refused, encoding="utf-8")
    return project


def main_build(project: Project) -> None:
    from cordbook.publish.build.build import build

    build(project, report=quiet)


def dropped(project: Project) -> str:
    """The cell that the second release does without."""
    cells = read_release(project.root, FIRST).estimates["ais-improved"].cell_ids
    return min(c for c in cells if c.startswith("karamouzian2012."))


def zip_of(project: Project, version: Version = FIRST) -> Path:
    return project.root / "dist" / f"cordbook-{version}.zip"


def reasons(project: Project, asked: Asked) -> str:
    """All reasons why a release is refused, with proof that nothing was changed."""
    before = git(project.root, "status", "--porcelain"), sorted(project.root.glob("dist/*"))
    with pytest.raises(ReleaseRefused) as refused:
        release(project, asked, report=quiet)
    assert (git(project.root, "status", "--porcelain"), sorted(project.root.glob("dist/*"))) == before
    return "\n".join(refused.value.reasons)


# ------------------------------------------------------------------ refused


def test_all_reasons_come_at_once(released):
    with edited(released, "book/prose.md", "data/outcomes.csv", "data/extractions.csv"):
        prose = released.root / "book" / "prose.md"
        prose.write_text(prose.read_text(encoding="utf-8").replace("> 0.3", "> 0.9"), encoding="utf-8")
        found = reasons(released, Asked(FIRST, DAY))
        assert "not committed: book/prose.md" in found
        assert "version 0.1.0 is not above the last release, 0.1.0" in found
        assert "a guard is broken in book/prose, line" in found
        assert "the date 2026-11-01 is before that of the data, 2026-11-30" in reasons(
            released, Asked(SECOND, dt.date(2026, 11, 1))
        )
        set_events(released.data, LIMA, 99)
        assert "data/ breaks 3 rule(s)" in reasons(released, Asked(SECOND, DAY))


def test_the_same_estimates_are_refused_unless_allowed(released):
    found = reasons(released, Asked(Version(0, 1, 1), DAY))
    assert "no estimate has changed since 0.1.0; --allow-same" in found
    with edited(released, "CHANGELOG.md"):
        path = released.root / "CHANGELOG.md"
        path.write_text(path.read_text(encoding="utf-8") + "- More.\n", encoding="utf-8")
        found = reasons(released, Asked(Version(0, 1, 1), DAY, allow_same=True))
        assert found == "not committed: CHANGELOG.md; commit these files or put them back"


def test_a_step_that_is_too_small_is_refused_and_the_right_one_proposed(second):
    refused = (second.root / "refused.txt").read_text(encoding="utf-8")
    why = "rows added: 1 of studies, 1 of arms, 1 of outcomes; rows removed: 1 of outcomes"
    assert refused == f"0.1.1 is a patch step after 0.1.0, but the change is minor ({why}): release 0.2.0"


def test_a_chapter_that_is_not_as_it_runs_is_refused(released, tmp_path):
    project = copy(released, tmp_path / "stale")
    path = project.root / "book" / "two.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("len(review", "1 + len(review"), encoding="utf-8")
    commit(project.root, "A chapter edited, not run")
    with pytest.raises(ReleaseRefused) as refused:
        release(project, Asked(SECOND, DAY, allow_same=True), report=quiet)
    found = "\n".join(refused.value.reasons)
    assert list_releases(project.root) == (FIRST,)
    assert "executed these chapters anew, so what is committed is stale: book/two.ipynb" in found


def test_outside_git_it_is_refused(book, tmp_path):
    shutil.copytree(book.root, tmp_path / "plain", ignore=shutil.ignore_patterns(".git"))
    with pytest.raises(ReleaseRefused, match="not the top of a git checkout"):
        release(Project(tmp_path / "plain"), Asked(FIRST, DAY), report=quiet)


def test_what_would_fail_later_is_told_first(released):
    with edited(released, "CITATION.cff"):
        path = released.root / "CITATION.cff"
        path.write_text(path.read_text(encoding="utf-8").replace("version: 0.1.0", "edition: 0.1.0"), encoding="utf-8")
        assert "CITATION.cff: 0 lines begin with version:" in reasons(released, Asked(SECOND, DAY))


def test_an_archive_that_cannot_be_written_leaves_the_old_one(released, tmp_path):
    source, target = tmp_path / "source", tmp_path / "x.zip"
    (tmp_path / "html").mkdir()
    shutil.copytree(released.root / "data", source / "data")
    target.write_bytes(b"the old one")
    manifest = read_release(released.root, FIRST).manifest
    with pytest.raises(ArchiveError, match="no built book"):
        write_archive(source, tmp_path / "html", {}, manifest, target)
    (tmp_path / "html" / "index.html").write_bytes(b"x")
    (tmp_path / "x").write_bytes(b"outside")
    with pytest.raises(ArchiveError, match="outside the folder"):
        write_archive(source, tmp_path / "html", {"../x": 0o644, "data/review.yml": 0o644}, manifest, target)
    assert target.read_bytes() == b"the old one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["html", "source", "x", "x.zip"]


# ------------------------------------------------------------------ frozen


def test_what_was_said_is_frozen(released):
    made = read_release(released.root, "0.1.0")
    assert list_releases(released.root) == (FIRST,)
    e = made.estimates["ais-improved"]
    assert (e.k, len(e.cells), e.settings["model"]) == (len(e.cell_ids), len(e.cells), "glmm")
    assert e.words["short"] in (released.site / "book" / "prose.html").read_text(encoding="utf-8")
    assert [(g.page, g.holds) for g in made.guards] == [("book/prose", True), ("book/prose", True)]
    assert made.manifest.date == DAY
    assert made.manifest.counts["study_reports"] == 10
    assert made.manifest.counts["records_identified"] is None
    assert {"data/outcomes.csv", "requirements.lock", "book/one.ipynb"} <= {*made.manifest.files, *made.manifest.chapters}
    with pytest.raises(ReleaseError, match=r"no release 0\.9\.0 in releases/; there are: 0\.1\.0"):
        read_release(released.root, "0.9.0")


def test_a_release_that_was_touched_by_hand_says_which_file(released, tmp_path):
    shutil.copytree(released.root / "releases", tmp_path / "releases")
    path = tmp_path / "releases" / "0.1.0" / "estimates.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"guards"', '"gards"'), encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"estimates\.json: not what a release holds"):
        read_release(tmp_path, "0.1.0")


def test_the_files_that_carry_the_version_have_it(released):
    about = yaml.safe_load((released.root / "CITATION.cff").read_text(encoding="utf-8"))
    assert (about["version"], about["date-released"]) == ("0.1.0", "2026-12-01")
    schema = json.loads((HERE / "reference" / "cff-1.2.0.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(about)
    zenodo = json.loads((released.root / ".zenodo.json").read_text(encoding="utf-8"))
    assert (zenodo["version"], zenodo["publication_date"], zenodo["access_right"]) == ("0.1.0", "2026-12-01", "open")
    assert zenodo["upload_type"] in ("publication", "dataset", "software", "other")
    codemeta = json.loads((released.root / "codemeta.json").read_text(encoding="utf-8"))
    assert codemeta["@context"] == "https://w3id.org/codemeta/3.0"
    assert (codemeta["type"], codemeta["version"]) == ("SoftwareSourceCode", "0.1.0")
    log = (released.root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]\n\n## [0.1.0] - 2026-12-01\n\n### Results\n- First release: 10 study reports," in log


def test_the_projects_own_citation_is_valid(root):
    schema = json.loads((HERE / "reference" / "cff-1.2.0.schema.json").read_text(encoding="utf-8"))
    about = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(about)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**about, "date-released": "yesterday"})


def test_the_date_is_asked_for_or_of_the_source(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    assert date_asked(None) == dt.date(2027, 1, 15)
    assert date_asked("2026-12-01") == DAY
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert date_asked(None) == dt.date.today()


# ------------------------------------------------------------------ archived


def test_two_releases_in_two_clones_and_the_archive_of_a_third_are_identical(book, released, tmp_path, monkeypatch):
    other = clone(book, tmp_path / "a much longer name" / "two")
    monkeypatch.setenv("PYTHONHASHSEED", "5")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    release(other, Asked(FIRST, DAY), report=quiet)
    assert zip_of(other).read_bytes() == zip_of(released).read_bytes()
    third = without_tags(released, tmp_path / "three")
    set_events(third.data, LIMA, 12)
    commit(third.root, "Work goes on")
    set_events(third.data, LIMA, 13)
    before = git(third.root, "status", "--porcelain")
    assert archive(third, FIRST, report=quiet).path.read_bytes() == zip_of(released).read_bytes()
    assert git(third.root, "status", "--porcelain") == before


def without_tags(project: Project, target: Path, *options: str) -> Project:
    """A clone that has no tag and no archive."""
    git(project.root.parent, "clone", "--quiet", "--no-tags", *options, project.root.as_uri(), str(target))
    assert git(target, "tag") == ""
    return Project(target)


def test_a_host_gets_a_release_from_its_commit_where_there_is_no_archive_and_no_tag(released, tmp_path):
    project = without_tags(released, tmp_path / "fresh")
    assert host(project, tmp_path / "public", project.root / "dist", report=quiet) == (FIRST,)
    assert zip_of(project).read_bytes() == zip_of(released).read_bytes()
    assert (tmp_path / "public" / "v0.1.0" / "index.html").is_file()


def test_stored_results_of_measurements_belong_to_a_release_but_not_to_those_made_before_they_did(released, tmp_path):
    """Chapters show them, so that the archive must hold them as they were; early manifests list none."""
    manifest, measured = read_release(released.root, FIRST).manifest, "benchmarks/results/speed.json"
    root = tmp_path / "later"
    shutil.copytree(released.root, root)
    (root / measured).parent.mkdir(parents=True)
    (root / measured).write_text("[1]\n")
    assert kind_of(measured) == "data"
    assert kind_of("benchmarks/run_speed.py") is None
    assert differing_files(root, manifest, [measured]) == []
    lists = replace(manifest, data={**manifest.data, measured: digest_of(root, measured)})
    assert differing_files(root, lists, [measured]) == []
    assert differing_files(root, lists, [measured, "benchmarks/results/other.json"]) == [
        f"benchmarks/results/other.json is not in the manifest of {FIRST}"
    ]
    (root / measured).write_text("[2]\n")
    assert differing_files(root, lists, [measured]) == [f"{measured} is not as it was released"]


def test_of_several_commits_that_added_a_manifest_its_files_tell_the_release(released, tmp_path):
    project = without_tags(released, tmp_path / "squashed")
    git(project.root, "checkout", "--quiet", "--orphan", "squashed")
    set_events(project.data, LIMA, 12)
    commit(project.root, "All of it in one commit, and more")
    found = export_release(project.root, FIRST, tmp_path / "there")
    assert (found.commit, found.differing) == (git(released.root, "rev-parse", "HEAD").strip(), ())
    git(project.root, "tag", "v0.1.0")
    assert export_release(project.root, FIRST, tmp_path / "there").commit == found.commit


def test_a_clone_that_lacks_the_commit_of_a_release_says_what_to_fetch(released, tmp_path, monkeypatch, capsys):
    later = copy(released, tmp_path / "later")
    git(later.root, "tag", "--delete", "v0.1.0")
    set_events(later.data, LIMA, 12)
    commit(later.root, "Work goes on")
    project = without_tags(later, tmp_path / "shallow", "--depth=1")
    monkeypatch.chdir(project.root)
    for command in (["archive", "0.1.0"], ["verify", "0.1.0", "--quiet"], ["host", str(tmp_path / "public")]):
        assert main(command) != 0
        told = capsys.readouterr().err
        assert "data/outcomes.csv is not as it was released" in told
        assert "git fetch --unshallow --tags" in told
    assert not (tmp_path / "public").exists()
    with pytest.raises(ReleaseError, match="no release 0.9.0"):
        archive(project, Version(0, 9, 0), report=quiet)


def test_the_next_version_is_proposed_with_its_reasons_and_nothing_is_built(released, tmp_path, monkeypatch, capsys):
    project = without_tags(released, tmp_path / "next")
    monkeypatch.chdir(project.root)
    add_study(project.data)
    prose = project.root / "book" / "prose.md"
    prose.write_text(prose.read_text(encoding="utf-8").replace("> 0.3", "> 0.31"), encoding="utf-8")
    before = git(project.root, "status", "--porcelain")
    assert main(["release", "--propose"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("0.2.0: a minor step after 0.1.0 of 1 December 2026\n")
    assert "  - rows added: 1 of studies, 1 of arms, 1 of outcomes\n" in said
    assert "  - bound of the sentence “More than a third improved” edited: ais-improved.estimate > 0.3 -> " in said
    assert git(project.root, "status", "--porcelain") == before
    assert not (project.root / "_build").exists()
    set_events(project.data, LIMA, 99)
    assert main(["release", "--propose"]) == 1
    assert "data/ breaks" in capsys.readouterr().out
    assert main(["release"]) != 0
    assert main(["release", "0.2.0", "--propose"]) != 0


def test_an_archive_and_the_folder_in_it_bear_the_short_name_of_the_review(root, tmp_path):
    source = tmp_path / "review"
    (source / "data").mkdir(parents=True)
    path = Path(shutil.copy(root / "data" / "review.yml", source / "data"))
    shutil.copy(root / "data" / "datapackage.json", source / "data")
    shutil.copy(root / "CITATION.cff", source)
    assert archive_of(source, FIRST) == source / "dist" / "cordbook-0.1.0.zip"
    path.write_text(path.read_text(encoding="utf-8").replace("name: Cordbook\n", "name: Falls (2026)\n"), encoding="utf-8")
    (source / "html").mkdir()
    (source / "html" / "index.html").write_text("<p>", encoding="utf-8")
    manifest = read_release(root, FIRST).manifest
    made = write_archive(source, source / "html", {"data/review.yml": 0o644}, manifest, archive_of(source, FIRST, tmp_path))
    assert made.path == tmp_path / "falls-2026-0.1.0.zip"
    with zipfile.ZipFile(made.path) as opened:
        assert {name.partition("/")[0] for name in opened.namelist()} == {"falls-2026-0.1.0"}
        assert "cordbook verify falls-2026-0.1.0.zip" in opened.read("falls-2026-0.1.0/README.txt").decode()


def test_the_archive_holds_book_source_and_metadata(released):
    with zipfile.ZipFile(zip_of(released)) as opened:
        names = set(opened.namelist())
        tracked = {f"cordbook-0.1.0/source/{p}" for p in git(released.root, "ls-files").split("\n") if p}
        assert tracked == {n for n in names if n.startswith("cordbook-0.1.0/source/")}
        assert {"cordbook-0.1.0/html/index.html", "cordbook-0.1.0/README.txt", "cordbook-0.1.0/SHA256SUMS"} <= names
        crate = json.loads(opened.read("cordbook-0.1.0/ro-crate-metadata.json"))
    check_crate(crate, {n.removeprefix("cordbook-0.1.0/") for n in names})


def check_crate(crate: dict, files: set[str]) -> None:
    """The rules that RO-Crate 1.1 puts as MUST (https://www.researchobject.org/ro-crate/specification/1.1)."""
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    by_id = {e["@id"]: e for e in crate["@graph"]}
    assert len(by_id) == len(crate["@graph"])
    head = by_id["ro-crate-metadata.json"]
    assert head == {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": head["conformsTo"],
    }
    assert head["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/1.1")
    root = by_id["./"]
    assert root["@type"] == "Dataset"
    assert all(root[name] for name in ("name", "description", "datePublished", "license"))
    parts = {p["@id"] for p in root["hasPart"]}
    data = {i for i, e in by_id.items() if e["@type"] in ("File", "Dataset") and i != "./"}
    assert data == parts
    for part in parts:
        assert part in files or any(name.startswith(part) for name in files), part
        assert (by_id[part]["@type"] == "Dataset") == part.endswith("/")
    for entity in crate["@graph"]:
        for value in entity.values():
            for link in value if isinstance(value, list) else [value]:
                if isinstance(link, dict):
                    assert link["@id"] in by_id or link["@id"].startswith("https://w3id.org/ro/crate/"), link


def test_a_public_validator_takes_the_archive_for_a_research_object(released, validators, tmp_path):
    stored_zip.extract(zip_of(released), stored_zip.read(zip_of(released)), tmp_path)
    folder, offline = tmp_path / f"cordbook-{FIRST}", HERE / "rocrate_offline.py"
    command = [str(validators / "python"), str(offline), "-y", "validate", "-p", "ro-crate-1.1", "--no-paging"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    crate = folder / "ro-crate-metadata.json"
    crate.write_text(crate.read_text(encoding="utf-8").replace('"datePublished"', '"published"'), encoding="utf-8")
    assert subprocess.run([*command, str(folder)], capture_output=True, check=False, cwd=tmp_path).returncode != 0


def test_a_public_validator_takes_the_citation(released, validators):
    command = [str(validators / "cffconvert"), "--validate"]
    done = subprocess.run(command, cwd=released.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ------------------------------------------------------------------ verified


def test_a_good_archive_and_a_good_version_are_verified(released, monkeypatch, capsys):
    for target in (str(zip_of(released)), "0.1.0"):
        found = verify(target, released.root, report=quiet)
        assert found.problems == ()
        assert (found.version, found.estimates) == ("0.1.0", 2)
    monkeypatch.chdir(released.root)
    assert main(["verify", "0.1.0", "--quiet"]) == 0
    assert "as it was released" in capsys.readouterr().out


def test_200_random_changed_bytes_are_each_found_where_they_are(released, tmp_path):
    good = zip_of(released).read_bytes()
    members = stored_zip.read(zip_of(released))
    end = members[-1].offset + members[-1].size
    draw = random.Random(20261121)
    changed = tmp_path / "changed.zip"
    changed.write_bytes(good)
    # Half anywhere, which is mostly contents; half among headers, directory and end record.
    anywhere = [draw.randrange(len(good)) for _ in range(100)]
    headers = [m.offset - 1 - draw.randrange(30) for m in draw.sample(members, 50)]
    directory = [draw.randrange(end, len(good)) for _ in range(50)]
    with changed.open("r+b") as file:
        for place in (*anywhere, *headers, *directory):
            other = bytes([good[place] ^ draw.randrange(1, 256)])
            file.seek(place)
            file.write(other)
            file.flush()
            _, problems = check_bytes(changed)
            assert problems, f"byte {place} was not missed"
            told = problems[0].describe()
            in_directory = place >= end and "directory at the end" in told
            assert owner(members, place, end) in told or f"byte {place}" in told or "names" in told or in_directory, (place, told)
            file.seek(place)
            file.write(good[place : place + 1])
            file.flush()
    assert check_bytes(changed)[1] == []


def owner(members: list[stored_zip.Member], place: int, end: int) -> str:
    """The member in whose header or content a byte is, else the part of the directory."""
    if place < end:
        return next(m.name for m in members if place < m.offset + m.size)
    start = end
    for m in members:
        start += 46 + len(m.name.encode())
        if place < start:
            return m.name
    return "end"


def tampered(source: Path, target: Path, path: str, old: str, new: str, *, hide: bool) -> Path:
    """An archive with a text of a file replaced, everything else as a forger would set it: form, sums, and manifest if asked."""
    import hashlib

    members = {m.name: (m.mode, stored_zip.content(source, m)) for m in stored_zip.read(source)}
    top = next(iter(members)).partition("/")[0]

    def put(name: str, text: str) -> None:
        members[f"{top}/{name}"] = (members[f"{top}/{name}"][0], text.encode())

    def text_of(name: str) -> str:
        return members[f"{top}/{name}"][1].decode()

    before = text_of(path)
    assert old in before
    put(path, before.replace(old, new, 1))
    if hide:
        manifest = "source/releases/0.1.0/manifest.json"
        was, now = (hashlib.sha256(t.encode()).hexdigest() for t in (before, text_of(path)))
        put(manifest, text_of(manifest).replace(was, now))
    listed = sorted(n.partition("/")[2] for n in members if not n.endswith("/SHA256SUMS"))
    put("SHA256SUMS", "".join(f"{hashlib.sha256(members[f'{top}/{n}'][1]).hexdigest()}  {n}\n" for n in listed))
    stored_zip.write(target, [(name, mode, raw) for name, (mode, raw) in members.items()])
    return target


ESTIMATES = "source/releases/0.1.0/estimates.json"


@pytest.mark.parametrize("hide", [False, True])
def test_a_tampered_number_is_named_even_if_every_hash_was_set_right(released, tmp_path, hide):
    number = repr(read_release(released.root, "0.1.0").estimates["ais-improved"].ci_low)
    forged = tampered(zip_of(released), tmp_path / "x.zip", ESTIMATES, number, "0.123", hide=hide)
    told = [p.describe() for p in verify(str(forged), None, report=quiet).problems]
    place = "releases/0.1.0/estimates.json"
    assert any(t.startswith(f"{place}, ais-improved: ci_low is 0.123 in the release, 0.") for t in told)
    assert (f"{place}: is not as it was released" in told) != hide


def test_tampered_data_is_named_by_its_file_and_by_the_estimate_that_it_moves(released, tmp_path):
    rows = stored_zip.content(
        zip_of(released), next(m for m in stored_zip.read(zip_of(released)) if m.name.endswith("source/data/outcomes.csv"))
    )
    line = next(row for row in rows.decode().splitlines() if row.startswith(LIMA))
    for hide in (False, True):
        forged = tampered(
            zip_of(released),
            tmp_path / "x.zip",
            "source/data/outcomes.csv",
            line,
            line.replace(",11,20,", ",19,20,"),
            hide=hide,
        )
        told = "\n".join(p.describe() for p in verify(str(forged), None, report=quiet).problems)
        assert ("data/outcomes.csv: is not as it was released" in told) != hide
        assert "estimates.json, ais-improved: estimate is" in told
        assert "rows.json: rows of outcomes are not those of data/" in told


def test_a_release_changed_in_a_later_commit_is_named(released, tmp_path):
    project = clone(released, tmp_path / "later")
    path = project.root / "releases" / "0.1.0" / "estimates.json"
    path.write_text(path.read_text(encoding="utf-8").replace("AIS improved", "AIS much improved"), encoding="utf-8")
    commit(project.root, "History rewritten")
    told = [p.describe() for p in verify("0.1.0", project.root, report=quiet).problems]
    assert told == ["releases/0.1.0/estimates.json: is not what the commit of the release holds"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda raw: raw[: len(raw) // 2], "directory at the end: .* cut or changed"),
        (lambda raw: raw + b"\0", "too many|end of the archive|directory at the end"),
        (lambda raw: b"PK" + b"\0" * 100, "directory at the end"),
        (lambda raw: b"", "directory at the end"),
        (lambda raw: raw[:18] + struct.pack("<I", 2**31) + raw[22:], "header of .*: not as it was written"),
    ],
)
def test_a_broken_archive_is_told_not_crashed_on(released, tmp_path, capsys, damage, told):
    import re

    path = tmp_path / "x.zip"
    path.write_bytes(damage(zip_of(released).read_bytes()))
    assert main(["verify", str(path), "--quiet"]) == 1
    assert re.search(told, capsys.readouterr().err)


def test_what_is_not_there_cannot_be_verified(released, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(released.root)
    assert main(["verify", "9.9.9"]) == 2
    assert "there are: 0.1.0" in capsys.readouterr().err
    assert main(["verify", "no.zip"]) == 2


# ------------------------------------------------------------------ compared


def test_the_second_release_names_every_cause_and_nothing_else(released, second, monkeypatch, capsys):
    monkeypatch.chdir(second.root)
    assert main(["diff", "0.1.0", "0.2.0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    causes = [
        {"kind": "corrected", "table": "outcomes", "key": LIMA, "column": "events", "before": "11", "after": "12"},
        {"kind": "removed", "table": "outcomes", "key": dropped(released)},
        {"kind": "added", "table": "outcomes", "key": "new2026.treated.ais_improved.all.27.7"},
    ]
    assert [e["id"] for e in found["estimates"]] == ["ais-improved"]
    assert sorted(found["estimates"][0]["causes"], key=str) == sorted(causes, key=str)
    others = [
        {"kind": "added", "table": "studies", "key": "new2026"},
        {"kind": "added", "table": "arms", "key": "new2026.treated"},
    ]
    assert sorted(found["rows"], key=str) == sorted([*causes, *others], key=str)


def test_the_second_release_is_told_in_changelog_page_and_history(second, monkeypatch, capsys):
    log = (second.root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert log.index("## [0.2.0] - 2027-03-01") < log.index("## [0.1.0] - 2026-12-01")
    assert "- New study reports (1): New 2026." in log
    assert f"outcomes row {LIMA} corrected: events 11 -> 12" in next(
        row for row in log.splitlines() if row.startswith("- `ais-improved`:")
    )
    page = (second.site / "book" / "changes.html").read_text(encoding="utf-8")
    assert "What changed from version 0.1.0 to 0.2.0" in page
    assert "events 11 → 12" in page
    assert 'class="cb-intervals"' in page
    monkeypatch.chdir(second.root)
    assert main(["history", "ais-improved", "--plot", str(second.root / "dist" / "h.svg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["version", "0.1.0", "0.2.0"]
    assert "0.2.0" in (second.root / "dist" / "h.svg").read_text(encoding="utf-8")
    assert main(["diff"]) == 0
    assert "0.2.0 and working tree say the same" in capsys.readouterr().out
    assert read_release(second.root, SECOND).manifest.counts["new_study_reports"] == 1


def test_the_first_release_has_an_honest_page(released):
    page = (released.site / "book" / "changes.html").read_text(encoding="utf-8")
    assert "There is no earlier version" in page
    assert "cb-intervals" not in page


# The last test: chapters cannot run beside an open browser.
@pytest.mark.parametrize("width", [320, 360, 640, 1280])
def test_the_pages_of_two_releases_fit_narrow_screens(second, browser, width):
    tab = browser.new_page(viewport={"width": width, "height": 740}, device_scale_factor=2 if width == 640 else 1)
    for name in ("book/changes.html", "index.html", "book/estimates/ais-improved.html"):
        tab.goto((second.site / name).as_uri())
        assert over(tab) == [], name
    tab.close()
