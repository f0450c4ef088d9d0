// The part of the explorer that shows scores: one declared estimate, its studies to untick, model and interval, number, forest plot, table.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var WIDE = 720;
  var MODEL_NAMES = { reml: "Random effects (REML)", dl: "Random effects (DerSimonian-Laird)", common: "Common effect" };
  var INTERVAL_NAMES = { hksj: "Hartung-Knapp", wald: "Wald" };
  var KIND_NAMES = { mean_change: "Change of one group since the start", mean_difference: "Difference between two groups" };

  // Puts the choice between people counted and scores before `counts`, and the scores behind it. Returns {recall}: shows what the address asks and
  // says whether that is a score. `shown` is called when the counts are shown again.
  X.startScores = function (place, counts, data, shown) {
    var D = X.dom, el = D.el, W = X.words, question = null, answer = null, view = null, timer = null, announced = "";
    var parts = skeleton();

    function skeleton() {
      var p = {};
      p.toCounts = D.button("cbx-to-counts", "People counted", function () { leave(); });
      p.toScores = D.button("cbx-to-scores", "Scores", function () { ask(question || X.scoreQuestion(data, data.scores[0].id)); });
      p.estimate = D.select("cbx-score", function (id) { ask(X.scoreQuestion(data, id)); });
      Object.keys(KIND_NAMES).forEach(function (kind) {
        var group = el("optgroup", { label: KIND_NAMES[kind] });
        data.scores.forEach(function (s) { if (s.kind === kind) group.appendChild(el("option", { value: s.id, text: s.title + " (" + W.studies(s.rows.length) + ")" })); });
        if (group.firstChild) p.estimate.appendChild(group);
      });
      p.model = D.select("cbx-score-model", function (name) { change(function (q) { q.model = name; }); });
      p.ci = D.select("cbx-score-ci", function (name) { change(function (q) { q.ci = name; }); });
      X.SCORE_MODELS.forEach(function (name) { p.model.appendChild(el("option", { value: name, text: MODEL_NAMES[name] })); });
      X.SCORE_INTERVALS.forEach(function (name) { p.ci.appendChild(el("option", { value: name, text: INTERVAL_NAMES[name] })); });
      p.version = el("p", { class: "cbx-warning", hidden: true });
      p.status = el("p", { class: "cbx-hidden", role: "status", "aria-live": "polite" });
      p.question = el("p", {});
      p.number = el("p", { class: "cbx-number" });
      p.sentence = el("p", { class: "cbx-sentence" });
      p.facts = el("dl", { class: "cbx-facts" });
      p.warnings = el("ul", { class: "cbx-warnings" });
      p.figure = el("div", { class: "cbx-plot" });
      p.legend = el("p", { class: "cbx-legend" });
      p.caption = el("figcaption", {});
      p.plot = el("figure", { class: "cbx-figure" }, [p.figure, p.legend, p.caption]);
      p.tools = D.tools("cbx-score-", {
        link: function () { return String(root.location.href).split("#")[0] + X.toScoreAddress(data, question); },
        csv: function () { return X.scoresToCsv(data, question, answer); }, drawing: pictured, label: described, id: function () { return question.id; }, announce: announce
      });
      p.value = el("th", { scope: "col" });
      p.tbody = el("tbody", {});
      p.table = el("table", { class: "cbx-table" }, [
        el("caption", { text: "The studies; untick one to leave it out" }),
        el("thead", {}, [el("tr", {}, ["Counted", "Study", "People"].map(function (text) { return el("th", { scope: "col", text: text }); }).concat([p.value, el("th", { scope: "col", text: "Weight" })]))]),
        p.tbody
      ]);
      p.scroll = el("div", { class: "cb-table-scroll", tabindex: "0", role: "region", "aria-label": "Table of the studies" }, [p.table]);
      p.unweighed = el("div", {});
      p.panel = el("div", { id: "cbx-scores" }, [
        el("div", { class: "cbx-controls" }, [D.labelled("cbx-score", "Estimate of a score", p.estimate)]), p.version, p.status, p.question,
        el("details", { class: "cbx-filters" }, [el("summary", { text: "How it is pooled" }), el("div", { class: "cbx-controls" }, [
          D.labelled("cbx-score-model", "Model", p.model), D.labelled("cbx-score-ci", "Interval", p.ci)
        ])]),
        el("div", { class: "cbx-result" }, [p.number, p.sentence, p.facts, p.warnings, p.plot, p.tools.bar, p.tools.box, p.scroll, p.unweighed]),
        el("p", { class: "cbx-muted", text: "Scores cannot be filtered here: the studies are those of a declared estimate, and what each of them shows was worked out from its report before. Other models " +
          "and further analyses are had with the command." })
      ]);
      D.fill(place, [
        el("div", { class: "cbx-tools", role: "group", "aria-label": "What to explore" }, [counts && p.toCounts, p.toScores]), counts || p.panel
      ]);
      place.classList.add("cbx-ready");
      return p;
    }

    function announce(text) {
      clearTimeout(timer);
      timer = setTimeout(function () { parts.status.textContent = text; }, 400);
    }
    function turn(toScores) {
      // One of the two stands on the page, so that what is not shown is not found either.
      var wanted = toScores || !counts ? parts.panel : counts;
      if (!wanted.isConnected) place.replaceChild(wanted, place.lastChild);
      parts.toScores.setAttribute("aria-pressed", String(toScores));
      parts.toCounts.setAttribute("aria-pressed", String(!toScores));
    }
    function go(address) {
      if (address === root.location.hash) return;
      try { root.history.pushState(null, "", address); } catch (e) { root.location.hash = address; }
    }
    function leave() {
      turn(false);
      go(shown());
    }
    function ask(next) {
      question = X.canonicalScore(data, next);
      go(X.toScoreAddress(data, question));
      show();
    }
    function change(edit) {
      var next = JSON.parse(JSON.stringify(question));
      edit(next);
      ask(next);
    }
    function recall() {
      if (counts && !X.isScoreAddress(root.location.hash)) { turn(false); return false; }
      var found = X.fromScoreAddress(data, root.location.hash), asked = X.isScoreAddress(root.location.hash);
      parts.version.hidden = !asked || (found.question !== null && (!found.version || found.version === data.version));
      parts.version.textContent = parts.version.hidden ? "" : found.question === null
        ? "This link asks for something that this version of the book does not have. The first estimate is shown instead."
        : "This link was made with version " + found.version + " of the book; this is version " + data.version + ". Studies and numbers may have changed since.";
      question = found.question || X.scoreQuestion(data, data.scores[0].id);
      show();
      return true;
    }

    function range() {
      var values = answer.counted.map(function (r) { return r.value; }), low = Math.min.apply(null, values), high = Math.max.apply(null, values);
      return X.amount(low) + (X.amount(low) === X.amount(high) ? "" : " to " + X.amount(high)) + " " + answer.score.unit;
    }
    function size() { return W.studies(answer.counted.length) + (answer.people === null ? "" : ", " + W.people(answer.people)); }
    function interval(low, high) { return X.amount(low) + " to " + X.amount(high); }
    function percentOf(level) { return Number((100 * level).toPrecision(6)) + "%"; }
    function described() {
      var s = answer.score, p = answer.pooled;
      if (!answer.counted.length) return s.title + ": no study is counted.";
      if (answer.side) return s.title + ": forest plot of " + W.studies(answer.counted.length) + ", not pooled; " + range() + ".";
      return s.title + ": forest plot of " + W.studies(p.k) + ". Pooled " + X.amount(p.estimate) + " " + s.unit + " (" + percentOf(p.level) + " CI " + interval(p.low, p.high) + ")." +
        (p.piLow === null ? "" : " Prediction interval " + interval(p.piLow, p.piHigh) + " " + s.unit + ".");
    }

    function show() {
      var focused = document.activeElement && document.activeElement.id;
      turn(true);
      answer = X.answerScore(data, question);
      var s = answer.score, p = answer.pooled, k = answer.counted.length;
      X.currentScore = { question: question, answer: answer, pooled: p, side: answer.side, address: X.toScoreAddress(data, question), command: X.toScoreCommand(data, question) };
      parts.estimate.value = s.id;
      parts.model.value = question.model;
      parts.ci.value = question.ci;
      parts.tools.command.textContent = X.currentScore.command;
      D.fill(parts.question, [s.question]);
      [parts.number, parts.facts, parts.plot, parts.tools.bar].forEach(function (part) { part.hidden = !k; });
      if (k) showNumber(s, p, k);
      else D.fill(parts.sentence, [s.rows.length ? "Every study is switched off. Tick one in the table, or choose the estimate again." : "No study tells it with a spread, so nothing can be weighed."]);
      showWarnings(s, p, k);
      if (k) showPlot();
      showTable(s);
      showUnweighed(s);
      var text = described();
      if (text !== announced) { announced = text; announce(text); }
      if (focused && document.activeElement !== document.getElementById(focused) && document.getElementById(focused)) document.getElementById(focused).focus();
    }

    function showNumber(s, p, k) {
      var what = s.kind === "mean_difference" ? "difference" : "change";
      if (answer.side) {
        D.fill(parts.number, [el("strong", { text: range() }), " ", el("span", { text: size() + "; not pooled" })]);
        D.fill(parts.sentence, [answer.why + " ", p && anyway("Pool them anyway", true)]);
        D.facts(parts.facts, [["Studies", W.count(k)], ["People", answer.people === null ? "not stated by all" : W.count(answer.people)], ["Better is", s.better || "neither"]]);
        return;
      }
      D.fill(parts.number, [el("strong", { text: X.amount(p.estimate) + " " + s.unit }), " ", el("span", { text: percentOf(p.level) + " CI " + interval(p.low, p.high) })]);
      D.fill(parts.sentence, ["In " + size() + ", the pooled " + what + " is " + X.amount(p.estimate) + " " + s.unit + " (" + percentOf(p.level) + " confidence interval " + interval(p.low, p.high) + ")." +
        (p.piLow === null ? "" : " In a new study of this kind it could lie anywhere from " + interval(p.piLow, p.piHigh) + " " + s.unit + ".")]);
      D.facts(parts.facts, [
        ["Studies", W.count(k)], ["People", answer.people === null ? "not stated by all" : W.count(answer.people)], ["Better is", s.better || "neither"],
        ["Prediction interval", p.piLow === null ? "not given" : interval(p.piLow, p.piHigh) + " " + s.unit], ["I\u00b2", p.i2.toFixed(0) + "%"],
        ["\u03c4\u00b2", String(Number(p.tau2.toPrecision(3)))], ["Q", Number(p.q.toPrecision(3)) + " (df " + p.qDf + ", p " + (p.qP < 0.001 ? "< 0.001" : p.qP.toFixed(3)) + ")"]
      ]);
    }
    function anyway(text, on) {
      return el("button", { type: "button", id: "cbx-score-anyway", class: "cbx-plain", text: text, on: { click: function () { change(function (q) { q.anyway = on; }); } } });
    }

    function showWarnings(s, p, k) {
      var list = [], book = el("a", { href: "estimates/" + encodeURIComponent(s.id) + ".html", text: s.title });
      list.push(answer.own && !(answer.why && question.anyway)
        ? el("li", { class: "cbx-same" }, ["This is the book\u2019s estimate ", book, "."])
        : el("li", {}, ["This selection is yours. The book\u2019s own estimate: ", book, "."]));
      if (answer.why && !answer.side) list.push(el("li", {}, ["Pooled because you asked. The book would not: " + answer.why + " ", anyway("Side by side again", false)]));
      if (!answer.side && k < 5) list.push(el("li", { text: "Fewer than five studies: one more could move this a lot." }));
      if (!answer.side && p.i2 >= 75) list.push(el("li", { text: "The studies disagree far beyond chance (I\u00b2 " + p.i2.toFixed(0) + "%): the average is one of unlike things." }));
      if (k && s.kind === "mean_change") list.push(el("li", { text: "One group is measured twice here. Without a comparison group nobody can tell how much of the change would have come anyway." }));
      if (s.model !== question.model && X.SCORE_MODELS.indexOf(s.model) < 0) list.push(el("li", { text: "The book pools this by a model that is not offered here." }));
      D.fill(parts.warnings, list);
    }

    function showPlot() {
      var s = answer.score, p = answer.side ? null : answer.pooled, ends = [0];
      answer.rows.forEach(function (r) { ends.push(r.low, r.high); });
      if (p) ends.push(p.low, p.high, p.piLow === null ? 0 : p.piLow, p.piHigh === null ? 0 : p.piHigh);
      var axis = X.spanAxis(ends);
      view = {
        rows: answer.rows, rest: 0, pooled: p, natural: null, harm: false, from: axis.from, to: axis.to, ticks: axis.ticks, width: parts.panel.clientWidth || WIDE,
        look: X.pointsLook(s.unit, percentOf(s.level))
      };
      D.fill(parts.figure, [X.toSvg(document, X.forest(view), { label: described() + " The table below holds every number." })]);
      D.fill(parts.legend, [
        D.key("cbx-fill-treated", p ? "square: a study, larger with more weight; diamond: pooled" : "square: a study; the studies are not pooled"),
        p && p.piLow !== null ? D.key("cbx-fill-prediction", "prediction interval for a new study") : null
      ]);
      parts.caption.textContent = s.title + ", in " + s.unit + ". Lines are " + percentOf(s.level) + " intervals (normal); the upright line is zero. " +
        (p ? MODEL_NAMES[p.model] + ", " + INTERVAL_NAMES[p.ci] + " interval" : "Not pooled") + ". " + data.name + " " + data.version + ".";
    }
    // The plot as a file: always the wide drawing, with title, legend, source and version.
    function pictured() {
      var web = /^https?:$/.test(root.location.protocol) ? ", " + root.location.href.split("#")[0] : "";
      var legend = Array.from(parts.legend.children).map(function (entry) { return entry.textContent; }).join("; ");
      return X.framed(X.forest(Object.assign({}, view, { width: WIDE })), {
        title: answer.score.title, notes: [described(), legend + ".", parts.caption.textContent, "Source: " + data.name + " " + data.version + ", explorer" + web + "."]
      });
    }

    function peopleOf(r) {
      if (r.n1 === null && r.n2 === null) return "not stated";
      return r.n2 === null ? String(r.n1) : (r.n1 === null ? "not stated" : r.n1) + " v " + r.n2;
    }
    function showTable(s) {
      parts.scroll.hidden = !answer.rows.length;
      parts.value.textContent = (s.kind === "mean_difference" ? "Difference" : "Change") + ", " + s.unit + " (" + percentOf(s.level) + " CI)";
      D.fill(parts.tbody, answer.rows.map(function (r, i) {
        var tick = el("input", { type: "checkbox", id: "cbx-score-s-" + i, "aria-label": "Count " + r.name, on: { change: function () {
          change(function (q) {
            q.without = q.without.filter(function (id) { return id !== r.id; });
            if (!tick.checked) q.without.push(r.id);
          });
        } } });
        tick.checked = !r.off;
        return el("tr", { class: r.off ? "cbx-off" : null }, [
          el("td", {}, [tick]), el("th", { scope: "row" }, [el("a", { href: "studies/" + encodeURIComponent(r.id) + ".html", text: r.name })]),
          el("td", { text: peopleOf(r) }), el("td", { text: X.amount(r.value) + " (" + interval(r.low, r.high) + ")" }),
          el("td", { text: r.off ? "off" : r.weight === null ? "\u2013" : r.weight.toFixed(1) + "%" })
        ]);
      }));
    }
    function showUnweighed(s) {
      D.fill(parts.unweighed, s.unweighed.length ? [el("details", { class: "cbx-filters" }, [
        el("summary", { text: "Left out: " + W.plural(s.unweighed.length, "number", "numbers") + " that cannot be weighed" }),
        el("ul", {}, s.unweighed.map(function (r) {
          return el("li", {}, [el("a", { href: "studies/" + encodeURIComponent(r.id) + ".html", text: r.label }), ": " + X.amount(r.value) + " " + s.unit + " (" + r.reason + ")"]);
        }))
      ])] : []);
    }

    root.addEventListener("resize", function () {
      if (parts.panel.isConnected && answer && answer.counted.length) showPlot();
    });
    return { recall: recall };
  };
}(typeof globalThis !== "undefined" ? globalThis : this));
