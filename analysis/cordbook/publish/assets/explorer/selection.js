// Which rows answer a question: the rules of cordbook/review/estimates/selection.py and review/explorer/question.py on coded columns. Who may share patients
// with whom is not judged here: the data says it (`shares`, `parts`, `arms.within`), from cordbook/evidence/patients.py.
//
// A question: {outcome, where: {column: [values]}, strata: "total" | "widest" | "by:KEY" | {key: value}, bounds: {year|months|n: [least, most]},
// without: [study ids], model, natural}.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  // The data with what is looked up again and again; made once.
  X.prepare = function (data) {
    var byOutcome = new Map(), strata = data.strata.map(function (pairs) {
      var held = Object.create(null);
      pairs.forEach(function (pair) { held[pair[0]] = pair[1]; });
      return { pairs: pairs, held: held };
    });
    data.counts.outcome.forEach(function (outcome, i) {
      if (!byOutcome.has(outcome)) byOutcome.set(outcome, []);
      byOutcome.get(outcome).push(i);
    });
    var estimates = new Map(), questions = new Map(), outcomes = new Map(), studies = new Map();
    data.estimates.forEach(function (e) { if (!estimates.has(e.counts.join(" "))) estimates.set(e.counts.join(" "), e); });
    data.questions.forEach(function (q) { questions.set(q.id, q); });
    data.outcomes.forEach(function (o) { outcomes.set(o.id, o); });
    data.studies.id.forEach(function (id, i) { studies.set(id, i); });
    return {
      data: data, byOutcome: byOutcome, strata: strata, estimates: estimates, questions: questions, outcomes: outcomes, studies: studies,
      shares: pairsOf(data.shares), parts: pairsOf(data.parts), columns: Object.keys(data.columns)
    };
  };

  function pairsOf(list) { return new Set(list.map(function (pair) { return pair[0] + " " + pair[1]; })); }

  // Does a stratum fit what the question asks for?
  function fits(stratum, asked) {
    if (asked === "total") return !stratum.pairs.length;
    if (asked === "widest") return true;
    if (typeof asked === "string") return stratum.pairs.every(function (pair) { return "by:" + pair[0] === asked; });
    return Object.keys(asked).every(function (key) { return stratum.held[key] === asked[key]; });
  }

  // Of the counts of one arm, those that the declaration's strata ask for; of equal strata the latest.
  function rowsOfArm(E, counts, asked) {
    var c = E.data.counts, named = typeof asked !== "string";
    // Who asks for no stratum by name gets all patients, whatever the report calls them.
    function all(i) { return !named && c.everybody[i]; }
    function within(i, j) { return all(j) ? !all(i) : !all(i) && E.parts.has(c.stratum[i] + " " + c.stratum[j]); }
    var candidates = counts.filter(function (i) { return all(i) || fits(E.strata[c.stratum[i]], asked); });
    var whole = candidates.filter(function (i) { return c.everybody[i] || c.relation[i] === "only_stratum"; });
    if (whole.length) candidates = whole;
    if (candidates.length < 2) return candidates;
    candidates = candidates.filter(function (i) { return !candidates.some(function (j) { return within(i, j); }); });
    var latest = new Map();
    candidates.slice().sort(function (i, j) { return months(c, i) - months(c, j) || i - j; }).forEach(function (i) {
      latest.set(all(i) ? -1 : c.stratum[i], i);
    });
    return Array.from(latest.values()).sort(function (i, j) { return i - j; });
  }
  function months(c, i) { return c.months[i] === null ? -1 : c.months[i]; }

  // Strata of one arm may be added up only where no two may share patients.
  function apart(E, counts) {
    var stratum = E.data.counts.stratum;
    return counts.every(function (i, at) {
      return counts.slice(0, at).every(function (j) {
        return !E.shares.has(Math.min(stratum[i], stratum[j]) + " " + Math.max(stratum[i], stratum[j]));
      });
    });
  }

  function inBounds(value, bound) {
    if (!bound) return true;
    if (value === null) return false;
    return (bound[0] === null || value >= bound[0]) && (bound[1] === null || value <= bound[1]);
  }

  // The answer: rows (one an arm, those of switched-off studies marked `off`), what is left out, and how many studies each
  // value of each filter would leave.
  X.choose = function (E, question) {
    var data = E.data, c = data.counts, counts = E.byOutcome.get(question.outcome) || [], without = new Set(question.without);
    var filters = E.columns.map(function (name) {
      var column = data.columns[name], values = question.where[name], allowed = null;
      if (values) {
        allowed = new Uint8Array(column.values.length + 1);
        values.forEach(function (value) { var at = column.values.indexOf(value); if (at >= 0) allowed[at + 1] = 1; });
      }
      return { name: name, codes: column.codes, allowed: allowed, counts: new Int32Array(column.values.length), seen: new Int32Array(column.values.length).fill(-1) };
    });
    var bounds = question.bounds || {}, byArm = new Map(), barred = [], known = filters.map(function (f) { return f.name; });
    var unknown = Object.keys(question.where).some(function (name) { return known.indexOf(name) < 0; });
    // Strata of an arm whose row of all patients is barred come in only where a filter or the question names strata.
    var whole = question.strata === "widest" && !Object.keys(question.where).some(function (name) { return name.indexOf("stratum.") === 0; });
    counts.forEach(function (i) {
      if (unknown || !inBounds(data.studies.year[c.study[i]], bounds.year) || !inBounds(c.months[i], bounds.months)) return;
      var fails = 0, failing = -1, f;
      for (f = 0; f < filters.length && fails < 2; f++) {
        if (filters[f].allowed && !filters[f].allowed[filters[f].codes[i] + 1]) { fails++; failing = f; }
      }
      if (c.barred[i]) {
        if (!fails && !without.has(data.studies.id[c.study[i]])) barred.push(i);
        return;
      }
      if (whole && c.withheld[i]) return;
      if (!fails) {
        for (f = 0; f < filters.length; f++) tally(filters[f], i);
        var arm = c.arm[i];
        if (byArm.has(arm)) byArm.get(arm).push(i); else byArm.set(arm, [i]);
      } else if (fails === 1) {
        tally(filters[failing], i);
      }
    });
    function tally(filter, i) {
      var code = filter.codes[i];
      if (code >= 0 && filter.seen[code] !== c.study[i]) { filter.seen[code] = c.study[i]; filter.counts[code]++; }
    }
    var unclear = [], parts = [], chosen = new Map(), byStudy = new Map();
    byArm.forEach(function (list, arm) {
      var kept = rowsOfArm(E, list, question.strata);
      if (kept.length) chosen.set(arm, kept);
    });
    chosen.forEach(function (kept, arm) {
      if (chosen.has(data.arms.within[arm])) { parts.push(arm); return; }
      if (!apart(E, kept)) { unclear.push(arm); return; }
      // Arms of one study are one study: their people are added up.
      var study = c.study[kept[0]], row = byStudy.get(study);
      if (!row) {
        row = {
          arm: arm, study: study, id: data.studies.id[study], label: data.studies.label[study], year: data.studies.year[study],
          events: 0, n: 0, counts: [], off: without.has(data.studies.id[study])
        };
        byStudy.set(study, row);
      }
      kept.forEach(function (i) { row.events += c.events[i]; row.n += c.n[i]; row.counts.push(i); });
    });
    var rows = Array.from(byStudy.values()).filter(function (r) { return inBounds(r.n, bounds.n); });
    rows.sort(function (a, b) {
      return (a.year === null ? 9999 : a.year) - (b.year === null ? 9999 : b.year) || (a.label < b.label ? -1 : a.label > b.label ? 1 : a.arm - b.arm);
    });
    rows.forEach(function (r) { r.name = r.label; });
    var facets = {};
    filters.forEach(function (f) { facets[f.name] = f.counts; });
    return { rows: rows, counted: rows.filter(function (r) { return !r.off; }), barred: reasons(data, barred), unclear: unclear, within: parts, facets: facets };
  };

  function reasons(data, counts) {
    var times = new Map(), studies = new Set();
    counts.forEach(function (i) {
      studies.add(data.counts.study[i]);
      data.counts.barred[i].split(";").forEach(function (reason) { times.set(reason, (times.get(reason) || 0) + 1); });
    });
    var list = Array.from(times.entries()).sort(function (a, b) { return b[1] - a[1] || (a[0] < b[0] ? -1 : 1); });
    return { counts: counts, studies: studies.size, reasons: list };
  }

  // The declared estimate that rests on the same counts, pooled in the same way; null where there is none.
  X.sameEstimate = function (E, rows, model, average) {
    var counts = [];
    rows.forEach(function (r) { r.counts.forEach(function (i) { counts.push(i); }); });
    var found = E.estimates.get(counts.sort(function (a, b) { return a - b; }).join(" "));
    return found && found.plain && (found.model === model && found.average === average || rows.length === 1) ? found : null;
  };

  // The estimate of natural recovery to set beside: asked by id, or the one that fits the value of the declared key and the time best.
  X.naturalFor = function (E, question) {
    if (question.natural === "none") return null;
    var fitting = E.data.estimates.filter(function (e) { return e.natural && e.values && e.outcome === question.outcome; });
    if (question.natural && question.natural !== "auto") {
      return fitting.filter(function (e) { return e.id === question.natural; })[0] || null;
    }
    var roles = question.where.role || [];
    if (!fitting.length || !roles.length || roles.indexOf("natural_course") >= 0) return null;
    var course = E.data.natural;
    if (!course) return null;
    var values = question.where["stratum." + course.key] || [course.usual], phases = question.where[course.phase] || [];
    var phase = phases.length === 1 ? phases[0] : course.usual_phase;
    var own = fitting.filter(function (e) { return values.length === 1 && e.strata[course.key] === values[0]; });
    var suits = own.filter(function (e) { return (course.not_for[e.strata[course.phase] || course.usual_phase] || []).indexOf(phase) < 0; });
    return suits[0] || own[0] || null;
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
