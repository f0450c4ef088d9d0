// The list of studies: filter by words and categories, sort by a column. Without this script the whole table stands.
// The choice is kept in the page's address (after #), so that it can be shared.
// A long list gets its later rows from files of their own, all before the page is ready.
document.addEventListener("DOMContentLoaded", function () {
  "use strict";
  var form = document.getElementById("cb-studies-filter");
  var table = document.getElementById("studies");
  var state = document.getElementById("cb-studies-state");
  if (!form || !table || !state) return;
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var selects = Array.prototype.slice.call(form.querySelectorAll("select[data-key]"));
  var typed = document.getElementById("cb-studies-q");

  function plain(text) {
    return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  }
  var texts = rows.map(function (row) {
    return plain(row.textContent + " " + (row.getAttribute("data-words") || ""));
  });

  function apply() {
    var words = plain(typed.value).split(/\s+/).filter(Boolean);
    var wanted = selects.filter(function (s) { return s.value; });
    var shown = 0;
    rows.forEach(function (row, i) {
      var fits = words.every(function (w) { return texts[i].indexOf(w) >= 0; }) && wanted.every(function (s) {
        return (row.getAttribute("data-" + s.getAttribute("data-key")) || "").split(" ").indexOf(s.value) >= 0;
      });
      row.hidden = !fits;
      if (fits) shown += 1;
    });
    state.textContent = shown === rows.length ? rows.length + " studies" : shown + " of " + rows.length + " studies";
  }

  function remember() {
    var parts = selects.filter(function (s) { return s.value; }).map(function (s) {
      return s.getAttribute("data-key") + "=" + encodeURIComponent(s.value);
    });
    if (typed.value) parts.unshift("q=" + encodeURIComponent(typed.value));
    try {
      history.replaceState(null, "", parts.length ? "#" + parts.join("&") : location.pathname + location.search);
    } catch (e) { /* an address that may not change, as in some viewers */ }
  }

  function recall() {
    var given = {};
    location.hash.slice(1).split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at < 1) return;
      try { given[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (e) { /* not an address of ours */ }
    });
    typed.value = given.q || "";
    selects.forEach(function (s) {
      var value = given[s.getAttribute("data-key")] || "";
      s.value = value;
      if (s.value !== value) s.value = "";
    });
    apply();
  }

  function change() { apply(); remember(); }

  // Columns sort by a button in their head; a second press turns the order round.
  function key(row, column) {
    var cell = row.cells[column];
    var text = cell.textContent.trim();
    if (cell.className.indexOf("cb-number") < 0) return plain(text);
    var number = parseFloat(text.replace(/,/g, ""));
    return isNaN(number) ? -Infinity : number;
  }
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "cb-sort";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var before = head.getAttribute("aria-sort");
      var numeric = rows.length > 0 && rows[0].cells[column].className.indexOf("cb-number") >= 0;
      var down = before ? before === "ascending" : numeric; // the largest and the newest first
      Array.prototype.forEach.call(table.tHead.rows[0].cells, function (h) { h.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.map(function (row, i) { return { row: row, key: key(row, column), at: i }; }).sort(function (a, b) {
        var order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
        return (down ? -order : order) || a.at - b.at;
      }).forEach(function (entry) { body.appendChild(entry.row); });
    });
  });

  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", change);
  form.addEventListener("change", change);
  document.getElementById("cb-studies-reset").addEventListener("click", function () {
    typed.value = "";
    selects.forEach(function (s) { s.value = ""; });
    change();
    typed.focus();
  });
  window.addEventListener("hashchange", recall);
  recall();
});
