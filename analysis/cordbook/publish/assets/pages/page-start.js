// Before anything is drawn: the reader's choice of light or dark, and settings that other scripts look for.
(function () {
  "use strict";
  var page = document.documentElement;
  function kept(name) {
    // From a file, or in a private window, there may be no storage.
    try { return localStorage.getItem(name); } catch (e) { return null; }
  }
  page.dataset.mode = kept("mode") || "auto";
  page.dataset.theme = kept("theme") || "";
})();
var toggleHintShow = "Click to show";
var toggleHintHide = "Click to hide";
var toggleOpenOnPrint = "true";
var togglebuttonSelector = ".toggle, .admonition.dropdown";
