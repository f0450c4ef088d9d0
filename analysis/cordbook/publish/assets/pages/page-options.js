// What the theme's buttons do, and the cursor in the search field of the search page.
(function () {
  "use strict";
  var actions = {
    print: function () { window.print(); },
    fullscreen: function () {
      if (document.fullscreenElement) document.exitFullscreen();
      else if (document.documentElement.requestFullscreen) document.documentElement.requestFullscreen();
    }
  };
  document.addEventListener("click", function (event) {
    var button = event.target.closest ? event.target.closest("[data-cb-action]") : null;
    if (button && actions[button.dataset.cbAction]) actions[button.dataset.cbAction]();
  });
  // Printed pages show what is folded.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("main details:not([open])"));
    opened.forEach(function (fold) { fold.open = true; });
  });
  window.addEventListener("afterprint", function () { opened.forEach(function (fold) { fold.open = false; }); });
  var results = document.getElementById("search-results");
  var field = results && results.parentElement && results.parentElement.querySelector("form.bd-search input");
  if (field) field.focus();
})();
