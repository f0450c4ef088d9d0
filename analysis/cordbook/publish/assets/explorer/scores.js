// Scores: which studies of a declared estimate are weighed, pooled by the book's own model or another, as an address, a command and a table.
// The effect of each study with its standard error is worked out by the package (cordbook/review/scores); here they are pooled.
//
// A question: {id, without: [study ids], model, ci, anyway}.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var MODELS = ["reml", "dl", "common"], INTERVALS = ["hksj", "wald"], BEGIN = "#score=";

  // A number of points as cordbook.review.scores.phrases writes it: one digit behind the point, whole from 100 on, halves away from zero.
  X.amount = function (value) {
    if (value === null || value === undefined || !isFinite(value)) return "not estimable";
    var size = Math.abs(value), digits = size >= 99.95 ? 0 : 1;
    var text = size < 1e-6 ? "0.0" : Number(Math.round(Number(size + "e" + digits)) + "e-" + digits).toFixed(digits);
    return value < 0 && Number(text) ? "\u2212" + text : text;
  };

  function scoresOf(data) { return data.scores || []; }
  X.scoreOf = function (data, id) { return scoresOf(data).filter(function (s) { return s.id === id; })[0] || null; };
  // As the book pools it; null for an id that is not declared. A model or an interval that is not offered here gives way to the usual one.
  X.scoreQuestion = function (data, id) {
    var score = X.scoreOf(data, id);
    return score && { id: id, without: [], model: MODELS.indexOf(score.model) < 0 ? "reml" : score.model, ci: INTERVALS.indexOf(score.ci) < 0 ? "hksj" : score.ci, anyway: false };
  };
  // One form for one question.
  X.canonicalScore = function (data, question) {
    var q = X.scoreQuestion(data, question.id), known = X.scoreOf(data, question.id).rows.map(function (r) { return r.id; });
    q.without = Array.from(new Set(question.without || [])).filter(function (id) { return known.indexOf(id) >= 0; }).sort();
    if (MODELS.indexOf(question.model) >= 0) q.model = question.model;
    if (INTERVALS.indexOf(question.ci) >= 0) q.ci = question.ci;
    q.anyway = question.anyway === true;
    return q;
  };

  // Why studies stand side by side; empty where they are pooled (cordbook.review.scores.estimates).
  function whyNot(k, score) {
    if (k >= 2 && score.sideBySide) return score.sideBySide;
    if (k >= score.studiesBelow) return "";
    return ["No study can be weighed.", "One study alone: nothing is pooled.", "Two studies are too few for an average."][k] || k + " studies are too few for an average.";
  }

  // The rows with their intervals and weights, the pooled result (null of fewer than two studies) and why it is not reported.
  X.answerScore = function (data, question) {
    var score = X.scoreOf(data, question.id), z = X.normalQuantile(0.5 * (1 + score.level));
    var rows = score.rows.map(function (r) {
      return Object.assign({}, r, { name: r.label, off: question.without.indexOf(r.id) >= 0, low: r.value - z * r.se, high: r.value + z * r.se, weight: null });
    });
    var counted = rows.filter(function (r) { return !r.off; }), k = counted.length, why = whyNot(k, score);
    var values = counted.map(function (r) { return r.value; }), variances = counted.map(function (r) { return r.se * r.se; });
    var pooled = k > 1 ? X.poolEffects(values, variances, { model: question.model, ci: question.ci, level: score.level }) : null;
    var side = !pooled || (why !== "" && !question.anyway);
    counted.forEach(function (r, i) { r.weight = side ? null : pooled.weights[i]; });
    return {
      score: score, rows: rows, counted: counted, pooled: pooled, why: why, side: side,
      own: !question.without.length && question.model === score.model && question.ci === score.ci,
      people: counted.every(function (r) { return r.people !== null; }) ? counted.reduce(function (sum, r) { return sum + r.people; }, 0) : null
    };
  };

  X.toScoreAddress = function (data, question) {
    var q = X.canonicalScore(data, question), usual = X.scoreQuestion(data, q.id), parts = [encodeURIComponent(q.id)];
    if (q.without.length) parts.push("without=" + q.without.map(encodeURIComponent).join(","));
    if (q.model !== usual.model) parts.push("model=" + q.model);
    if (q.ci !== usual.ci) parts.push("ci=" + q.ci);
    if (q.anyway) parts.push("anyway=1");
    return BEGIN + parts.join("&") + "&v=" + encodeURIComponent(data.version);
  };
  X.isScoreAddress = function (hash) { return String(hash || "").indexOf(BEGIN) === 0; };
  function decode(text) { try { return decodeURIComponent(text); } catch (e) { return ""; } }
  // {question, version}; question null where the address asks for nothing that is there.
  X.fromScoreAddress = function (data, hash) {
    var given = new Map();
    String(hash || "").slice(1).split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at > 0 && !given.has(part.slice(0, at))) given.set(part.slice(0, at), part.slice(at + 1));
    });
    var id = decode(given.get("score") || ""), version = given.has("v") ? decode(given.get("v")) : null;
    if (!X.scoreOf(data, id)) return { question: null, version: version };
    return {
      version: version, question: X.canonicalScore(data, {
        id: id, without: (given.get("without") || "").split(",").map(decode), model: given.get("model"), ci: given.get("ci"), anyway: given.get("anyway") === "1"
      })
    };
  };

  // The command that prints the same numbers.
  X.toScoreCommand = function (data, question) {
    var q = X.canonicalScore(data, question), score = X.scoreOf(data, q.id), words = ["cordbook", "pool", "--score", q.id];
    q.without.forEach(function (id) { words.push("--exclude", X.quoted(id)); });
    if (q.model !== score.model) words.push("--model", q.model);
    if (q.ci !== score.ci) words.push("--ci", q.ci);
    if (q.anyway) words.push("--pool-anyway");
    return words.join(" ");
  };

  // Where studies stand side by side there is no pooled row and no weight.
  X.scoresToCsv = function (data, question, answer) {
    var unit = answer.score.unit, lines = [[
      "row", "study_id", "study", "year", "treated", "comparators", "months", "value", "se", "ci_low", "ci_high", "unit", "weight_percent", "tau2", "i2_percent",
      "pi_low", "pi_high", "model", "ci", "version", "command"
    ]];
    answer.counted.forEach(function (r) {
      lines.push(["study", r.id, r.name, r.year, r.n1, r.n2, r.months, r.value, r.se, r.low, r.high, unit, r.weight, null, null, null, null, null, null, data.version, null]);
    });
    if (!answer.side) {
      var p = answer.pooled;
      lines.push(["pooled", null, p.k + " studies", null, null, null, null, p.estimate, p.se, p.low, p.high, unit, 100, p.tau2, p.i2, p.piLow, p.piHigh, p.model, p.ci,
        data.version, X.toScoreCommand(data, question)]);
    }
    return lines.map(function (line) { return line.map(X.csvCell).join(","); }).join("\r\n") + "\r\n";
  };
  X.SCORE_MODELS = MODELS;
  X.SCORE_INTERVALS = INTERVALS;
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
