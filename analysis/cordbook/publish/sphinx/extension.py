"""The book's Sphinx extension: numbers and guards in prose, and the look of figures and tables.

``{est}`ID``` writes an estimate, ``{est}`ID:FORM``` in one of the forms of :mod:`cordbook.review.estimates.phrases`,
with a link to the estimate's page. ``{cell}`ID``` writes one outcome count, ``{value}`TABLE/KEY/COLUMN``` a value of
a table, ``{status}`FIELD``` a field of ``data/review.yml``. The directive ``guard`` states the condition under which the text in it, or the
heading after it, is true; the build stops where data has broken it. The directive ``wording`` has two texts, one for where its
condition holds and one for where it does not; no data stops it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ext import add_global_html_resources as myst_nb_styles
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.logging import getLogger

from cordbook.core.files import digest
from cordbook.core.locks import locked
from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.core.text import NOT_STATED
from cordbook.core.tracking import Read, begin, end, note
from cordbook.core.versions import package_digest
from cordbook.display.html.markup import anchor
from cordbook.evidence.review_state import format_value, load_status
from cordbook.publish.execute.chapters import ChapterFailed, refresh
from cordbook.publish.freshness.records import Today
from cordbook.publish.pages import feed
from cordbook.publish.pages.forked_work import write_made_pages
from cordbook.publish.sources.page_guards import broken_guards, explain_all, find_conditions, wordings
from cordbook.publish.sphinx import (
    cite_ext,
    examples_ext,
    explorer_ext,
    glossary_ext,
    long_tables,
    search_ext,
    search_titles,
    share_ext,
    strict_html,
    versions_ext,
)
from cordbook.publish.sphinx.made_pages import estimate_ext, reference_ext, study_ext
from cordbook.review.appraisal.estimate_text import DIFFERENCE, format_estimate
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.estimates.guards import GuardError, NothingToJudge, Verdict, judge, lacking_in_words
from cordbook.review.estimates.phrases import percent
from cordbook.review.estimates.row_counts import count_rows, newest
from cordbook.review.expected.lookup import AGAINST, AllEstimates
from cordbook.review.reporting.declared_files import declared_problems, explain_declared

ASSETS = Path(__file__).parents[1] / "assets"
#: After chapters have been executed, before Sphinx looks which files there are.
_AFTER_REFRESH = 550
#: After sphinxcontrib-bibtex (500) has made the citations.
_AFTER_CITATIONS = 900


@dataclass(frozen=True, slots=True)
class _Given:
    """What a builder hands over."""

    today: Today
    pages_made: bool


_given: ContextVar[_Given | None] = ContextVar("cordbook_today", default=None)


@contextmanager
def builder_has(today: Today, *, pages_made: bool = False) -> Iterator[None]:
    """For ``cordbook build``, which has computed the estimates, judged the guards and executed the chapters: Sphinx takes these.

    ``pages_made``: the sources of the pages of studies and estimates are written too.
    """
    token = _given.set(_Given(today, pages_made))
    try:
        yield
    finally:
        _given.reset(token)


def _today(app: Sphinx) -> Today:
    if not hasattr(app, "cordbook_today"):
        given = _given.get()
        app.cordbook_today = given.today if given else _today_of(Project(Path(app.srcdir)))
    return app.cordbook_today


def _today_of(project: Project) -> Today:
    return Today(project, load_estimates(project.root, store_of(project)))


def _estimates(env: BuildEnvironment) -> Estimates:
    return _estimates_of(env.app)


def _estimates_of(app: Sphinx) -> Estimates:
    return _today(app).estimates


class EstimateRole(SphinxRole):
    """An estimate in prose, by id and form."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        estimate_id, _, form = self.text.partition(":")
        try:
            text = format_estimate(_estimates(self.env), estimate_id.strip(), form.strip() or "short")
        except KeyError as error:
            lacks = _estimates(self.env).lacks(estimate_id.strip())
            return self._not_stated(lacks) if lacks else _problem(self, f"est role: {error.args[0]}")
        if form.strip() == DIFFERENCE:  # a sentence, which would be one long link
            return [nodes.Text(text)], []
        target = nodes.reference(
            "",
            text,
            refuri=_relative(self.env, estimate_id.strip().removeprefix(AGAINST)),
            classes=["cb-number-link"],
            internal=True,
        )
        target["support_smartquotes"] = False  # a name of a study or a unit stands as the data write it
        return [target], []

    def _not_stated(self, lacks: Mapping[str, Sequence[str]]) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """There is no such estimate, as the data lack what it would be told apart by: a blank, not an error of the page."""
        note("file", "data/datapackage.json")
        why = f"the estimate {self.text.partition(':')[0].strip()} is not stated, since {lacking_in_words(lacks)}"
        getLogger(__name__).warning(why, location=(self.env.docname, self.lineno))
        return [nodes.inline("", NOT_STATED, classes=["cb-cell"])], []


