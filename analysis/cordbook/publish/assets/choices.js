// Chooses rows of a table by selects and says what they hold. Without this script the table stands whole.
// A choice that no row fits goes to the wider groups that its options name (data-wider), nearest first, and says so.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-choose]")) {
    const table = document.getElementById(form.dataset.choose);
    const answer = document.getElementById(`${form.dataset.choose}-answer`);
    if (!table || !answer) continue;
    const rows = [...table.tBodies[0].rows];
    const selects = [...form.querySelectorAll("select")];

    const fitting = (wanted) => rows.filter((row) =>
      wanted.every((value, i) => !value || row.getAttribute(`data-${selects[i].dataset.key}`) === value));

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

    function line(row) {
      const item = document.createElement("li");
      const lead = document.createElement("strong");
      lead.textContent = row.dataset.lead;
      item.append(lead, `: ${row.dataset.say}`);
      return item;
    }

    function say(shown, steps) {
      const head = document.createElement("p");
      const list = document.createElement("ul");
      if (!shown.length) head.textContent = form.dataset.none;
      else head.textContent = (steps ? `${form.dataset.wider} ` : "") + shown[0].cells[0].textContent + ".";
      list.append(...shown.map(line));
      answer.replaceChildren(head, ...(shown.length ? [list] : []));
    }

    function apply() {
      const complete = selects.every((select) => select.value);
      const { wanted, steps } = complete
        ? combinations().find((c) => fitting(c.wanted).length) || { wanted: null, steps: 0 }
        : { wanted: selects.map((select) => select.value), steps: 0 };
      const shown = wanted ? fitting(wanted) : [];
      for (const row of rows) row.classList.toggle("cb-not-chosen", !shown.includes(row));
      if (complete) say(shown, steps);
      else answer.replaceChildren();
    }

    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    apply();
  }
});
