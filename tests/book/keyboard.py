"""A walk through a page by the Tab key alone, and what a reader sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Everything that can be reached, but the single buttons of a group, of which one is.
REACHABLE = "a[*|href], button, input:not([type=radio]), select, textarea, summary, [tabindex='0']"
MARK = f"""() => [...document.querySelectorAll("{REACHABLE}")]
  .filter(n => !n.disabled && n.checkVisibility({{visibilityProperty: true}}) && (n.tagName !== 'INPUT' || n.type !== 'hidden'))
  .map((n, i) => n.dataset.walk = String(i))"""
AT = """() => {
  const n = document.activeElement;
  if (!n || n === document.body || n === document.documentElement) return null;
  const style = getComputedStyle(n), wide = innerWidth, high = innerHeight;
  const own = top => top && (n.contains(top) || [...(n.labels || [])].some(label => label.contains(top)));
  const seen = [...n.getClientRects()].some(r => {
    const left = Math.max(r.left, 0), right = Math.min(r.right, wide);
    const top = Math.max(r.top, 0), bottom = Math.min(r.bottom, high);
    if (right - left < 2 || bottom - top < 2) return false;
    return [.5, .15, .85].some(x => [.5, .15, .85].some(y =>
      own(document.elementFromPoint(left + x * (right - left), top + y * (bottom - top)))));
  });
  const name = n.getAttribute('aria-label') || n.innerText || n.textContent || n.title || n.id || n.tagName;
  return {walk: n.dataset.walk || '', name: name.trim().slice(0, 60), kind: n.tagName.toLowerCase(),
          ring: [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor], seen};
}"""


@dataclass(frozen=True, slots=True)
class Stop:
    """An element that the Tab key reached: its number among all that can be, its name, its ring, whether it is in sight."""

    walk: str
    name: str
    kind: str
    ring: tuple[str, float, str]
    seen: bool


def at(tab: Any) -> Stop | None:
    """Where the focus is; None when it is on no element."""
    found = tab.evaluate(AT)
    return None if found is None else Stop(found["walk"], found["name"], found["kind"], tuple(found["ring"]), found["seen"])


def walked(tab: Any) -> tuple[list[Stop], list[str]]:
    """All stops of the Tab key from the top of the page to its end, and the numbers of all elements that it should reach."""
    wanted = tab.evaluate(MARK)
    stops: list[Stop] = []
    for _ in range(2 * len(wanted) + 20):
        tab.keyboard.press("Tab")
        stop = at(tab)
        # Behind the last element comes the browser's own frame, or, without one, the first element again.
        if stop is None or (stops and stop.walk == stops[0].walk):
            return stops, wanted
        stops.append(stop)
    raise AssertionError(f"no end after {len(stops)} stops: {stops[-1]}")


def tab_to(tab: Any, name: str, key: str = "Tab", most: int = 2000) -> Stop:
    """Press the Tab key (or another) until the name of what has the focus begins so."""
    for _ in range(most):
        tab.keyboard.press(key)
        stop = at(tab)
        if stop and stop.name.startswith(name):
            return stop
    raise AssertionError(f"{name!r} is not reached by {key}")
