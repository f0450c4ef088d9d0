"""ClinicalTrials.gov: version 2 of its API with page tokens (https://clinicaltrials.gov/data-api/api)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cordbook.intake.records.record import Record, tidy
from cordbook.intake.sources.client import Client, Malformed
from cordbook.intake.sources.source import Cursor, Page, ask_page, count_at, list_at, text_at

#: Modules that a record is made of; whole studies with their results would be a hundred times larger.
WANTED = "IdentificationModule,StatusModule,SponsorCollaboratorsModule,DescriptionModule,DesignModule,ContactsLocationsModule"


@dataclass(frozen=True, slots=True)
class ClinicalTrials:
    name: str = "ClinicalTrials.gov"
    base: str = "https://clinicaltrials.gov/api/v2"
    interval: float = 1.3  # about 50 requests a minute are allowed
    page_size: int = 200

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        params: dict[str, Any] = {
            "query.term": query,
            "pageSize": self.page_size,
            "format": "json",
            "fields": WANTED,
            "countTotal": "true",
        }
        if since:
            # Trials that were registered or changed since: results and early ends matter as much as new trials.
            params["filter.advanced"] = f"AREA[LastUpdatePostDate]RANGE[{since},MAX]"
        if cursor:
            params["pageToken"] = cursor["token"]
        return ask_page(client, f"{self.base}/studies", params, lambda answer: _page(answer, cursor), cursor)


def _page(answer: dict[str, Any], cursor: Cursor) -> Page:
    if not isinstance(answer.get("studies"), list):
        raise Malformed("an answer without studies")
    # The total stands on the first page only, in some versions of the API.
    hits = count_at(answer, "totalCount") if "totalCount" in answer or not cursor else int(cursor["hits"])
    token = text_at(answer, "nextPageToken")
    return Page(tuple(_record(study) for study in answer["studies"]), hits, {"token": token, "hits": hits} if token else None)


def _record(study: Any) -> Record:
    protocol = study.get("protocolSection", {}) if isinstance(study, dict) else {}
    number = text_at(protocol, "identificationModule", "nctId")
    people = list_at(protocol, "contactsLocationsModule", "overallOfficials")
    names = [text_at(person, "name") for person in people] or [
        text_at(protocol, "sponsorCollaboratorsModule", "leadSponsor", "name")
    ]
    started = text_at(protocol, "statusModule", "studyFirstPostDateStruct", "date") or text_at(
        protocol, "statusModule", "studyFirstSubmitDate"
    )
    return tidy(
        Record(
            source="ClinicalTrials.gov",
            source_key=number,
            title=text_at(protocol, "identificationModule", "officialTitle")
            or text_at(protocol, "identificationModule", "briefTitle"),
            authors="; ".join(filter(None, names)),
            year=started,
            container="ClinicalTrials.gov",
            kind="registration; " + text_at(protocol, "designModule", "studyType").lower().replace("_", " "),
            url=f"https://clinicaltrials.gov/study/{number}" if number else "",
            abstract=text_at(protocol, "descriptionModule", "briefSummary"),
        )
    )
