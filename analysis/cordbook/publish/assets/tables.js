// Sort, filter and download for evidence tables. Without this script every table stands whole.
"use strict";

(() => {
  // Shorter tables are read whole: no tools below the first number, no filter below the second.
  const FEW_ROWS = 4;
  const MANY_ROWS = 8;

  const number = (text) => {
    const match = text.replace(/,/g, "").match(/[-−]?\d+(\.\d+)?/);
    return match ? Number(match[0].replace("−", "-")) : null;
  };

  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null && x !== y) return x - y;
    return a.localeCompare(b, document.documentElement.lang || "en");
  };

  const cellText = (row, column) => (row.cells[column] ? row.cells[column].textContent.trim() : "");

  function sortable(table) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      // A column of drawings has nothing to sort by.
      if (![...body.rows].some((row) => cellText(row, column))) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "cb-sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows];
        rows.sort((a, b) => (up ? 1 : -1) * compare(cellText(a, column), cellText(b, column)));
        body.append(...rows);
      });
    });
  }

  // A cell that begins with one of these would run as a formula in a spreadsheet.
  const harmless = (text) => (/^[=+\-@\t\r]/.test(text) && number(text) !== Number(text) ? `'${text}` : text);
  const quoted = (text) => `"${harmless(text.replace(/\s+/g, " ").trim()).replace(/"/g, '""')}"`;

  function csv(table) {
    const rows = [table.tHead.rows[0], ...table.tBodies[0].rows];
    return "\ufeff" + rows.map((row) => [...row.cells].map((cell) => quoted(cell.textContent)).join(",")).join("\r\n") + "\r\n";
  }

  function download(table) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
    link.download = `${table.id || "table"}.csv`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function tools(table) {
    const bar = document.createElement("div");
    bar.className = "cb-tools";
    if (table.tBodies[0].rows.length >= MANY_ROWS) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      const count = document.createElement("span");
      input.type = "search";
      count.setAttribute("role", "status");
      label.append("Filter rows ", input);
      input.addEventListener("input", () => {
        const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        let shown = 0;
        for (const row of table.tBodies[0].rows) {
          const text = row.textContent.toLowerCase();
          row.hidden = !wanted.every((word) => text.includes(word));
          shown += row.hidden ? 0 : 1;
        }
        count.textContent = wanted.length ? ` ${shown} of ${table.tBodies[0].rows.length} rows` : "";
      });
      bar.append(label, count);
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Download CSV";
    button.addEventListener("click", () => download(table));
    bar.append(button);
    const box = table.closest(".cb-table-scroll") || table;
    box.before(bar);
  }

  // The rows of a long table beyond the first come in files of their own (long_tables.py), all before the page is ready.
  window.cordbookRows = (id, rows) => {
    const place = document.getElementById(id);
    const target = place && place.tBodies ? place.tBodies[0] : place;
    if (!target) return;
    target.insertAdjacentHTML("beforeend", rows);
    for (const note of document.querySelectorAll("[data-rows-of]")) {
      if (note.getAttribute("data-rows-of") === id) note.hidden = true;
    }
  };

  // A link to a row that was not there when the page was read.
  function goToRow() {
    let row = null;
    try {
      row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch (error) { /* not an address of ours */ }
    if (row && document.querySelector("[data-rows-of]")) row.scrollIntoView();
  }

  document.addEventListener("DOMContentLoaded", () => {
    goToRow();
    for (const table of document.querySelectorAll("table.cb-table")) {
      // The list of studies has its own filter.
      if (!table.tHead || !table.tBodies[0] || table.classList.contains("cb-studies")) continue;
      if (table.tBodies[0].rows.length >= FEW_ROWS) {
        sortable(table);
        tools(table);
      }
    }
  });
})();
