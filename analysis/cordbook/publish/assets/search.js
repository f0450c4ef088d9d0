// The search page in plain words: each page once, with its kind and its summary (search-words.js). A page opened from a disk may
// not read others, so that Sphinx' own excerpts would stay empty there.
"use strict";

(() => {
  if (typeof Search === "undefined" || typeof DOCUMENTATION_OPTIONS === "undefined") return;
  const KINDS = [["book/estimates/", "Estimate"], ["book/studies/", "Study"]];
  const TOP = "#main-content";
  const words = window.cordbookWords || {};
  let found = [];
  let asked = null;

  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  Object.assign(Documentation.TRANSLATIONS, {
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
      "Nothing was found. Try fewer or other words: an outcome, a treatment, the first author of a study and the year, or a term of the glossary.",
    "Search finished, found ${resultCount} page(s) matching the search query.": "Found: ${resultCount}. The likeliest stand first.",
  });

  // A word of one or two letters beside longer ones would make Sphinx find every page that holds it.
  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parse(query);
    const terms = parsed[1];
    if ([...terms].some((term) => term.length > 2)) [...terms].forEach((term) => term.length > 2 || terms.delete(term));
    const long = [...parsed[3]].filter((word) => word.length > 2);
    asked = long.length ? new RegExp(`(${long.map((word) => word.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&")).join("|")})`, "giu") : null;
    return parsed;
  };

  // Sphinx gives the worst first, and a page once as an object with a name and once for its words.
  const perform = Search._performSearch;
  Search._performSearch = (...given) => {
    const kept = new Map();
    for (const [page, title, anchor, described, score, file] of perform(...given).reverse()) {
      const place = anchor === TOP ? "" : anchor;
      if (kept.has(page + place)) continue;
      const own = described && !place ? Search._index.titles[Search._index.docnames.indexOf(page)] : title;
      const kind = KINDS.find(([folder]) => page.startsWith(folder));
      found.push({
        kind: kind ? kind[1] : described ? described.split(",")[0] : "Page",
        key: kind ? page.slice(kind[0].length) : "",
        words: words[page + place] || words[page] || "",
      });
      kept.set(page + place, [page, own, place, null, score, file]);
    }
    return [...kept.values()].reverse();
  };

  const element = (tag, name, ...inside) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...inside);
    return made;
  };

  const marked = (text) => (asked ? text.split(asked).map((part, i) => (i % 2 ? element("mark", "", part) : part)) : [text]);

  function tell(item) {
    const one = found[[...item.parentElement.children].indexOf(item)];
    if (!one || item.querySelector(".cb-found")) return;
    item.append(element("p", "cb-found", one.kind, ...(one.key ? [" \u00b7 ", element("code", "", one.key)] : [])));
    if (one.words) item.append(element("p", "context", ...marked(one.words)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("search-results");
    if (!place) return;
    new MutationObserver(() => {
      const summary = place.querySelector(".search-summary");
      if (summary && !summary.hasAttribute("role")) summary.setAttribute("role", "status");
      place.querySelectorAll("ul.search > li").forEach(tell);
    }).observe(place, { childList: true, subtree: true });
  });
})();