class OutcomeCountRole(SphinxRole):
    """The counts of one outcome count in prose, by its id: ``10 of 17``; ``ID:percent`` gives the percentage too."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        cell_id, _, form = self.text.rpartition(":") if self.text.endswith(":percent") else (self.text, "", "")
        try:
            rows = _estimates(self.env).evidence.counts_by_id([cell_id.strip()])
        except KeyError:
            return _problem(self, f"cell role: no outcome count {cell_id!r} in data/outcomes.csv")
        events, n = int(rows.iloc[0]["events"]), int(rows.iloc[0]["n"])
        text = f"{events:,} of {n:,}" + (f" ({percent(events / n)})" if form else "")
        page = self.env.app.builder.get_relative_uri(self.env.docname, f"{study_ext.FOLDER}/{rows.iloc[0]['study_id']}")
        address = f"{page}#{anchor(cell_id.strip())}"
        return [nodes.reference("", text, refuri=address, classes=["cb-cell-link"], internal=True)], []


class ValueRole(SphinxRole):
    """A value of a table in prose: ``TABLE/KEY/COLUMN``, as it stands in ``data/``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        evidence = _estimates(self.env).evidence
        try:
            name, key, column = self.text.split("/")
            table = evidence[name]
            value = table.loc[table[table.columns[0]] == key, column].iloc[0]
        except (ValueError, KeyError, IndexError):
            return _problem(self, f"value role: {self.text!r} is not TABLE/KEY/COLUMN of data/")
        return [nodes.inline("", f"{value:g}" if isinstance(value, float) else str(value), classes=["cb-cell"])], []


class CountRole(SphinxRole):
    """How many rows of a table fit a question as in :mod:`cordbook.review.estimates.row_counts`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        evidence = _estimates(self.env).evidence
        try:
            text = f"{count_rows(evidence, self.text):,}"
        except (ValueError, KeyError) as error:
            return _problem(self, f"count role: {error.args[0]}")
        return [nodes.inline("", text, classes=["cb-cell"])], []


class NewestRole(SphinxRole):
    """The newest date of ``TABLE/COLUMN`` in words, or "not yet"."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            found = newest(_estimates(self.env).evidence, self.text)
            text = format_value(date.fromisoformat(found) if found else None)
        except (ValueError, KeyError) as error:
            return _problem(self, f"newest role: {error.args[0]}")
        return [nodes.inline("", text, classes=["cb-cell"])], []


class StatusRole(SphinxRole):
    """A field of ``data/review.yml`` (dates in words), or ``version``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        status = load_status(Path(self.env.srcdir) / "data")
        if not hasattr(status, self.text):
            return _problem(self, f"status role: no field {self.text!r} in data/review.yml")
        return [nodes.Text(format_value(getattr(status, self.text)))], []


def _problem(role: SphinxRole, text: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    message = role.inliner.reporter.error(text, line=role.lineno)
    return [role.inliner.problematic(role.rawtext, role.rawtext, message)], [message]


def _relative(env: BuildEnvironment, estimate_id: str) -> str:
    return env.app.builder.get_relative_uri(env.docname, f"{estimate_ext.FOLDER}/{estimate_id}")


class _Conditional(SphinxDirective):
    """Text under the condition of ``:when:``."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"when": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        condition = self.options.get("when")
        if not condition:
            raise self.error(f"{self.name}: give the condition, as in :when: some-estimate.estimate > 0.5")
        try:
            return self.shown(judge(condition, AllEstimates(_estimates(self.env))))
        except NothingToJudge as error:
            note("file", "data/datapackage.json")
            return [_note("cb-left-out", f"{self.what('Nothing is said here', 'This is not checked')}: {error}.")]
        except GuardError as error:
            raise self.error(f"{self.name}: {error}") from error

    def shown(self, verdict: Verdict) -> list[nodes.Node]:
        """What readers see where the condition came out so."""
        raise NotImplementedError

    def parsed(self, part: slice) -> list[nodes.Node]:
        """The nodes of some lines of the text."""
        box = nodes.container(classes=["cb-guarded"])
        self.state.nested_parse(self.content[part], self.content_offset + (part.start or 0), box)
        return list(box.children)

    def what(self, own: str, following: str) -> str:
        """Words for a directive with text of its own, or for one that guards what follows it."""
        return own if self.content else following


class WordingDirective(_Conditional):
    """Text in two wordings, with a line ``:otherwise:`` between them: the first where the condition holds, the second where not."""

    def shown(self, verdict: Verdict) -> list[nodes.Node]:
        holds, otherwise = wordings(self.content)
        return self.parsed(holds if verdict.holds else otherwise)


