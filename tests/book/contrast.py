"""What of a figure does not stand out enough: its texts and marks as the browser paints them, against what lies under them.

Limits of WCAG 2.2: 4.5 for text (1.4.3), 3 for graphical objects (1.4.11). Two things may be paler: guides in the colour of rules
(axes, ticks, grids, grounds), and see-through bands, if something of the band's colour stands out in the same figure.
"""

from __future__ import annotations

from typing import Any

TEXT, MARK = 4.5, 3.0
#: Bands are no more opaque than this.
BAND = 0.36
FAINT = """([textLimit, markLimit, band]) => {
  const numbers = c => { const m = /rgba?\\(([^)]*)\\)/.exec(c); return m && m[1].split(/[ ,/]+/).map(Number); };
  const colour = c => { const p = numbers(c); return p && (p.length > 3 && p[3] === 0 ? null : p); };
  const light = c => {
    const [r, g, b] = c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
  const over = (c, opacity, ground) => [0, 1, 2].map(i => c[i] * opacity + ground[i] * (1 - opacity));
  const pageUnder = node => {
    for (let n = node; n; n = n.parentElement) {
      const c = colour(getComputedStyle(n).backgroundColor);
      if (c && (c[3] ?? 1) > .99) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const probe = document.createElement('span');
  probe.className = 'cb-probe';
  document.body.append(probe);
  probe.style.color = 'var(--cb-rule)';
  const rule = String(colour(getComputedStyle(probe).color).slice(0, 3));
  probe.remove();
  // What a marker says of itself goes before what its use says.
  const styleOf = n => {
    const style = getComputedStyle(n), marker = n.tagName === 'use' && document.getElementById(n.href.baseVal.slice(1));
    if (!marker) return style;
    const own = getComputedStyle(marker), names = {fill: 'fill', stroke: 'stroke', strokeWidth: 'stroke-width'};
    const said = Object.entries(names).filter(([, name]) => marker.hasAttribute(name)).map(([key]) => [key, own[key]]);
    const {visibility, fill, fillOpacity, stroke, strokeOpacity, strokeWidth} = style;
    return {visibility, fill, fillOpacity, stroke, strokeOpacity, strokeWidth, ...Object.fromEntries(said)};
  };
  const found = [];
  let looked = 0;
  for (const svg of document.querySelectorAll('main svg')) {
    if (!svg.checkVisibility() || svg.getBoundingClientRect().width < 5) continue;
    const page = pageUnder(svg), grounds = [], faint = [], strong = new Set();
    const name = svg.closest('figure')?.id || svg.getAttribute('class');
    for (const n of svg.querySelectorAll('path, rect, line, circle, polygon, polyline, ellipse, use, text')) {
      if (n.closest('defs, clipPath')) continue;
      const style = styleOf(n), box = n.getBoundingClientRect(), text = n.tagName === 'text';
      if (style.visibility === 'hidden' || !(box.width + box.height)) continue;
      let opacity = 1;
      for (let a = n; a && a !== svg.parentElement; a = a.parentElement) opacity *= Number(getComputedStyle(a).opacity);
      const x = box.left + box.width / 2, y = box.top + box.height / 2;
      const under = grounds.findLast(g => g.left <= x && x <= g.right && g.top <= y && y <= g.bottom);
      // Text must stand out from what is under it, a mark from that or from the page beside it.
      const against = under ? (text ? [under.colour] : [under.colour, page]) : [page];
      const parts = [];
      if (n.tagName !== 'line' && style.fill !== 'none') parts.push([style.fill, style.fillOpacity]);
      if (!text && style.stroke !== 'none' && parseFloat(style.strokeWidth) > 0) parts.push([style.stroke, style.strokeOpacity]);
      const painted = parts.map(([c, o]) => [colour(c), opacity * Number(o)]).filter(([c, o]) => c && o > .01);
      if (!painted.length) continue;
      looked += 1;
      const stands = ([c, o]) => Math.max(...against.map(ground => contrast(over(c, o, ground), ground)));
      const best = Math.max(...painted.map(stands));
      for (const part of painted) if (stands(part) >= markLimit) strong.add(String(part[0].slice(0, 3)));
      const [first, how] = painted[0];
      if (best < (text ? textLimit : markLimit) && !(String(first.slice(0, 3)) === rule && !text && how > .99)) {
        const what = `${name}: ${n.tagName} ${n.textContent.trim().slice(0, 30)} ${first} at ${how}: ${best.toFixed(2)}`;
        faint.push([what, String(first.slice(0, 3)), !text && how <= band]);
      }
      if (!text && style.fill !== 'none' && how > .99 && box.width > 3 && box.height > 3)
        grounds.push({left: box.left, right: box.right, top: box.top, bottom: box.bottom, colour: first.slice(0, 3)});
    }
    // The edge of a grey band is grey, but darker.
    const edged = c => strong.has(c) || (c === rule && strong.size > 0);
    found.push(...faint.filter(([, c, isBand]) => !(isBand && edged(c))).map(([what]) => what));
  }
  return {found, looked};
}"""


def faint(tab: Any) -> tuple[list[str], int]:
    """What stands out too little in the figures of a page, and how many texts and marks were looked at."""
    tab.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    seen = tab.evaluate(FAINT, [TEXT, MARK, BAND])
    return seen["found"], seen["looked"]
