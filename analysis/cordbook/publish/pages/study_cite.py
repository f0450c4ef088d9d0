"""The box on a study's page that cites its report, and tells of an error in what was read."""

from __future__ import annotations

from collections.abc import Callable

from cordbook.display.html.cite_box import cite_box
from cordbook.display.html.markup import Html
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.review_state import load_status
from cordbook.publish.pages.cite_boxes import edition_of
from cordbook.review.citation.citations import cite_study, record_of, records_by_id
from cordbook.review.studies.records import StudyRecord

Cite = Callable[[StudyRecord], Html]


def study_cites(evidence: Evidence) -> Cite:
    """What makes the box of any study of a project folder."""
    root = evidence.folder.parent
    edition, report_to, records = edition_of(root), load_status(root / "data").report_to, records_by_id(evidence)

    def box(r: StudyRecord) -> Html:
        return cite_box(cite_study(r.study_id, record_of(records, r.study_id), edition), report_to)

    return box
