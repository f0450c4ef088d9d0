"""One reader and one writer of the tables of data/: what a spreadsheet saves is read alike by every room."""

import ast
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cordbook
from cordbook.core import csv_files
from cordbook.core.csv_files import NotCsv, parse, to_csv

PACKAGE = Path(cordbook.__file__).parent
#: Who else may use the csv module, and why: none of these is a table of data/.
OTHERS = {
    "cli/table.py": "a stranger's own file, with its own separator",
    "intake/imports/parsers/table.py": "exports of databases",
    "intake/sources/retraction_watch.py": "the file of Retraction Watch",
    "intake/dedupe/sheet.py": "a sheet that people fill in, saved by their spreadsheet",
    "intake/extraction/form.py": "a form that people fill in, saved by their spreadsheet",
    "intake/extraction/reconcile_sheet.py": "a sheet that people fill in",
    "intake/screening/files.py": "sheets that people fill in, and exports of screening tools",
    "publish/sphinx/long_tables.py": "tables to download, with marks against formulas",
}


def uses_csv(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import) and any(alias.name == "csv" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "csv":
            return True
    return False


def test_no_other_module_reads_or_writes_tables_of_data():
    found = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if uses_csv(p)}
    assert found == {"core/csv_files.py", *OTHERS}


def test_pandas_reads_no_table_of_data():
    found = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if "read_csv(" in p.read_text(encoding="utf-8")}
    # Results of simulations, which are no tables of data/.
    assert found == {"review/appraisal/coverage.py"}


def test_a_name_of_a_column_has_no_blanks_around_it():
    assert parse("key, label ,\tn\na,b,1\n").rows == [{"key": "a", "label": "b", "n": "1"}]


def test_rows_are_numbered_as_a_spreadsheet_does_and_blank_ones_are_no_rows():
    table = parse("\ufeffkey,label\r\na,b\r\n,\r\nc,d\r\n,\r\n\r\n")
    assert [number for number, _ in table.records] == [2, 3, 4]
    assert table.rows == [{"key": "a", "label": "b"}, {"key": "c", "label": "d"}]
    assert parse("").header == parse("\n,\n").header == ()


def test_short_rows_are_filled_long_ones_cut_and_a_second_column_of_a_name_not_read():
    assert parse("a,b,a\n1\n1,2,3,4\n").rows == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]


@pytest.mark.parametrize(("data", "message"), [(b"PK\x03\x04x", "workbook"), (b"a,b\n\xff", "UTF-8"), (b'a\n"b\n', "not a CSV")])
def test_what_is_no_csv_is_refused_with_the_file_and_a_remedy(tmp_path, data, message):
    (tmp_path / "arms.csv").write_bytes(data)
    with pytest.raises(NotCsv, match=rf"arms\.csv: .*{message}"):
        csv_files.read(tmp_path / "arms.csv")


def test_a_value_of_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match="n"):
        to_csv([{"key": "a", "n": "1"}], ["key"])


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), st.text('a,"\n\r; ')), max_size=5
    )
)
def test_what_is_written_is_read_again(values):
    rows = [{"key": f"k{i}", "one": one, "two": two} for i, (one, two) in enumerate(values)]
    text = to_csv(rows, ["key", "one", "two"])
    assert parse(text).rows == rows
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == rows


def test_a_table_with_blanks_in_its_header_is_written_once(tmp_path):
    """The header was taken for other columns, and every column written twice."""
    from cordbook.intake.records.store import columns_of, read_rows, write_tables

    (tmp_path / "records.csv").write_text("record_id, search_id, title\nr1,s1,On cords\n", encoding="utf-8")
    assert read_rows(tmp_path, "records") == [{"record_id": "r1", "search_id": "s1", "title": "On cords"}]
    columns = columns_of(tmp_path, "records")
    assert len(columns) == len(set(columns))
    write_tables(tmp_path, {"records": read_rows(tmp_path, "records")})
    assert (tmp_path / "records.csv").read_text(encoding="utf-8").splitlines()[0].split(",")[:3] == [
        "record_id",
        "search_id",
        "title",
    ]
