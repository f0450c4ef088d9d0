"""The small book with a glossary, for tests of what leads to its terms."""

from __future__ import annotations

from pathlib import Path

from tests.publish import small_book

PROSE = """\
# Words

## First use

A spinal cord injury (SCI) may lead to tetraplegia. [Tetraplegia](prose.md) in a link and `axon` in code are left alone.
Two axons, one SPINAL, one *axon*.

### Axons in a heading

Axons again, and tetraplegia again.

## Next section

Tetraplegia is marked anew.
"""


def make(root: Path, target: Path) -> Path:
    """Write the book into ``target``, from the project at ``root``."""
    small_book.make(root, target)
    small_book.chapter(
        target / "book" / "methods" / "glossary.ipynb", "# Glossary", small_book.OPEN + "review.methods.glossary()"
    )
    (target / "book" / "words.md").write_text(PROSE, encoding="utf-8")
    toc = (target / "_toc.yml").read_text(encoding="utf-8")
    (target / "_toc.yml").write_text(toc + "  - file: book/words\n  - file: book/methods/glossary\n", encoding="utf-8")
    return target
