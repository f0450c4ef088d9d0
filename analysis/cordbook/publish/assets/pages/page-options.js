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
  // The theme takes the focus off these buttons when they are pressed. Who pressed one by keyboard goes on from there; and a sidebar
  // or a search that is closed gives the focus back to the button that opened it.
  var pressed = null;
  document.addEventListener("click", function (event) {
    if (!event.target.closest) return;
    if (event.target.closest("dialog a")) pressed = null; // the link says where to go on
    var button = event.target.closest(".theme-switch-button, .search-button, .primary-toggle, .secondary-toggle");
    if (!button) return;
    pressed = button;
    if (event.detail === 0) setTimeout(function () { if (document.activeElement === document.body) button.focus(); }, 0);
  }, true);
  document.addEventListener("close", function (event) {
    if (event.target.tagName === "DIALOG" && pressed) setTimeout(function () { pressed.focus(); }, 0);
  }, true);
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
