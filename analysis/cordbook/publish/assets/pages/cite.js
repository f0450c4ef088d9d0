// Buttons that copy a citation, on this machine alone; and boxes that open when their address is asked for.
(function () {
  "use strict";

  // Pages served without encryption have no clipboard of the new kind.
  function copyOld(text) {
    var field = document.createElement("textarea");
    var before = document.activeElement;
    field.value = text;
    field.setAttribute("readonly", "");
    field.className = "cb-cite-field";
    document.body.append(field);
    field.select();
    var done = false;
    try { done = document.execCommand("copy"); } catch (error) { done = false; }
    field.remove();
    if (before && before.focus) before.focus({ preventScroll: true });
    return done;
  }

  function copy(text) {
    if (!navigator.clipboard || !window.isSecureContext) return Promise.resolve(copyOld(text));
    return navigator.clipboard.writeText(text).then(function () { return true; }, function () { return copyOld(text); });
  }

  function select(node) {
    var range = document.createRange();
    range.selectNodeContents(node);
    var chosen = window.getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
  }

  function withButton(shown) {
    var name = shown.dataset.cbCopy;
    var button = document.createElement("button");
    var status = document.createElement("span");
    button.type = "button";
    button.className = "cb-cite-copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy: " + name);
    status.className = "cb-cite-status";
    status.setAttribute("role", "status");
    status.setAttribute("aria-live", "polite");
    button.addEventListener("click", function () {
      status.textContent = "";
      copy(shown.textContent).then(function (done) {
        if (!done) select(shown);
        status.textContent = done ? "Copied" : "Selected: copy it with Ctrl+C";
      });
    });
    shown.before(button, status);
  }

  function openAddressed() {
    var place = null;
    try { place = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch (error) { return; }
    if (!place || !place.matches(".cb-cite")) return;
    for (var fold = place; fold; fold = fold.parentElement) if (fold.tagName === "DETAILS") fold.open = true;
    place.scrollIntoView();
  }

  // Boxes are made ready when they are opened: a page may hold hundreds.
  document.querySelectorAll("details.cb-cite").forEach(function (box) {
    box.addEventListener("toggle", function () {
      if (box.open && !box.querySelector(".cb-cite-copy")) box.querySelectorAll("[data-cb-copy]").forEach(withButton);
    });
    if (box.open) box.querySelectorAll("[data-cb-copy]").forEach(withButton);
  });
  window.addEventListener("hashchange", openAddressed);
  openAddressed();
})();
