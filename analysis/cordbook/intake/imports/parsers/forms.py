"""The tagged formats: what begins and ends a record, and which tag holds which field.

Sources: the RIS specification of Research Information Systems; NLM, MEDLINE/PubMed data element descriptions; Web of Science
field tags; EndNote and RefWorks import tags; sample exports as the databases' own help pages show them.
"""

from __future__ import annotations

import re

from cordbook.intake.imports.parsers.tagged import Form

#: What stands between RIS records, by who writes it: the Cochrane Library, EBSCO and ProQuest, Ovid.
RIS_FRAME = re.compile(
    r"^\s{0,3}(?:Record #\d{1,9} of \d{1,9}\s*$"
    r"|(?:Provider|Database|Content):"
    r"|<?\d{1,7}[.>]\s*$|Link to the (?:Ovid )?(?:Full Text|External Link Resolver)\b|(?:Full Text )?Link to [\w ]{1,40}: https?://)"
)
RIS = Form(
    name="RIS",
    line=re.compile(r"^\s{0,3}(?P<tag>[A-Z][A-Z0-9]) {1,2}-(?: (?P<value>.*)|\s*)$"),
    begins=("TY",),
    inside=re.compile(r"TY {1,2}- [A-Z]{3,6}\s*$|\b[A-Z][A-Z0-9] {2}- (?=\S)"),
    ends=re.compile(r"^\s{0,3}ER\s{0,2}-?\s*$"),
    frame=RIS_FRAME,
    # Ovid: another title of the journal.
    after_end=frozenset({"NL"}),
    must_end=True,
    fields={
        "title": ("TI", "T1", "CT", "ST"),
        "authors": ("AU", "A1"),
        "year": ("PY", "Y1", "DA", "Y2"),
        "container": ("T2", "JF", "JO", "JA", "J2", "BT", "T3"),
        "volume": ("VL",),
        "issue": ("IS", "CP"),
        "pages": ("SP", "C7"),
        "last_page": ("EP",),
        "doi": ("DO", "DI"),
        "pmid": ("PM", "PMID"),
        "language": ("LA",),
        "kind": ("M3", "TY"),
        "url": ("UR", "L2", "LK"),
        "accession": ("AN",),
        "number": ("U2", "ID"),
        "database": ("DB", "DP"),
        "abstract": ("AB", "N2"),
    },
)
NBIB = Form(
    name="NBIB",
    indents=True,
    line=re.compile(r"^(?=.{4}-)(?P<tag>[A-Z]{2,4}) {0,2}-(?: (?P<value>.*)|\s*)$"),
    # ERIC and other libraries write no PubMed number; their records begin with the owner.
    begins=("PMID", "OWN"),
    inside=re.compile(r"PMID- \d{1,8}\s*$|OWN - [A-Z]{2,5}\s*$|(?:\b(?:TI|AB|AU|DP|JT|TA|VI|IP|PG) {2}|FAU |LID |AID )- (?=\S)"),
    fields={
        "title": ("TI", "TT", "BTI", "CTI"),
        "authors": ("FAU", "AU", "CN"),
        "year": ("DP", "DEP", "CRDT"),
        "container": ("JT", "TA", "BTI"),
        "volume": ("VI",),
        "issue": ("IP",),
        "pages": ("PG",),
        "pmid": ("PMID",),
        "language": ("LA",),
        "kind": ("PT",),
        # PubMed writes several of them.
        "number": ("OID",),
        "database": ("OWN",),
        "abstract": ("AB",),
    },
)
WOS = Form(
    name="Web of Science text",
    indents=True,
    line=re.compile(r"^(?P<tag>[A-Z][A-Z0-9])(?: (?P<value>.*)|\s*)$"),
    begins=("PT",),
    inside=re.compile(r"PT [JBCSP]\s*$"),
    ends=re.compile(r"^ER\s*$"),
    frame=re.compile(
        r"^(?:FN (?:Clarivate(?: Analytics)?|Thomson Reuters|ISI)(?: Export Format| Web of (?:Science|Knowledge)\W{0,2})?\s*$"
        r"|VR [\d.]{1,9}\s*$|EF\s*$)"
    ),
    must_end=True,
    listed=frozenset({"AU", "AF", "BA", "BF"}),
    fields={
        "title": ("TI",),
        "authors": ("AF", "AU", "CA"),
        "year": ("PY", "EA"),
        "container": ("SO", "JI"),
        "volume": ("VL",),
        "issue": ("IS",),
        # PS: pages as the Zoological Record and BIOSIS write them.
        "pages": ("BP", "PS", "AR"),
        "last_page": ("EP",),
        "doi": ("DI",),
        "pmid": ("PM",),
        "language": ("LA",),
        "kind": ("DT",),
        "accession": ("UT",),
        "database": (),
        "abstract": ("AB",),
    },
)
ENDNOTE = Form(
    name="EndNote tagged",
    line=re.compile(r"^%(?P<tag>[A-Z0-9@!?$&()*+\]\[~<>^=|#])(?: (?P<value>.*)|\s*)$"),
    begins=("0",),
    inside=re.compile(r"%0 (?=[A-Z])|%T (?=\S)"),
    # CNKI puts all persons into one line: "%A one%A two".
    splits=(("A", "%A "),),
    fields={
        "title": ("T",),
        "authors": ("A",),
        "year": ("D", "8"),
        "container": ("J", "B"),
        "volume": ("V",),
        "issue": ("N",),
        "pages": ("P",),
        "doi": ("R",),
        "language": ("G",),
        "kind": ("9", "0"),
        "url": ("U",),
        "accession": ("M",),
        "database": ("~", "W"),
        "abstract": ("X",),
    },
)
REFWORKS = Form(
    name="RefWorks tagged",
    line=re.compile(r"^(?P<tag>[A-Z][A-Z0-9])(?: (?P<value>.*)|\s*)$"),
    begins=("RT",),
    inside=re.compile(
        r"RT (?:Journal|Magazine|Newspaper|Book|Conference|Dissertation|Thesis|Report|Web|Abstract|Generic|Patent)\b[A-Za-z/ ,]*$"
    ),
    fields={
        "title": ("T1",),
        "authors": ("A1",),
        "year": ("YR", "FD"),
        "container": ("JF", "JO", "T2"),
        "volume": ("VO",),
        "issue": ("IS",),
        "pages": ("SP", "OP"),
        "last_page": ("OP",),
        "doi": ("DO",),
        "language": ("LA",),
        "kind": ("RT",),
        "url": ("LK", "UL"),
        "accession": ("AN",),
        "database": ("DB", "DS"),
        "abstract": ("AB",),
    },
)
NOTEEXPRESS = Form(
    name="NoteExpress",
    line=re.compile(r"^\{(?P<tag>[^{}]{1,40})\}:\s?(?P<value>.*)$"),
    begins=("Reference Type",),
    inside=re.compile(r"\{(?:Reference Type|Title|Author|Journal|Year|Volume|Issue|Pages|Abstract|DOI|Database Provider)\}:"),
    fields={
        "title": ("Title",),
        "authors": ("Author",),
        "year": ("Year", "Date"),
        "container": ("Journal", "Secondary Title", "Publisher"),
        "volume": ("Volume",),
        "issue": ("Issue",),
        "pages": ("Pages",),
        "doi": ("DOI",),
        "language": ("Language",),
        "kind": ("Reference Type",),
        "url": ("URL", "Link"),
        "database": ("Database Provider",),
        "abstract": ("Abstract",),
    },
)
CNKI = Form(
    name="CNKI text",
    line=re.compile(r"^(?P<tag>[A-Z][A-Za-z]{1,19}(?=-)|DataType(?=: ?\d))(?:-[^:：\s]{1,12})?\s*[:：]\s?(?P<value>.*)$"),
    # E-Study begins with the kind of data; other exports with the database.
    begins=("DataType", "SrcDatabase"),
    inside=re.compile(
        r"DataType: \d|(?:SrcDatabase|Title|Author|Source|Year|PubTime|Summary|Organ|Period|Page|Roll)-[^:：\s]{1,12}\s*[:：]"
    ),
    fields={
        "title": ("Title",),
        "authors": ("Author",),
        "year": ("Year", "PubTime"),
        "container": ("Source",),
        "volume": ("Roll",),
        "issue": ("Period",),
        "pages": ("Page",),
        "doi": ("DOI",),
        "kind": ("SrcDatabase",),
        "url": ("Link", "URL"),
        "abstract": ("Summary",),
    },
)
COCHRANE = Form(
    name="Cochrane text",
    numbered=True,
    line=re.compile(r"^(?:(?P<tag>[A-Z]{2,3}|Record)(?:: ?| #(?=\d+ of \d+\s*$)))(?P<value>.*)$"),
    begins=("Record",),
    inside=re.compile(r"Record #\d+ of \d+\s*$"),
    fields={
        "title": ("TI",),
        "authors": ("AU",),
        "year": ("YR",),
        "container": ("SO",),
        "volume": ("VL",),
        "issue": ("NO",),
        "pages": ("PG",),
        "doi": ("DOI",),
        "pmid": ("PM",),
        "language": ("LA",),
        "kind": ("PT",),
        "url": ("US",),
        "accession": ("ID",),
        "abstract": ("AB",),
    },
)
ALL = (RIS, NBIB, WOS, ENDNOTE, REFWORKS, NOTEEXPRESS, CNKI, COCHRANE)
