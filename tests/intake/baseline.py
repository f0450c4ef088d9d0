"""The import of the baseline, which stands beside what it imported and not in the package."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

from cordbook.evidence import find_data_dir

DATA = find_data_dir(Path(__file__).parent)
RAW = DATA / "raw" / "2026-11-20"
SCRIPT = RAW / "import_baseline.py"
#: What the script defines. Run, not imported: no compiled file is left in the folder of the raw tables.
baseline = SimpleNamespace(**runpy.run_path(str(SCRIPT), run_name="import_baseline"))
