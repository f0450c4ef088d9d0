// The search page in plain words. From a disk a page may not read others, so that no part of a found page is shown there.
"use strict";

(() => {
  if (typeof Documentation === "undefined" || typeof DOCUMENTATION_OPTIONS === "undefined") return;
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  Object.assign(Documentation.TRANSLATIONS, {
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
      "Nothing was found. Try fewer or other words: an outcome, a treatment, the first author of a study and the year, or a term of the glossary.",
    "Search finished, found ${resultCount} page(s) matching the search query.": "Found: ${resultCount}. The likeliest stand first.",
    ", in ": ": ",
  });
})();