class GuardDirective(_Conditional):
    """Text that is true under a condition: ``:when:`` holds it; without text it guards what follows."""

    def shown(self, verdict: Verdict) -> list[nodes.Node]:
        mark = [] if verdict.holds else [self._mark(verdict.condition, verdict)]
        return [*mark, *(self.parsed(slice(0, None)) if self.content else [])]

    def _mark(self, condition: str, verdict: Verdict) -> nodes.Node:
        """A broken guard stops the build, unless it is allowed: then readers are told beside the sentence."""
        if not self.config.cordbook_allow_broken_guards:
            sentence = " ".join(" ".join(self.content).split()) or "(the heading after it)"
            raise ExtensionError(
                f"a guard is broken in {self.env.docname}\n"
                f"  sentence:  {sentence}\n  condition: {condition}\n  today:     {verdict.explain()}\n"
                "Rewrite the sentence so that it is true, then its condition."
            )
        what = self.what("This statement", "The statement here")
        text = f"{what} no longer matches the numbers. It was written for: {condition}. Today: {verdict.explain()}."
        return _note("cb-broken-guard", text)


def _note(kind: str, text: str) -> nodes.Node:
    """A note to readers in the place of a sentence, or beside it."""
    box = nodes.container(classes=[kind])
    box += nodes.paragraph("", text)
    return box


def _page_begins(app: Sphinx, docname: str, source: list[str]) -> None:
    """From here on, what is read of the evidence is read for this page."""
    begin(Path(app.srcdir))


def _page_ends(app: Sphinx, doctree: nodes.document) -> None:
    reads = {read for read in end() if read[0] not in ("file", "folder", "code") or read[1].startswith("data/")}
    _reads_of_pages(app.env)[app.env.docname] = _today(app).digests(reads)


