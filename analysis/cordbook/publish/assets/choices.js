// Chooses rows of a table by selects and shows what they hold. The table stands whole, with this script and without.
// A choice that no row fits goes to the wider groups that its options name (data-wider), nearest first, and tells the reader.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-choose]")) {
    const table = document.getElementById(form.dataset.choose);
    const answer = document.getElementById(`${form.dataset.choose}-answer`);
    if (!table || !answer) continue;
    const rows = [...table.tBodies[0].rows];
    const selects = [...form.querySelectorAll("select")];

    const fitting = (wanted) => rows.filter((row) =>
      wanted.every((value, i) => row.getAttribute(`data-${selects[i].dataset.key}`) === value));

    // The chosen value of a select and its wider ones, nearest first.
    const chain = (select) => {
      const option = select.selectedOptions[0];
      return [select.value, ...(option && option.dataset.wider ? option.dataset.wider.split(" ") : [])];
    };

    // All combinations of the chains, with the fewest steps away from what was chosen first.
    function combinations() {
      let found = [{ wanted: [], steps: 0 }];
      for (const select of selects) {
        found = found.flatMap(({ wanted, steps }) =>
          chain(select).map((value, i) => ({ wanted: [...wanted, value], steps: steps + i })));
      }
      return found.sort((a, b) => a.steps - b.steps);
    }

    // The text of a row, and under it the figures of its last column with their links.
    function line(row) {
      const item = document.createElement("li");
      const lead = document.createElement("strong");
      const figures = document.createElement("div");
      lead.textContent = row.dataset.lead;
      figures.className = "cb-sub";
      figures.append(...[...row.cells[row.cells.length - 1].childNodes].map((node) => node.cloneNode(true)));
      item.append(lead, `: ${row.dataset.text}`, figures);
      return item;
    }

    function apply() {
      if (!selects.every((select) => select.value)) return answer.replaceChildren();
      const found = combinations().find(({ wanted }) => fitting(wanted).length);
      const head = document.createElement("p");
      if (!found) {
        head.textContent = form.dataset.none;
        return answer.replaceChildren(head);
      }
      const shown = fitting(found.wanted);
      const list = document.createElement("ul");
      head.textContent = `${found.steps ? `${form.dataset.wider} ` : ""}${shown[0].cells[0].textContent}.`;
      list.append(...shown.map(line));
      answer.replaceChildren(head, list);
    }

    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    apply();
  }
});
