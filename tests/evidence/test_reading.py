"""Reading: what a spreadsheet does to a file is accepted, what makes it another file is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from cordbook.core.clock import today
from cordbook.evidence import Unreadable, find_data_dir, load_package, read_all, read_rows, validate
from cordbook.evidence.rules import complaints

DATA = find_data_dir(Path(__file__).parent)


def rewrite(path: Path, change) -> None:
    path.write_bytes(change(path.read_bytes()))


def reversed_columns(data: bytes) -> bytes:
    rows = [row[::-1] for row in csv.reader(io.StringIO(data.decode()))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def all_quoted(data: bytes) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(csv.reader(io.StringIO(data.decode())))
    return out.getvalue().encode()


HARMLESS = {
    "byte-order mark": lambda data: b"\xef\xbb\xbf" + data,
    "windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "trailing blank lines": lambda data: data + b"\n\r\n\n",
    "trailing rows of commas": lambda data: data + b"," * data.split(b"\n", 1)[0].count(b",") + b"\n",
    "no line end at the end": lambda data: data.rstrip(b"\n"),
    "other column order": reversed_columns,
    "all cells quoted": all_quoted,
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.filterwarnings("error")
def test_what_spreadsheets_do_is_accepted(name, folder, raw, package):
    change = HARMLESS[name]
    for table in package.tables:
        rewrite(folder / table.path, change)
    again = read_all(folder)
    for table in package.tables:
        assert again[table.name].rows == raw[table.name].rows, table.name
    assert validate(folder).errors == 0


UNREADABLE = {
    "missing": (lambda path: path.unlink(), "missing"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "latin-1": (lambda path: rewrite(path, lambda d: d.replace(b"label", "naïve label".encode("latin-1"))), "UTF-8"),
    "utf-16": (lambda path: rewrite(path, lambda d: d.decode().encode("utf-16")), "UTF-16"),
    "workbook": (lambda path: path.write_bytes(b"PK\x03\x04" + b"\0" * 50), "workbook"),
    "semicolons": (
        lambda path: path.write_text("reason;label;explanation;number_in_doubt;other_meaning\na;b;c;no;no\n"),
        "semicolons",
    ),
    "column gone": (
        lambda path: path.write_text("reason,explanation,number_in_doubt,other_meaning\na,c,no,no\n"),
        "column label is missing",
    ),
    "column renamed": (
        lambda path: path.write_text("reason,Label,explanation,number_in_doubt,other_meaning\na,b,c,no,no\n"),
        "renamed",
    ),
    "open quotation mark": (lambda path: rewrite(path, lambda d: d + b'a,"b,c\n'), "not a CSV"),
    "directory": (lambda path: (path.unlink(), path.mkdir()), "cannot be opened"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named_with_a_remedy(name, folder):
    mutate, words = UNREADABLE[name]
    mutate(folder / "not_poolable_reasons.csv")
    with pytest.raises(Unreadable) as caught:
        read_all(folder)
    (problem, *_) = caught.value.problems
    assert problem.file == "not_poolable_reasons.csv"
    assert words in problem.message
    assert problem.remedy


def test_all_unreadable_files_are_reported_together(folder):
    (folder / "arms.csv").unlink()
    (folder / "glossary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Unreadable) as caught:
        read_all(folder)
    assert {p.file for p in caught.value.problems} == {"arms.csv", "glossary.csv"}


def test_rows_have_the_numbers_that_a_spreadsheet_shows(tmp_path, package):
    table = package.table("not_poolable_reasons")
    path = tmp_path / "t.csv"
    path.write_text('reason,label,explanation,number_in_doubt,other_meaning\na,"two\nlines",x,no,no\n\nb,y,z,no,no\n')
    read = read_rows(path, table)
    assert [number for number, _ in read.rows] == [2, 4]
    assert [(p.row, p.rule, p.severity) for p in read.problems] == [(3, "no-blank-rows", "warning")]


def test_ragged_rows_and_strange_columns_are_problems_of_their_place(tmp_path, package):
    path = tmp_path / "t.csv"
    path.write_text(
        "reason,label,explanation,number_in_doubt,other_meaning,label,mood\na,b,c,no,no,d,e\nshort,b\nlong,b,c,no,no,d,e,f\n"
    )
    read = read_rows(path, package.table("not_poolable_reasons"))
    assert [(p.row, p.column, p.rule) for p in read.problems] == [
        (1, "label", "known-columns"),
        (1, "mood", "known-columns"),
        (3, None, "row-shape"),
        (4, None, "row-shape"),
    ]
    assert read.rows[0][1]["label"] == "b"


def package_of(field: dict, *, key: str = "x", path: str | None = "x.csv") -> str:
    """A descriptor of one table with one field."""
    resource = {"name": "a", "schema": {"fields": [field], "primaryKey": key}} | ({"path": path} if path else {})
    return json.dumps({"resources": [resource]})


BROKEN_PACKAGES = {
    "not json": "{",
    "nothing in it": "{}",
    "no path": package_of({"name": "x"}, path=None),
    "path out of the folder": package_of({"name": "x"}, path="../x.csv"),
    "absolute path": package_of({"name": "x"}, path="/etc/passwd"),
    "unknown type": package_of({"name": "x", "type": "y"}),
    "unknown key": package_of({"name": "x"}, key="z"),
    "bad pattern": package_of({"name": "x", "constraints": {"pattern": "("}}),
    "bad limit": package_of({"name": "x", "type": "integer", "constraints": {"minimum": "none"}}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", BROKEN_PACKAGES)
def test_a_broken_schema_is_refused(name, tmp_path):
    (tmp_path / "datapackage.json").write_text(BROKEN_PACKAGES[name])
    with pytest.raises(Unreadable) as caught:
        load_package(tmp_path)
    assert {p.file for p in caught.value.problems} == {"datapackage.json"}


def test_the_schema_agrees_with_frictionless(package):
    """Our reading of the descriptor and that of the reference implementation are the same, and it finds the data valid."""
    frictionless = pytest.importorskip("frictionless")
    peer = frictionless.Package(str(DATA / "datapackage.json"))
    assert [resource.name for resource in peer.resources] == list(package.names)
    for resource in peer.resources:
        ours = package.table(resource.name)
        assert [(f.name, f.type) for f in resource.schema.fields] == [(f.name, f.type) for f in ours.fields]
        assert list(ours.primary_key) == resource.schema.primary_key
    report = peer.validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "note"])[:5]


def test_every_column_is_described(package):
    assert [f"{t.name}.{f.name}" for t in package.tables for f in t.fields if not f.description] == []
    counted = {"events", "n", "enrollment", "male_n"}
    assert [f"{t.name}.{f.name}" for t in package.tables for f in t.fields if f.name in counted and not f.unit] == []


def test_package_file_is_stable_json(package):
    text = (DATA / "datapackage.json").read_text(encoding="utf-8")
    assert json.dumps(json.loads(text), indent=1, ensure_ascii=False) == text.rstrip("\n")


@pytest.mark.parametrize("ahead", [-1, True, "1", 1.5])
def test_years_ahead_is_a_number_of_years(folder, ahead):
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    references = next(table for table in package["resources"] if table["name"] == "references")
    next(f for f in references["schema"]["fields"] if f["name"] == "year")["yearsAhead"] = ahead
    path.write_text(json.dumps(package), encoding="utf-8")
    with pytest.raises(Unreadable, match="references.year: yearsAhead is"):
        load_package(folder)


def test_the_literature_of_next_year_is_taken_in_whatever_year_it_is(package):
    """No year is typed as the last: journals print next year's issues, and no issue of the year after."""
    for table in ("references", "known_trials", "integrity_notices"):
        year = package.table(table).field("year")
        assert complaints(year, str(today().year + 1)) == ()
        assert [rule for rule, _, _ in complaints(year, str(today().year + 2))] == ["range"]
    typed = {(t.name, f.name, f.maximum) for t in package.tables for f in t.fields if f.unit == "year" and f.maximum}
    assert {(t, f) for t, f, last in typed if 1900 < last < 2100} == set()