def _reads_of_pages(env: BuildEnvironment) -> dict[str, dict[Read, str]]:
    if not hasattr(env, "cordbook_reads"):
        env.cordbook_reads = {}
    return env.cordbook_reads


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _reads_of_pages(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    for docname in docnames:
        if docname in _reads_of_pages(other):
            _reads_of_pages(env)[docname] = _reads_of_pages(other)[docname]


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages are read again when something that they read of the data has changed, or the code that words it."""
    code, before = package_digest(), getattr(env, "cordbook_code", None)
    env.cordbook_code = code
    today, pages = _today(app), _reads_of_pages(env)
    return [name for name, reads in pages.items() if name in env.found_docs and (code != before or today.changed(reads))]


def _rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages are written again when what they share has changed: titles in the contents, labels, citations.

    Sphinx rewrites a page when the page changes; the sidebar of the others would show old titles.
    """
    shared, before = _shared_digest(env), getattr(env, "cordbook_shared", None)
    env.cordbook_shared = shared
    return [] if shared == before else sorted(env.found_docs)


def _spare_citations(app: Sphinx) -> None:
    """Format the bibliography when it or what cites it has changed, not in every build: hundreds of entries take seconds."""
    listeners = app.events.listeners["env-updated"]
    for place, listener in enumerate(listeners):
        if listener.handler.__module__ == "sphinxcontrib.bibtex":
            listeners[place] = listener._replace(handler=_when_cited_otherwise(listener.handler))


def _when_cited_otherwise(
    format_citations: Callable[[Sphinx, BuildEnvironment], Any],
) -> Callable[[Sphinx, BuildEnvironment], Any]:
    def listener(app: Sphinx, env: BuildEnvironment) -> Any:
        domain = env.get_domain("cite")
        key = digest(
            repr(
                [
                    [(name, digest(Path(app.srcdir, name).read_bytes())) for name in app.config.bibtex_bibfiles],
                    [app.config.bibtex_default_style, app.config.bibtex_reference_style, app.config.bibtex_tooltips],
                    sorted(
                        (str(k), b.style, b.list_, b.keyprefix, ast.dump(b.filter_)) for k, b in domain.bibliographies.items()
                    ),
                    sorted((ref.docname, sorted(target.key for target in ref.targets)) for ref in domain.citation_refs),
                ]
            )
        )
        if getattr(env, "cordbook_citations", None) == (key, len(domain.citations)):
            return []
        updated = format_citations(app, env)
        env.cordbook_citations = (key, len(domain.citations))
        return updated

    return listener


def _shared_digest(env: BuildEnvironment) -> str:
    listed = {env.config.root_doc, *(name for names in env.toctree_includes.values() for name in names)}
    standard = env.get_domain("std")
    citations = env.get_domain("cite").citations if "cite" in env.domains else []
    parts = [
        [(name, env.titles[name].astext()) for name in sorted(listed) if name in env.titles],
        sorted(env.toctree_includes.items()),
        sorted(getattr(standard, "labels", {}).items()),
        sorted(getattr(standard, "anonlabels", {}).items()),
        [(c.key, c.citation_id, c.formatted_entry.label, c.bibliography_key.docname) for c in citations],
    ]
    return digest(repr(parts))


def _style_sheets_first(app: Sphinx) -> None:
    """Put the style sheet of MyST-NB in place before pages are written, not after: pages name its checksum only if it is there."""
    if app.builder.format == "html":
        (Path(app.outdir) / "_static").mkdir(parents=True, exist_ok=True)
        myst_nb_styles(app, None)


def _forget_lost_words(app: Sphinx) -> list[Any]:
    """Words that no page holds any more leave the search index; Sphinx keeps them with an empty list."""
    indexer = getattr(app.builder, "indexer", None)
    for name in ("_mapping", "_title_mapping"):
        words = getattr(indexer, name, {})
        for word in [word for word, pages in words.items() if not pages]:
            del words[word]
    return []


def _refresh(app: Sphinx) -> None:
    """Under plain ``jupyter-book build``: judge the guards and execute stale chapters, so that no page shows an old estimate."""
    if _given.get() is not None:
        return
    project, today = Project(Path(app.srcdir)), _today(app)
    if problems := declared_problems(today.estimates):
        raise ExtensionError(explain_declared(problems))
    if not app.config.cordbook_allow_broken_guards and (
        broken := broken_guards(find_conditions(project), AllEstimates(today.estimates))
    ):
        raise ExtensionError(explain_all(broken))
    with locked(project.cache):
        try:
            refresh(project, report=lambda line: None, today=today, store=store_of(project))
        except ChapterFailed as error:
            raise ExtensionError(str(error)) from error


def _make_pages(app: Sphinx) -> None:
    """Write the sources of the pages of studies and estimates, if the builder has not."""
    given = _given.get()
    if given is None or not given.pages_made:
        write_made_pages(Project(Path(app.srcdir)), _estimates_of(app))


def _only_own_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Leave out scripts that nobody needs here and that name another host (Thebe), and those that appear twice.

    Jupyter Book adds them only when a page is read again, so that they would also make pages differ from build to build.
    """
    for kind in ("script_files", "css_files"):
        kept: list[Any] = []
        for item in context.get(kind, ()):
            text = f"{item}{getattr(item, 'attributes', {})}"
            if "thebe" not in text.lower() and text not in {f"{k}{getattr(k, 'attributes', {})}" for k in kept}:
                kept.append(item)
        context[kind] = kept


def _script_of_choices(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Only a page with a form over a table needs the script that chooses its rows."""
    if " data-choose=" in context.get("body", ""):
        app.add_js_file("choices.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    for name, role in (
        ("est", EstimateRole),
        ("cell", OutcomeCountRole),
        ("value", ValueRole),
        ("count", CountRole),
        ("newest", NewestRole),
        ("status", StatusRole),
    ):
        app.add_role(name, role())
    app.add_directive("guard", GuardDirective)
    app.add_directive("wording", WordingDirective)
    app.add_config_value("cordbook_allow_broken_guards", False, "env", [bool])
    app.connect("builder-inited", _refresh)
    app.connect("builder-inited", _spare_citations)
    app.connect("builder-inited", _style_sheets_first)
    app.connect("html-collect-pages", _forget_lost_words)
    app.connect("source-read", _page_begins)
    app.connect("doctree-read", _page_ends)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-updated", _rewrite, priority=_AFTER_CITATIONS)
    app.connect("builder-inited", lambda a: a.config.html_static_path.append(str(ASSETS)), priority=100)
    app.connect("html-page-context", _script_of_choices)
    app.connect("html-page-context", _only_own_scripts, priority=900)
    app.connect("builder-inited", _make_pages, priority=_AFTER_REFRESH)
    study_ext.connect(app)
    estimate_ext.connect(app)
    examples_ext.connect(app)
    explorer_ext.connect(app, _estimates_of)
    glossary_ext.connect(app, _estimates_of)
    reference_ext.connect(app)
    search_ext.connect(app, _estimates_of)
    share_ext.connect(app)
    cite_ext.connect(app)
    feed.connect(app, _estimates_of)
    versions_ext.connect(app)
    strict_html.connect(app)
    search_titles.connect(app)
    long_tables.connect(app, _estimates_of)
    app.add_css_file("fonts.css")
    app.add_css_file("cordbook.css")
    app.add_css_file("look.css")
    app.add_css_file("front.css")
    app.add_css_file("access.css")
    app.add_js_file("tables.js", loading_method="defer")
    app.add_js_file("figures.js", loading_method="defer")
    # env_version grows with the meaning of what is kept in the environment.
    return {"version": "1", "env_version": 3, "parallel_read_safe": True, "parallel_write_safe": True}
