// The page of the explorer: controls, result, forest plot, table. Everything is made with DOM calls; every text from the data is
// set as text. The question lives in the address, so that the back button and a shared link work.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var DRAWN = 100, MORE = 200, WIDE = 720;
  var MODEL_NAMES = {
    glmm: "Binomial-normal (GLMM), as the book", reml: "Random effects on the logit (REML, Hartung-Knapp)",
    dl: "Random effects on the logit (DerSimonian-Laird, Hartung-Knapp)", common: "Common effect on the logit"
  };
  var AVERAGE_NAMES = { population: "Population average", median: "Median study" };
  var BOUND_NAMES = { year: "Year of the report", months: "Months from treatment to the count", n: "People counted in a group" };

  function start() {
    var place = document.getElementById("cb-explorer"), el = X.dom.el, fill = X.dom.fill;
    if (!place || !root.CORDBOOK_EVIDENCE) return;
    var scored = (root.CORDBOOK_EVIDENCE.scores || []).length > 0;
    if (!Object.keys(root.CORDBOOK_EVIDENCE.outcomes).length) {
      if (scored) { startScoresAlone(place); return; }
      fill(place, [el("p", { class: "cbx-muted", text: "There is nothing to explore yet: no outcome of a study has been counted." })]);
      return;
    }
    var E = X.prepare(root.CORDBOOK_EVIDENCE), W = X.words, data = E.data;
    var question = null, answer = null, pooled = null, side = [], drawing = null, view = null, drawn = DRAWN, builtFor = null, announced = "", timer = null, address = "";
    var labelled = X.dom.labelled, select = X.dom.select, button = X.dom.button, key = X.dom.key;
    var box = el("div", { id: "cbx-counts" }), parts = skeleton(), scores = null;
    fill(place, [box]);
    var facetBoxes = [], boundInputs = {};

    // --- the fixed parts -----------------------------------------------------------------------------------------

    function skeleton() {
      var p = {};
      p.outcome = select("cbx-outcome", function (value) { ask(X.startOf(E, value)); });
      p.asked = select("cbx-question", function (value) { if (value) ask(X.questionOf(E, value)); });
      p.model = select("cbx-model", function (value) { change(function (q) { q.model = value; }); });
      p.average = select("cbx-average", function (value) { change(function (q) { q.average = value; }); });
      p.strata = select("cbx-strata", function (value) { if (value !== "as") change(function (q) { q.strata = value; }); });
      p.natural = select("cbx-natural", function (value) { change(function (q) { q.natural = value; }); });
      X.MODELS.forEach(function (name) { p.model.appendChild(el("option", { value: name, text: MODEL_NAMES[name] })); });
      X.AVERAGES.forEach(function (name) { p.average.appendChild(el("option", { value: name, text: AVERAGE_NAMES[name] })); });
      outcomeOptions(p.outcome);
      p.facets = el("div", { class: "cbx-facets" });
      p.filterState = el("span", { class: "cbx-muted" });
      p.filters = el("details", { class: "cbx-filters" }, [el("summary", {}, ["Filters ", p.filterState]), p.facets]);
      p.filters.open = root.innerWidth >= 768;
      p.chips = el("div", { class: "cbx-chips", id: "cbx-chips", tabindex: "-1", role: "group", "aria-label": "Filters that are set" });
      p.status = el("p", { class: "cbx-hidden", role: "status", "aria-live": "polite" });
      p.version = el("p", { class: "cbx-warning", hidden: true });
      p.number = el("p", { class: "cbx-number" });
      p.sentence = el("p", { class: "cbx-sentence" });
      p.facts = el("dl", { class: "cbx-facts" });
      p.warnings = el("ul", { class: "cbx-warnings" });
      p.figure = el("div", { class: "cbx-plot" });
      p.caption = el("figcaption", {});
      p.legend = el("p", { class: "cbx-legend" });
      p.curve = el("div", { class: "cbx-plot" });
      p.standing = el("figcaption", {});
      p.curveBox = el("figure", { class: "cbx-figure", id: "cbx-curve", hidden: true }, [el("p", { class: "cbx-curve-title", text: "Your choice among all defensible ones" }), p.curve, p.standing]);
      p.tbody = el("tbody", {});
      p.more = button("cbx-more", "Show more studies", function () { drawn += MORE; render(); });
      p.out = el("div", {});
      p.tools = X.dom.tools("cbx-", {
        link: linkHere, csv: function () { return X.toCsv(question, answer, side.length ? null : pooled, data.version); }, drawing: pictured, label: described,
        id: function () { return question.outcome; }, announce: announce
      });
      p.table = el("table", { class: "cbx-table" }, [
        el("caption", { text: "The studies; untick one to leave it out" }),
        el("thead", {}, [el("tr", {}, ["Counted", "Study", "Events of n", "Share (95% CI)", "Weight"].map(function (text) { return el("th", { scope: "col", text: text }); }))]),
        p.tbody
      ]);
      p.result = el("div", { class: "cbx-result" }, [
        p.number, p.sentence, p.facts, p.warnings,
        el("figure", { class: "cbx-figure" }, [p.figure, p.legend, p.caption]),
        p.tools.bar, p.tools.box, el("div", { class: "cb-table-scroll", tabindex: "0", role: "region", "aria-label": "Table of the studies" }, [p.table]), p.more, p.curveBox
      ]);
      p.empty = el("div", { class: "cbx-empty", hidden: true });
      fill(box, [
        el("div", { class: "cbx-controls" }, [
          labelled("cbx-outcome", "Outcome", p.outcome), labelled("cbx-question", "A question of the book", p.asked)
        ]),
        p.filters, p.chips, p.version, p.status, p.empty, p.result, p.out,
        el("details", { class: "cbx-filters" }, [el("summary", { text: "How it is pooled" }), el("div", { class: "cbx-controls" }, [
          labelled("cbx-model", "Model", p.model), labelled("cbx-average", "Average", p.average), labelled("cbx-strata", "Which counts of a study", p.strata),
          labelled("cbx-natural", "Natural recovery beside it", p.natural)
        ])])
      ]);
      // The place of these choices: before the result.
      box.insertBefore(box.lastChild, p.chips);
      place.classList.add("cbx-ready");
      return p;
    }

    function outcomeOptions(box) {
      var asked = el("optgroup", { label: "Asked in this book" }), other = el("optgroup", { label: "Other outcomes" });
      data.outcomes.forEach(function (o) {
        if (!o.counts) return;
        (o.start.estimate ? asked : other).appendChild(el("option", { value: o.id, text: o.label + " (" + W.plural(o.counts, "count", "counts") + ")" }));
      });
      [asked, other].forEach(function (group) { if (group.firstChild) box.appendChild(group); });
    }

    // --- filters of an outcome -----------------------------------------------------------------------------------

    function buildFilters() {
      if (builtFor === question.outcome) return;
      builtFor = question.outcome;
      facetBoxes = [];
      fill(parts.asked, [el("option", { value: "", text: "\u2014 your own filters \u2014" })].concat(data.questions.filter(function (q) {
        return q.outcome === question.outcome;
      }).map(function (q) { return el("option", { value: q.id, text: q.title }); })));
      var naturals = data.estimates.filter(function (e) { return e.natural && e.outcome === question.outcome; });
      fill(parts.natural, [["auto", "The one that fits"], ["none", "None"]].concat(naturals.map(function (e) { return [e.id, e.title]; })).map(function (pair) {
        return el("option", { value: pair[0], text: pair[1] });
      }));
      parts.natural.parentNode.hidden = !naturals.length;
      var bias = [], boxes = [];
      data.filters.concat(E.columns.filter(function (name) { return name.indexOf("rob.") === 0; })).forEach(function (name) {
        var box = facet(name, E.columns.indexOf(name));
        if (box) (name.indexOf("rob.") === 0 ? bias : boxes).push(box);
      });
      fill(parts.facets, boxes.concat(bias.length ? [el("details", { class: "cbx-facet cbx-bias" }, [
        el("summary", { text: "Risk of bias" }), el("div", { class: "cbx-options" }, bias)
      ])] : [], [boundsBox()]));
    }

    // Values of a column in the outcome's poolable counts as tick boxes; null where there is nothing to choose.
    function facet(name, number) {
      var column = data.columns[name], there = new Set();
      if (!column) return null;
      (E.byOutcome.get(question.outcome) || []).forEach(function (i) { if (!data.counts.barred[i] && column.codes[i] >= 0) there.add(column.codes[i]); });
      if (!there.size) return null;
      var options = Array.from(there).sort(function (a, b) { return a - b; }).map(function (code) {
        var id = "cbx-f-" + number + "-" + code, count = el("span", { class: "cbx-count" });
        var tick = el("input", { type: "checkbox", id: id, on: { change: function () { toggle(name, column.values[code], tick.checked); } } });
        facetBoxes.push({ name: name, value: column.values[code], code: code, tick: tick, count: count });
        return el("div", { class: "cbx-option" }, [tick, el("label", { for: id }, [column.words[code] + " ", count])]);
      });
      if (name.indexOf("rob.") === 0) {
        return el("fieldset", {}, [el("legend", { text: column.name })].concat([el("p", { class: "cbx-muted", text: data.items[name] })], options));
      }
      return el("details", { class: "cbx-facet" }, [
        el("summary", { text: column.name }), el("fieldset", { class: "cbx-options" }, [el("legend", { class: "cbx-hidden", text: column.name })].concat(options))
      ]);
    }

    function boundsBox() {
      boundInputs = {};
      var sets = Object.keys(BOUND_NAMES).map(function (name) {
        var inputs = ["from", "to"].map(function (side, at) {
          var id = "cbx-b-" + name + "-" + side;
          var input = el("input", { id: id, type: "number", min: "0", step: "any", inputmode: "decimal", on: { change: function () {
            change(function (q) {
              var bound = q.bounds[name] || [null, null];
              bound[at] = input.value === "" || !isFinite(Number(input.value)) ? null : Number(input.value);
              q.bounds[name] = bound;
            });
          } } });
          boundInputs[name + at] = input;
          return el("div", {}, [el("label", { for: id, text: side }), input]);
        });
        return el("fieldset", { class: "cbx-bound" }, [el("legend", { text: BOUND_NAMES[name] })].concat(inputs));
      });
      return el("details", { class: "cbx-facet" }, [el("summary", { text: "Year, follow-up, size" }), el("div", { class: "cbx-options" }, sets)]);
    }

    // --- what the reader does ------------------------------------------------------------------------------------

    function ask(next, silent) {
      var before = question;
      question = X.canonical(next);
      if (!before || before.outcome !== question.outcome) drawn = DRAWN;
      if (!silent) remember();
      render();
    }
    function change(edit) {
      var next = JSON.parse(JSON.stringify(question));
      edit(next);
      ask(next);
    }
    function toggle(name, value, on) {
      change(function (q) {
        var had = X.hasStratum(q.where), values = (q.where[name] || []).filter(function (v) { return v !== value; });
        if (on) values.push(value);
        if (values.length) q.where[name] = values; else delete q.where[name];
        // Counts of a stratum stand in rows of their own: with such a filter the widest rows are asked, without it whole groups.
        if (X.hasStratum(q.where) && !had && q.strata === "total") q.strata = "widest";
        if (!X.hasStratum(q.where) && had && q.strata === "widest") q.strata = X.startOf(E, q.outcome).strata;
      });
    }
    function remember() {
      var next = X.toAddress(E, question);
      if (next === root.location.hash) return;
      try { root.history.pushState(null, "", next); } catch (e) { root.location.hash = next; }
    }
    function recall() {
      if (scores && scores.recall()) return;
      var found = X.fromAddress(E, root.location.hash), known = found.question;
      if (!known && question && !root.location.hash) known = null;
      parts.version.hidden = !(found.version && found.version !== data.version);
      parts.version.textContent = parts.version.hidden ? "" : "This link was made with version " + found.version + " of the book; this is version " +
        data.version + ". Studies and numbers may have changed since.";
      if (!known && /outcome=|estimate=/.test(root.location.hash)) {
        parts.version.hidden = false;
        parts.version.textContent = "This link asks for something that this version of the book does not have. The first question is shown instead.";
      }
      known = X.canonical(known || X.startOf(E, data.outcomes[0].id));
      if (!question || JSON.stringify(known) !== JSON.stringify(question)) ask(known, true);
    }
    function linkHere() { return String(root.location.href).split("#")[0] + X.toAddress(E, question); }
    function announce(text) {
      clearTimeout(timer);
      timer = setTimeout(function () { parts.status.textContent = text; }, 400);
    }
    // --- showing -------------------------------------------------------------------------------------------------

    function render() {
      var focused = document.activeElement && document.activeElement.id;
      answer = X.choose(E, question);
      var events = [], sizes = [];
      answer.counted.forEach(function (r) { events.push(r.events); sizes.push(r.n); });
      pooled = X.pool(events, sizes, { model: question.model, average: question.average });
      var reasons = pooled ? X.reasonsNotToPool(pooled, events, data.limits) : [];
      side = question.anyway ? [] : reasons;
      answer.rows.forEach(function (r) { r.weight = 0; });
      answer.counted.forEach(function (r, i) { r.weight = side.length ? 1 : pooled.weights[i]; });
      address = X.toAddress(E, question);
      X.current = { question: question, answer: answer, pooled: pooled, side: side, against: question.anyway ? reasons : [], address: address, command: X.toCommand(question) };
      parts.tools.command.textContent = X.current.command;
      buildFilters();
      showControls();
      showChips();
      parts.empty.hidden = answer.rows.length > 0;
      parts.result.hidden = answer.rows.length === 0;
      if (answer.rows.length) showResult(); else showEmpty();
      showLeftOut();
      if (focused && document.activeElement !== document.getElementById(focused)) {
        (document.getElementById(focused) || parts.chips).focus();
      }
    }

    function showControls() {
      parts.outcome.value = question.outcome;
      parts.model.value = question.model;
      parts.average.value = question.average;
      parts.natural.value = question.natural;
      var asked = /^#estimate=([^&]*)/.exec(address);
      parts.asked.value = asked ? decodeURIComponent(asked[1]) : "";
      var rows = [["total", "Only counts of a whole group"], ["widest", "The widest count known"]];
      if (typeof question.strata === "object") {
        rows.unshift(["as", "Counts of " + Object.keys(question.strata).map(function (k) { return k.replace(/_/g, " ") + " " + question.strata[k]; }).join(", ")]);
      }
      if (/^by:/.test(question.strata)) rows.unshift([question.strata, "Counts of a whole group, or by " + question.strata.slice(3).replace(/_/g, " ")]);
      fill(parts.strata, rows.map(function (pair) { return el("option", { value: pair[0], text: pair[1] }); }));
      parts.strata.value = typeof question.strata === "object" ? "as" : question.strata;
      facetBoxes.forEach(function (f) {
        var count = answer.facets[f.name][f.code];
        f.tick.checked = (question.where[f.name] || []).indexOf(f.value) >= 0;
        f.count.textContent = "(" + W.count(count) + ")";
        f.tick.parentNode.classList.toggle("cbx-none", !count && !f.tick.checked);
      });
      Object.keys(BOUND_NAMES).forEach(function (name) {
        [0, 1].forEach(function (at) {
          var value = (question.bounds[name] || [null, null])[at], input = boundInputs[name + at];
          if (document.activeElement !== input || value !== null) input.value = value === null ? "" : String(value);
        });
      });
    }

    function showChips() {
      var chips = [];
      function chip(id, text, off) { chips.push(el("button", { type: "button", id: id, class: "cbx-chip", "aria-label": "Remove filter: " + text, text: text + " \u00d7", on: { click: off } })); }
      Object.keys(question.where).forEach(function (name) {
        var column = data.columns[name];
        question.where[name].forEach(function (value, i) {
          var at = column.values.indexOf(value), word = name === "study_id" && E.studies.has(value) ? data.studies.label[E.studies.get(value)] : at >= 0 ? column.words[at] : value;
          chip("cbx-c-" + E.columns.indexOf(name) + "-" + i, column.name + ": " + word, function () { toggle(name, value, false); });
        });
      });
      Object.keys(question.bounds).forEach(function (name) {
        var b = question.bounds[name], text = b[0] === null ? "at most " + b[1] : b[1] === null ? "at least " + b[0] : b[0] + " to " + b[1];
        chip("cbx-cb-" + name, BOUND_NAMES[name] + ": " + text, function () { change(function (q) { delete q.bounds[name]; }); });
      });
      if (question.without.length) {
        chip("cbx-c-without", W.studies(question.without.length) + " switched off", function () { change(function (q) { q.without = []; }); });
      }
      parts.filterState.textContent = chips.length ? "(" + chips.length + " set)" : "(none set)";
      chips.push(el("button", { type: "button", id: "cbx-reset", class: "cbx-plain", text: "Start again", on: { click: function () { ask(X.startOf(E, question.outcome)); } } }));
      fill(parts.chips, chips);
    }

    function term() { return E.outcomes.get(question.outcome); }
    function described() {
      var o = term();
      if (!pooled) return o.label + ": no study is counted.";
      if (side.length) return o.label + ": forest plot of " + W.studies(pooled.k) + ", not pooled. " + W.count(pooled.events) + " of " + W.people(pooled.n) + (span() ? ", " + span() + " in single groups." : ".");
      return o.label + ": forest plot of " + W.studies(pooled.k) + ". Pooled share " + W.percent(pooled.estimate) + " (95% CI " + W.percentNumber(pooled.low) + " to " +
        W.percentNumber(pooled.high) + ")." + (pooled.piLow === null ? "" : " Prediction interval " + W.percentNumber(pooled.piLow) + " to " + W.percentNumber(pooled.piHigh) + "%.");
    }

    function showResult() {
      var o = term(), natural = X.naturalFor(E, question), p = pooled, same = X.sameEstimate(E, answer.counted, question.model, question.average);
      parts.number.hidden = parts.facts.hidden = parts.tools.bar.hidden = parts.figure.parentNode.hidden = !p;
      if (!p) {
        fill(parts.sentence, ["Every study is switched off. Tick one in the table, or start again."]);
        showCurve(p);
        fill(parts.warnings, []);
        announce("No study is counted.");
        showTable();
        return;
      }
      if (side.length) { showSide(o, p, natural, same); return; }
      fill(parts.number, [el("strong", { text: W.percent(p.estimate) }), " ", el("span", { text: "95% CI " + W.percentNumber(p.low) + " to " + W.percentNumber(p.high) + "%" })]);
      var often = W.frequency(p.estimate), many = often === "none" ? "nobody" : often === "all" ? "everybody" : "about " + often;
      fill(parts.sentence, [
        o.label + ": " + (p.k === 1 ? "in one study, " : "in " + W.studies(p.k) + ", ") + W.count(p.events) + " of " + W.people(p.n) + ". " +
        (p.k === 1 ? "That is " + many + "." : "Pooled, " + many + " (" + W.percent(p.estimate) + ", 95% confidence interval " + W.percentNumber(p.low) + " to " + W.percentNumber(p.high) + "%).") +
        (p.piLow === null ? "" : " In a new study of this kind the share could lie anywhere from " + W.percent(p.piLow) + " to " + W.percent(p.piHigh) + "."),
        natural ? el("span", { class: "cbx-beside", text: " Beside it, natural recovery: " + W.percent(natural.values[0]) + " (" + W.percentNumber(natural.values[1]) + " to " + W.percentNumber(natural.values[2]) + "%)." }) : null
      ]);
      var facts = [
        ["Studies", W.count(new Set(answer.counted.map(function (r) { return r.study; })).size)],
        ["Groups", W.count(p.k)], ["People", W.count(p.n)], ["Events", W.count(p.events)],
        averageFact(p, "population", p.populationAverage), averageFact(p, "median", p.medianStudy),
        ["Prediction interval", p.piLow === null ? "not given" : W.percentNumber(p.piLow) + " to " + W.percentNumber(p.piHigh) + "%"],
        ["I\u00b2", p.i2 === null ? "not given" : p.i2.toFixed(0) + "%"],
        ["\u03c4\u00b2", p.tau2 === null ? "not given" : fixed(p.tau2) + (p.tau2Low === null ? "" : " (" + fixed(p.tau2Low) + " to " + (p.tau2High === null ? "no end" : fixed(p.tau2High)) + ")")],
        ["Q", p.q === null ? "not given" : fixed(p.q) + " (df " + p.qDf + ", p " + (p.qP === null ? "?" : p.qP < 0.001 ? "< 0.001" : p.qP.toFixed(3)) + ")"]
      ];
      X.dom.facts(parts.facts, facts);
      showRest(o, p, natural, same);
    }
    // What stands under the number, pooled or not: warnings, the drawing, the table, and the words for who listens.
    function showRest(o, p, natural, same) {
      showWarnings(o, p, natural, same);
      showPlot(o, p, natural);
      showTable();
      var text = described();
      if (text !== announced) { announced = text; announce(text); }
    }
    // The lowest and the highest share of a group; empty where all show the same.
    function span() {
      var shares = answer.counted.map(function (r) { return r.events / r.n; }), low = Math.min.apply(null, shares), high = Math.max.apply(null, shares);
      return low === high ? "" : W.percent(low) + " to " + W.percent(high);
    }
    function anywayButton(text, on) {
      return el("button", { type: "button", id: "cbx-anyway", class: "cbx-plain", text: text, on: { click: function () { change(function (q) { q.anyway = on; }); } } });
    }
    // Studies that no average describes: their counts added up and their range, the reasons, and the average only for who asks.
    function showSide(o, p, natural, same) {
      fill(parts.number, [el("strong", { text: W.count(p.events) + " of " + W.count(p.n) }), " ", el("span", { text: "not pooled" + (span() ? "; " + span() + " in single groups" : "") })]);
      fill(parts.sentence, [
        o.label + ": in " + W.studies(p.k) + ", " + W.count(p.events) + " of " + W.people(p.n) + ". " + side.map(function (r) { return r.text; }).join(" ") + " ",
        anywayButton("Pool them anyway", true)
      ]);
      var facts = [
        ["Studies", W.count(new Set(answer.counted.map(function (r) { return r.study; })).size)],
        ["Groups", W.count(p.k)], ["People", W.count(p.n)], ["Events", W.count(p.events)]
      ];
      X.dom.facts(parts.facts, facts);
      showRest(o, p, natural, same);
    }
    // Each average with its interval; the one that is the pooled share is named so.
    function averageFact(p, name, at) {
      return at && [AVERAGE_NAMES[name] + (p.average === name ? " (the pooled share)" : ""),
        W.percent(at.estimate) + " (" + W.percentNumber(at.low) + " to " + W.percentNumber(at.high) + ")"];
    }
    function fixed(value) { return String(Number(value.toPrecision(3))); }

    function showWarnings(o, p, natural, same) {
      var list = [];
      if (same) {
        list.push(el("li", { class: "cbx-same" }, ["This is the book\u2019s estimate ", el("a", { href: "estimates/" + encodeURIComponent(same.id) + ".html", text: same.title }), "."]));
      } else {
        list.push(el("li", { text: "This selection is yours, not one of the book\u2019s declared estimates. A group picked after looking at results is a hint, not a finding." }));
      }
      var against = X.current.against;
      if (against.length) {
        list.push(el("li", {}, ["Pooled because you asked. The book would not: " + against.map(function (r) { return r.text; }).join(" ") + " ", anywayButton("Side by side again", false)]));
      }
      if (p.k === 2 && !side.length) list.push(el("li", { text: "Two groups only: how much studies differ can hardly be estimated, and the interval is wide for that reason." }));
      else if (p.k > 2 && p.k < 5) list.push(el("li", { text: "Fewer than five groups: one more study could move this a lot." }));
      if (p.n < 50) list.push(el("li", { text: "Fewer than 50 people in all." }));
      if (!side.length && p.i2 !== null && p.i2 >= 75) list.push(el("li", { text: "The studies disagree far beyond chance (I\u00b2 " + p.i2.toFixed(0) + "%): the pooled share is an average of unlike things." }));
      var column = data.columns.role, roles = new Set(answer.counted.map(function (r) { return column.values[column.codes[r.counts[0]]]; }));
      if (roles.size > 1) list.push(el("li", { text: "Treated people and others are pooled together here. Choose who was counted." }));
      else if (roles.has("treated") && !o.bad) list.push(el("li", { text: "Only treated groups are counted here. Without a comparison group nobody can tell how many would have improved anyway." }));
      if (natural) list.push(el("li", {}, ["Natural recovery (", el("a", { href: "estimates/" + encodeURIComponent(natural.id) + ".html", text: natural.title }), ") comes from other people, counted by other teams. It is a yardstick, not a control group."]));
      if (!side.length) p.notes.forEach(function (note) { list.push(el("li", { text: note })); });
      fill(parts.warnings, list);
    }

    // The plot as a file: always the wide drawing, with title, legend, source and version.
    function pictured() {
      var web = /^https?:$/.test(root.location.protocol) ? ", " + root.location.href.split("#")[0] : "";
      var legend = Array.from(parts.legend.children).map(function (entry) { return entry.textContent; }).join("; ");
      return X.framed(X.forest(Object.assign({}, view, { width: WIDE })), {
        title: term().label, notes: [described().replace(term().label + ": ", "").replace(/^./, function (sign) { return sign.toUpperCase(); }), legend + ".", parts.caption.textContent, "Source: " + data.name + " " + data.version + ", explorer" + web + "."]
      });
    }

    // Where data/multiverse.yml declares the question: the reader's own result among those of all choices.
    function showCurve(p) {
      var curve = p && X.curveOf(E, question);
      parts.curveBox.hidden = !curve;
      if (!curve) return;
      var value = side.length ? null : p.estimate, words = X.standing(curve, value);
      parts.standing.textContent = words + (value === null ? "" : " The diamond is yours, the square the book\u2019s own.");
      fill(parts.curve, [X.toSvg(document, X.curveMarks(curve, value, parts.result.clientWidth || WIDE), { label: words })]);
    }

    function showPlot(o, p, natural) {
      showCurve(p);
      var rows = answer.rows.slice(0, drawn), highs = [natural ? natural.values[2] : 0];
      if (!side.length) highs.push(p.high, p.piHigh === null ? 0 : p.piHigh);
      rows.forEach(function (r) { highs.push(X.exactInterval(r.events, r.n, 0.95)[1]); });
      var axis = X.axis(highs);
      view = {
        rows: rows, rest: answer.rows.slice(drawn).filter(function (r) { return !r.off; }).length,
        pooled: side.length ? null : p, natural: natural, harm: o.bad, from: axis.from, to: axis.to, ticks: axis.ticks, width: parts.result.clientWidth || 720
      };
      drawing = X.forest(view);
      fill(parts.figure, [X.toSvg(document, drawing, { label: described() + " The table below holds every number." })]);
      fill(parts.legend, [
        key("cbx-fill-" + (o.bad ? "harm" : "treated"), side.length ? "square: a group; the groups are not pooled" : "square: a group, larger with more weight; diamond: pooled"),
        side.length || p.piLow === null ? null : key("cbx-fill-prediction", "prediction interval for a new study"),
        natural ? key("cbx-fill-natural", "natural recovery, 95% CI") : null
      ]);
      parts.caption.textContent = o.label + ": " + o.definition + " Lines are 95% intervals (exact). " + (side.length ? "Not pooled" : MODEL_NAMES[question.model]) + (!side.length && p.average ? ", " + AVERAGE_NAMES[p.average].toLowerCase() : "") + ". " + data.name + " " + data.version + ".";
    }

    function showTable() {
      var rows = answer.rows.slice(0, drawn);
      fill(parts.tbody, rows.map(function (r) {
        var id = "cbx-s-" + r.arm, ends = X.exactInterval(r.events, r.n, 0.95);
        var tick = el("input", { type: "checkbox", id: id, "aria-label": "Count " + r.name, on: { change: function () {
          change(function (q) {
            q.without = q.without.filter(function (s) { return s !== r.id; });
            if (!tick.checked) q.without.push(r.id);
          });
        } } });
        tick.checked = !r.off;
        return el("tr", { class: r.off ? "cbx-off" : null }, [
          el("td", {}, [tick]),
          el("th", { scope: "row" }, [el("a", { href: "studies/" + encodeURIComponent(r.id) + ".html", text: r.name })]),
          el("td", { text: r.events + " of " + r.n }),
          el("td", { text: W.percent(r.events / r.n) + " (" + W.percentNumber(ends[0]) + " to " + W.percentNumber(ends[1]) + ")" }),
          el("td", { text: r.off ? "off" : side.length ? "\u2013" : r.weight.toFixed(1) + "%" })
        ]);
      }));
      parts.more.hidden = answer.rows.length <= drawn;
      parts.more.textContent = "Show more: " + W.count(drawn) + " of " + W.count(answer.rows.length) + " are listed, all that are ticked count";
    }

    function showEmpty() {
      var near = [];
      Object.keys(question.where).forEach(function (name) {
        var q = JSON.parse(JSON.stringify(question));
        delete q.where[name];
        var fit = X.choose(E, q).rows.length;
        if (fit) near.push(el("li", {}, [el("button", { type: "button", class: "cbx-plain", text: "Without \u201c" + data.columns[name].name + "\u201d", on: { click: function () { ask(q); } } }), ": " + W.plural(fit, "group fits", "groups fit") + "."]));
      });
      if (question.strata === "total") {
        var wide = JSON.parse(JSON.stringify(question));
        wide.strata = "widest";
        var fits = X.choose(E, wide).rows.length;
        if (fits) near.push(el("li", {}, [el("button", { type: "button", class: "cbx-plain", text: "With counts of parts of a group", on: { click: function () { ask(wide); } } }), ": " + W.plural(fits, "group fits", "groups fit") + "."]));
      }
      fill(parts.empty, [el("p", { text: "No study fits. Remove a filter." }), near.length ? el("ul", {}, near) : null]);
      announced = "";
      announce("No study fits. Remove a filter.");
    }

    function showLeftOut() {
      var b = answer.barred, list = [];
      b.reasons.forEach(function (pair) { list.push(el("li", { text: (data.reasons[pair[0]] || pair[0].replace(/_/g, " ")) + ": " + W.plural(pair[1], "count", "counts") })); });
      var studies = new Map();
      b.counts.forEach(function (i) { studies.set(data.counts.study[i], true); });
      var links = [];
      Array.from(studies.keys()).slice(0, 200).forEach(function (s, i) {
        links.push(i ? ", " : "", el("a", { href: "studies/" + encodeURIComponent(data.studies.id[s]) + ".html", text: data.studies.label[s] }));
      });
      var unclear = answer.unclear.length, within = answer.within.length;
      if (!b.counts.length && !unclear && !within) { fill(parts.out, []); return; }
      var open = parts.out.querySelector("details");
      var box = el("details", { class: "cbx-filters cbx-left-out", open: open && open.open }, [
        el("summary", { text: "Left out: " + [
          b.counts.length ? W.plural(b.counts.length, "count", "counts") + " of " + W.studies(b.studies) + " that must not be pooled" : "",
          unclear ? W.plural(unclear, "group", "groups") + " whose parts may share people" : "",
          within ? W.plural(within, "group", "groups") + " inside another that is counted" : ""
        ].filter(Boolean).join("; ") }),
        list.length ? el("p", { text: "They fit your filters. Why they are not pooled:" }) : null, list.length ? el("ul", {}, list) : null,
        links.length ? el("p", {}, ["Their studies: "].concat(links)) : null
      ]);
      fill(parts.out, [box]);
    }

    root.addEventListener("hashchange", recall);
    root.addEventListener("popstate", recall);
    // Back from the scores: shown as it was asked before, or as the book begins; its address is given.
    function shownAgain() {
      if (question) render(); else ask(X.startOf(E, data.outcomes[0].id), true);
      return X.toAddress(E, question);
    }
    if (scored) scores = X.startScores(place, box, data, shownAgain);
    var width = 0;
    root.addEventListener("resize", function () {
      var now = parts.result.clientWidth < 560;
      if (now !== width && box.isConnected && pooled && answer.rows.length) showPlot(term(), pooled, X.naturalFor(E, question));
      width = now;
    });
    recall();
    width = parts.result.clientWidth < 560;
  }

  // A review that measures and counts nobody.
  function startScoresAlone(place) {
    var scores = X.startScores(place, null, root.CORDBOOK_EVIDENCE, null);
    root.addEventListener("hashchange", scores.recall);
    root.addEventListener("popstate", scores.recall);
    scores.recall();
  }

  X.start = start;
  if (typeof document !== "undefined") {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
  }
}(typeof globalThis !== "undefined" ? globalThis : this));
