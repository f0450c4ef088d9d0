// Terms of the glossary: their meaning on hover, on keyboard focus and on a tap. Without this script a term links to the glossary.
// The meaning stays while the pointer is on the term or on the meaning, or the term has the focus; Esc puts it away.
// On a wide screen the meanings of a page's first terms stand in the margin, where nothing else does.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // Long enough to move the pointer from the term to its meaning.
  const LINGER_MS = 250;
  const GAP_PX = 6;
  const EDGE_PX = 8;

  const box = document.createElement("span");
  box.className = "cb-meaning";
  box.id = "cb-meaning";
  let shown = null; // the term whose meaning is seen
  let pinned = false; // by a click or a tap
  let leaving = 0;

  function place() {
    const term = shown.getClientRects()[0] || shown.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(EDGE_PX, Math.min(term.left, width - box.offsetWidth - EDGE_PX));
    const below = term.bottom + GAP_PX;
    const above = term.top - GAP_PX - box.offsetHeight;
    box.style.left = `${left}px`;
    box.style.top = `${below + box.offsetHeight > window.innerHeight && above > 0 ? above : below}px`;
  }

  function fill(term) {
    const meaning = document.getElementById(term.getAttribute("aria-describedby"));
    if (!meaning) return false;
    const more = document.createElement("a");
    more.href = term.getAttribute("data-href");
    more.textContent = "Glossary";
    more.setAttribute("aria-label", `${meaning.firstChild.textContent} in the glossary`);
    box.replaceChildren(...[...meaning.childNodes].map((node) => node.cloneNode(true)), " ", more);
    return true;
  }

  function show(term) {
    clearTimeout(leaving);
    if (shown === term) return;
    hide();
    if (!fill(term)) return;
    shown = term;
    term.after(box);
    term.setAttribute("aria-expanded", "true");
    place();
  }

  function hide() {
    clearTimeout(leaving);
    if (shown) shown.setAttribute("aria-expanded", "false");
    shown = null;
    pinned = false;
    box.remove();
  }

  function leave() {
    clearTimeout(leaving);
    if (pinned) return;
    leaving = setTimeout(() => {
      const held = shown && (shown.contains(document.activeElement) || box.contains(document.activeElement));
      if (!held && !pinned) hide();
    }, LINGER_MS);
  }

  function press(term) {
    if (shown === term && pinned) return hide();
    show(term);
    pinned = shown === term;
  }

  for (const term of document.querySelectorAll("a.cb-term")) {
    term.setAttribute("data-href", term.getAttribute("href"));
    term.setAttribute("role", "button");
    term.setAttribute("aria-expanded", "false");
    term.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") show(term); });
    term.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") leave(); });
    term.addEventListener("focus", () => show(term));
    term.addEventListener("blur", leave);
    term.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // the reader wants the glossary itself
      event.preventDefault();
      press(term);
    });
    term.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      press(term);
    });
  }
  box.addEventListener("pointerenter", () => clearTimeout(leaving));
  box.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") leave(); });
  box.addEventListener("focusout", leave);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !shown) return;
    const term = shown;
    const inside = box.contains(document.activeElement);
    hide();
    if (inside) { // back to the term, whose meaning stays away until it is asked for again
      term.focus();
      hide();
    }
  });
  // A tap elsewhere puts the meaning away, and so does a focus elsewhere: it could lie over what is reached next.
  for (const kind of ["pointerdown", "focusin"]) {
    document.addEventListener(kind, (event) => {
      if (shown && !shown.contains(event.target) && !box.contains(event.target)) hide();
    });
  }
  window.addEventListener("resize", () => { if (shown) place(); });
  document.addEventListener("scroll", () => { if (shown) place(); }, { capture: true, passive: true });

  const MARGIN_PX = 216;
  const APART_PX = 14;
  const FARTHEST_PX = 60; // a note that would stand lower than this beside its term is left out
  const roomy = window.matchMedia("(min-width: 90rem)");
  const article = document.querySelector(".bd-article");

  function annotate() {
    for (const note of document.querySelectorAll(".cb-margin")) note.remove();
    if (!article || !roomy.matches) return;
    const frame = article.getBoundingClientRect();
    const edge = frame.right - parseFloat(getComputedStyle(article).paddingRight) - MARGIN_PX;
    const taken = [...article.querySelectorAll("figure, table, pre, details, svg, .cb-wide, .cell_output > *")]
      .map((thing) => thing.getBoundingClientRect()).filter((box) => box.right > edge && box.height);
    const noted = new Set();
    let free = 0;
    for (const term of article.querySelectorAll(":is(p, li) > a.cb-term, .cb-plain a.cb-term")) {
      const meaning = document.getElementById(term.getAttribute("aria-describedby"));
      const line = term.getBoundingClientRect();
      if (!meaning || noted.has(meaning.id) || !line.height || term.closest("p, li").getBoundingClientRect().right > edge) continue;
      const note = document.createElement("span");
      note.className = "cb-margin";
      note.setAttribute("aria-hidden", "true"); // the term itself tells it to those who listen
      note.append(...[...meaning.childNodes].map((node) => node.cloneNode(true)));
      article.append(note);
      const beside = line.top - frame.top;
      const top = Math.max(beside, free);
      const bottom = top + note.offsetHeight;
      const meets = taken.some((box) => box.top - frame.top < bottom + APART_PX && box.bottom - frame.top > top - APART_PX);
      if (meets || top - beside > FARTHEST_PX || bottom > frame.height) {
        note.remove();
        continue;
      }
      note.style.top = `${top}px`;
      noted.add(meaning.id);
      free = bottom + APART_PX;
    }
  }

  let waiting = 0;
  if (article) {
    new ResizeObserver(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(annotate);
    }).observe(article);
  }
});
