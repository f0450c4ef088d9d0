"""The documented import step: the list of trials that other reviews count becomes ``data/known_trials.csv``.

Run it in the environment of the review::

    python data/raw/2026-11-30/import_known_trials.py

``cell`` becomes ``product``. ``in_data`` is left behind: whether a trial is in the data, and with a count, is computed from the data.
A trial without a key of a study gets that of :data:`KEYS`. Nothing else is changed, and no row is left out.
"""

from __future__ import annotations

from pathlib import Path

from cordbook.core import csv_files
from cordbook.core.csv_files import to_csv

RAW = Path(__file__).resolve().parent
DATA = RAW.parents[1]
COLUMNS = ("trial", "year", "product", "n", "study_id", "basis")
#: Keys that these trials have, or will have, in studies.csv: each was read since the list was made.
KEYS = {"Hammadi 2012": "hammadi2012", "Moviglia 2006": "moviglia2006", "Suzuki 2014": "suzuki2014"}


def known_trials(raw: Path = RAW) -> list[dict[str, str]]:
    """The rows of the table."""
    rows = csv_files.read(raw / "cell_therapy_trials_known.csv").rows
    return [
        {
            "trial": row["trial"],
            "year": row["year"],
            "product": row["cell"],
            "n": row["n"],
            "study_id": row["study_id"] or KEYS.get(row["trial"], ""),
            "basis": row["basis"],
        }
        for row in rows
    ]


if __name__ == "__main__":
    (DATA / "known_trials.csv").write_text(to_csv(known_trials(), COLUMNS), encoding="utf-8")
