"""How long an import takes: 10,000 made-up records as Scopus writes BibTeX, read alone and taken in by the command's own function.

    python benchmarks/run_import.py                  # 10,000 records
    python benchmarks/run_import.py --records 1000

Every record has an abstract of 200 words, accents written in LaTeX in its authors and signs of LaTeX in title and abstract. Seconds of
the clock and of one processor are both given, since other work may share the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from cordbook.core.project import Project
from cordbook.intake.imports.importing import import_file
from cordbook.intake.imports.parsers import parse

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "import.json"
ENTRY = r"""@ARTICLE{AuthorNN,
author={Auth{\"o}r, A. and Other, B. and M{\"u}ller, C. and Fran{\c{c}}ois, D.},
title={Paper number NN on the {MRI} of cells \& cords after injury},
journal={A Journal},
year={2020},
volume={6},
number={1},
pages={12--19},
doi={10.1000/x.NN},
art_number={1722034},
abstract={ABSTRACT},
funding_details={One University},
funding_details={One Fund, 201404305},
funding_text 1={This work was supported by a fund.},
source={Scopus},
}

"""
SENTENCE = r"Cells were given to 50\% of patients with {\'e}tat complet in this trial. "


def export(records: int) -> str:
    """A file of so many records."""
    entry = ENTRY.replace("ABSTRACT", SENTENCE * 15)
    return "".join(entry.replace("NN", str(n)) for n in range(records))


def measured(records: int) -> dict[str, float]:
    """Seconds to read the file, and to take it in: decoded, checked by the rules of the evidence and written."""
    text = export(records)
    clock, processor = time.perf_counter(), time.process_time()
    parsed = parse(text)
    found = {"records": len(parsed.records), "rejects": len(parsed.rejects), "read_s": time.perf_counter() - clock}
    found["read_processor_s"] = time.process_time() - processor
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "data").mkdir()
        (home / "_config.yml").write_text("title: a\n")
        shutil.copy(ROOT / "data" / "datapackage.json", home / "data")
        path = home / "scopus.bib"
        path.write_text(text, encoding="utf-8")
        clock, processor = time.perf_counter(), time.process_time()
        done = import_file(Project(home), path, "2026-11-21", "benchmark")
        found |= {
            "new": len(done.new),
            "import_s": time.perf_counter() - clock,
            "import_processor_s": time.process_time() - processor,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=10_000)
    found = measured(parser.parse_args().records)
    print(json.dumps(found, indent=2))
    if found["records"] == 10_000:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
