"""The book's Sphinx extension: numbers and guards in prose, and the look of figures and tables.

``{est}`ID``` writes an estimate, ``{est}`ID:FORM``` in one of the forms of :mod:`cordbook.review.phrases`,
with a link to the estimate's row. ``{cell}`ID``` writes the counts of one cell, ``{value}`TABLE/KEY/COLUMN``` a value of
a table, ``{status}`FIELD``` a field of ``data/review.yml``. The directive ``guard`` states the condition under which the text in it, or the
heading after it, is true; the build stops where data has broken it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

import cordbook
from cordbook.project import Project
from cordbook.publish.chapters import refresh
from cordbook.review.estimates import Estimates, load_estimates
from cordbook.review.guards import GuardError, judge
from cordbook.review.phrases import percent, phrase
from cordbook.review.status import in_words, load_status

ASSETS = Path(__file__).parent / "assets"
#: The page that lists every estimate; a number in prose links to its row there.
ESTIMATES_PAGE = "book/methods/estimates"


def _estimates(env: BuildEnvironment) -> Estimates:
    holder = env.app
    if not hasattr(holder, "cordbook_estimates"):
        holder.cordbook_estimates = load_estimates(env.srcdir)
    return holder.cordbook_estimates


class EstimateRole(SphinxRole):
    """An estimate in prose, by id and form."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        estimate_id, _, form = self.text.partition(":")
        try:
            text = phrase(_estimates(self.env)[estimate_id.strip()], form.strip() or "short")
        except KeyError as error:
            return _problem(self, f"est role: {error.args[0]}")
        _uses_estimates(self.env)
        target = nodes.reference(
            "", text, refuri=_relative(self.env, estimate_id.strip()), classes=["cb-number-link"], internal=True
        )
        return [target], []


class CellRole(SphinxRole):
    """The counts of one outcome cell in prose, by its id: ``10 of 17``; ``ID:percent`` gives the percentage too."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        cell_id, _, form = self.text.rpartition(":") if self.text.endswith(":percent") else (self.text, "", "")
        cells = _estimates(self.env).evidence.cells
        rows = cells[cells["cell_id"] == cell_id.strip()]
        if len(rows) != 1:
            return _problem(self, f"cell role: no outcome cell {cell_id!r} in data/outcomes.csv")
        _uses_estimates(self.env)
        events, n = int(rows.iloc[0]["events"]), int(rows.iloc[0]["n"])
        text = f"{events:,} of {n:,}" + (f" ({percent(events / n)})" if form else "")
        return [nodes.inline("", text, classes=["cb-cell"])], []


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
        _uses_estimates(self.env)
        return [nodes.inline("", f"{value:g}" if isinstance(value, float) else str(value), classes=["cb-cell"])], []


class StatusRole(SphinxRole):
    """A field of ``data/review.yml`` (dates in words), or ``version``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text == "version":
            return [nodes.Text(cordbook.__version__)], []
        status = load_status(Path(self.env.srcdir) / "data")
        if not hasattr(status, self.text):
            return _problem(self, f"status role: no field {self.text!r} in data/review.yml")
        _uses_estimates(self.env)
        return [nodes.Text(in_words(getattr(status, self.text)))], []


def _problem(role: SphinxRole, text: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    message = role.inliner.reporter.error(text, line=role.lineno)
    return [role.inliner.problematic(role.rawtext, role.rawtext, message)], [message]


def _relative(env: BuildEnvironment, anchor: str) -> str:
    return f"{env.app.builder.get_relative_uri(env.docname, ESTIMATES_PAGE)}#{anchor}"


class GuardDirective(SphinxDirective):
    """Text that is true under a condition: ``:when:`` holds it; without text it guards what follows."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"when": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        condition = self.options.get("when")
        if not condition:
            raise self.error("guard: give the condition, as in :when: some-estimate.estimate > 0.5")
        _uses_estimates(self.env)
        try:
            verdict = judge(condition, _estimates(self.env))
        except GuardError as error:
            raise self.error(f"guard: {error}") from error
        if not verdict.holds:
            sentence = " ".join(" ".join(self.content).split()) or "(the heading after it)"
            raise ExtensionError(
                f"a guard is broken in {self.env.docname}, line {self.lineno}\n"
                f"  sentence:  {sentence}\n  condition: {condition}\n  today:     {verdict.explain()}\n"
                "Rewrite the sentence so that it is true, then its condition."
            )
        if not self.content:
            return []
        box = nodes.container(classes=["cb-guarded"])
        self.state.nested_parse(self.content, self.content_offset, box)
        return box.children


def _uses_estimates(env: BuildEnvironment) -> None:
    env.metadata.setdefault(env.docname, {})["cordbook-estimates"] = "yes"


def _digest(srcdir: Path) -> str:
    """What pages with estimates depend on: data and the code that computes and words them."""
    digest = hashlib.sha256()
    package = Path(cordbook.__file__).parent
    files = [p for p in (srcdir / "data").iterdir() if p.suffix in (".csv", ".yml", ".json")]
    files += [p for room in ("evidence", "synthesis", "review", "publish") for p in (package / room).rglob("*.py")]
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with numbers are read again when what the numbers come from has changed."""
    digest = _digest(Path(app.srcdir))
    if getattr(env, "cordbook_digest", None) == digest:
        return []
    env.cordbook_digest = digest
    return [name for name, data in env.metadata.items() if "cordbook-estimates" in data]


def _refresh(app: Sphinx) -> None:
    """Execute chapters whose data or code has changed, so that no build shows an old estimate."""
    refresh(Project(Path(app.srcdir)), report=lambda line: None)


def _only_own_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Leave out scripts that nobody needs here and that name another host (Thebe), and those that stand twice.

    Jupyter Book adds them only when a page is read again, so that they would also make pages differ from build to build.
    """
    for kind in ("script_files", "css_files"):
        kept: list[Any] = []
        for item in context.get(kind, ()):
            text = f"{item}{getattr(item, 'attributes', {})}"
            if "thebe" not in text.lower() and text not in {f"{k}{getattr(k, 'attributes', {})}" for k in kept}:
                kept.append(item)
        context[kind] = kept


def setup(app: Sphinx) -> dict[str, Any]:
    for name, role in (("est", EstimateRole), ("cell", CellRole), ("value", ValueRole), ("status", StatusRole)):
        app.add_role(name, role())
    app.add_directive("guard", GuardDirective)
    app.connect("builder-inited", _refresh)
    app.connect("env-get-outdated", _outdated)
    app.connect("builder-inited", lambda a: a.config.html_static_path.append(str(ASSETS)), priority=100)
    app.connect("html-page-context", _only_own_scripts, priority=900)
    app.add_css_file("cordbook.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
