"""What does not fit a narrow screen: a page that scrolls sideways, and text that is cut off at its edge."""

from __future__ import annotations

from typing import Any

#: Text may stand beyond the edge in a box that scrolls by itself, or when it is for screen readers alone.
OVER = """() => {
  const wide = innerWidth, found = [];
  const page = document.documentElement.scrollWidth;
  if (page > wide) found.push(`the page is ${page} wide`);
  const kept = node => {
    for (let n = node; n && n !== document.body; n = n.parentElement) {
      const style = getComputedStyle(n);
      if (style.clipPath !== 'none' || n.tagName === 'DIALOG') return true;
      if (/auto|scroll/.test(style.overflowX) && n.scrollWidth > n.clientWidth) return true;
    }
    return false;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let text = texts.nextNode(); text && found.length < 5; text = texts.nextNode()) {
    const parent = text.parentElement;
    if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(parent.tagName)) continue;
    range.selectNodeContents(text);
    const out = [...range.getClientRects()].some(r => r.right > wide + 1 || (r.left < -1 && r.right > 0));
    if (!out || kept(parent) || !parent.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    found.push(text.data.trim().slice(0, 60));
  }
  return found;
}"""


def over(tab: Any) -> list[str]:
    """What does not fit the width of the tab, folds opened."""
    tab.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    return tab.evaluate(OVER)
