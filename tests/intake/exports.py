"""Small exports in the form in which each database writes them; the records are made up for the tests."""

EXPORTS: dict[str, tuple[str, str]] = {
    "pubmed.nbib": ("PubMed", """
PMID- 90000001
OWN - NLM
DP  - 2019 Apr-May
TI  - Cells in the injured cord: a first
      trial in people.
LID - 10.1000/nb.1 [doi]
PG  - 12-9
AB  - BACKGROUND: One line
      and the next.
FAU - Ruiz, Ana
AU  - Ruiz A
FAU - Chen, Bo
AU  - Chen B
LA  - eng
PT  - Journal Article
JT  - Spinal cord
VI  - 57
IP  - 4

PMID- 90000002
DP  - 2020
TI  - A second trial.
FAU - Okoro, C
JT  - Brain
"""),
    "embase.ris": ("Embase", """TY  - JOUR
M3  - Article
T1  - Cells in the injured cord: a first trial in people
A1  - Ruiz, A.
A1  - Chen, B.
Y1  - 2019//
JF  - Spinal Cord
VL  - 57
IS  - 4
SP  - 12
EP  - 19
DO  - 10.1000/nb.1
DB  - Embase
U2  - L2000000001
UR  - https://www.embase.com/search/results?subaction=viewrecord&id=L2000000001
N2  - One line and the next.
ER  -

TY  - JOUR
T1  - A second trial
A1  - Okoro, C.
Y1  - 2020//
U2  - L2000000002
DB  - Embase
ER  -
"""),
    "scopus.csv": ("Scopus", """"Authors","Author full names","Title","Year","Source title","Volume","Issue","Art. No.","Page start","Page end","DOI","Link","Abstract","Document Type","EID"
"Ruiz A.; Chen B.","Ruiz, Ana (1); Chen, Bo (2)","Cells in the injured cord: a first trial in people","2019","Spinal Cord","57","4","","12","19","10.1000/nb.1","https://www.scopus.com/inward/record.uri?eid=2-s2.0-90000000001","One, ""quoted"",
and the next.","Article","2-s2.0-90000000001"
"Okoro C.","Okoro, C (3)","A second trial","2020","Brain","","","","","","","","","Article","2-s2.0-90000000002"
"""),
    "wos.txt": ("Web of Science", """FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Ruiz, A
   Chen, B
AF Ruiz, Ana
   Chen, Bo
TI Cells in the injured cord: a first
   trial in people
SO SPINAL CORD
LA English
DT Article
AB One line and the next.
PY 2019
VL 57
IS 4
BP 12
EP 19
DI 10.1000/nb.1
UT WOS:000000000000001
PM 90000001
ER

PT J
AU Okoro, C
TI A second trial
SO BRAIN
PY 2020
UT WOS:000000000000002
ER

EF
"""),
    "central.txt": ("CENTRAL", """Record #1 of 2
ID: CN-02000001
AU: Ruiz A
AU: Chen B
TI: Cells in the injured cord: a first trial in people
SO: Spinal cord
YR: 2019
VL: 57
NO: 4
PG: 12-19
PM: PUBMED 90000001
DOI: 10.1000/nb.1
AB: One line and the next.
US: https://www.cochranelibrary.com/central/doi/10.1002/central/CN-02000001/full

Record #2 of 2
ID: CN-02000002
AU: Okoro C
TI: A second trial
YR: 2020
"""),
    "cnki.enw": ("CNKI", """%0 Journal Article
%A 王伟
%A 李娜
%+ 某大学附属医院
%T 脊髓损伤的细胞治疗
%J 中国脊柱脊髓杂志
%D 2019
%V 29
%N 04
%P 12-19
%@ 1004-406X
%X 目的:观察疗效。
%W CNKI

%0 Journal Article
%A 张三
%T 高压氧治疗脊髓损伤
%J 中华医学杂志
%D 2020
%W CNKI
"""),
    "cnki.net": ("CNKI", """{Reference Type}: Journal Article
{Title}: 脊髓损伤的细胞治疗
{Author}: 王伟
{Author}: 李娜
{Journal}: 中国脊柱脊髓杂志
{Year}: 2019
{Volume}: 29
{Issue}: 04
{Pages}: 12-19
{Abstract}: 目的:观察疗效。
{Database Provider}: CNKI

{Reference Type}: Journal Article
{Title}: 高压氧治疗脊髓损伤
{Author}: 张三
{Year}: 2020
{Database Provider}: CNKI
"""),
    "cnki.txt": ("CNKI", """SrcDatabase-来源库: 期刊
Title-题名: 脊髓损伤的细胞治疗
Author-作者: 王伟;李娜
Source-文献来源: 中国脊柱脊髓杂志
Year-年: 2019
Roll-卷: 29
Period-期: 04
Page-页码: 12-19
Summary-摘要: 目的:观察疗效。

SrcDatabase-来源库: 期刊
Title-题名: 高压氧治疗脊髓损伤
Author-作者: 张三
PubTime-发表时间: 2020-03-25
"""),
    "refworks.txt": ("CNKI", """RT Journal Article
SR 1
A1 王伟
A1 李娜
T1 脊髓损伤的细胞治疗
JF 中国脊柱脊髓杂志
YR 2019
VO 29
IS 04
OP 12-19
AB 目的:观察疗效。
DS CNKI

RT Journal Article
SR 1
A1 张三
T1 高压氧治疗脊髓损伤
YR 2020
DS CNKI
"""),
    "some.bib": ("other", """% made by hand
@article{ruiz2019, title = {Cells in the injured cord: a {First} trial in people}, author = {Ruiz, Ana and Chen, Bo},
  journal = "Spinal Cord", year = 2019, volume = {57}, number = {4}, pages = {12--19}, doi = {10.1000/nb.1},
  abstract = {One line and the next.}}
@inproceedings{okoro, title = "A second trial", author = {Okoro, C. and M{\\"u}ller, D.}, year = {2020}}
"""),
    "endnote.xml": ("Embase", """<?xml version="1.0" encoding="UTF-8" ?><xml><records><record><database name="a.enl">a</database><ref-type name="Journal Article">17</ref-type><contributors><authors><author><style face="normal">Ruiz, A.</style></author><author>Chen, B.</author></authors></contributors><titles><title><style face="normal">Cells in the injured cord: a first trial in people</style></title><secondary-title>Spinal Cord</secondary-title></titles><pages>12-19</pages><volume>57</volume><number>4</number><dates><year>2019</year></dates><accession-num>L2000000001</accession-num><electronic-resource-num>10.1000/nb.1</electronic-resource-num><abstract>One line and the next.</abstract><remote-database-name>Embase</remote-database-name></record>
<record><ref-type name="Journal Article">17</ref-type><titles><title>A second trial</title></titles><dates><year>2020</year></dates><accession-num>L2000000002</accession-num><remote-database-name>Embase</remote-database-name></record></records></xml>
"""),
    "pubmed.csv": ("PubMed", """\ufeffPMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year,Create Date,PMCID,NIHMS ID,DOI
90000001,Cells in the injured cord: a first trial in people,"Ruiz A, Chen B.",Spinal Cord. 2019;57(4):12-19. doi: 10.1000/nb.1.,Ruiz A,Spinal Cord,2019,2019/04/02,,,10.1000/nb.1
90000002,A second trial,Okoro C.,Brain. 2020.,Okoro C,Brain,2020,2020/01/01,,,
"""),
    "wos.tsv": ("Web of Science", """PT\tAU\tTI\tSO\tAB\tBP\tEP\tDI\tPY\tVL\tUT
J\tRuiz, A; Chen, B\tCells in the injured cord: a first trial in people\tSPINAL CORD\tOne line and the next.\t12\t19\t10.1000/nb.1\t2019\t57\tWOS:000000000000001
J\tOkoro, C\tA second trial\tBRAIN\t\t\t\t\t2020\t\tWOS:000000000000002
"""),
}  # fmt: skip
