// A question as an address and back, as a command, and results as a table for downloading.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var MODELS = ["glmm", "reml", "dl", "common"], AVERAGES = ["population", "median"], BOUNDS = ["year", "months", "n"];
  var RESERVED = ["v", "estimate", "outcome", "strata", "without", "model", "average", "natural", "anyway"].concat(BOUNDS);

  function copy(question) { return JSON.parse(JSON.stringify(question)); }
  function hasStratum(where) {
    return Object.keys(where).some(function (name) { return name.indexOf("stratum.") === 0 || name === "phase"; });
  }
  function plain(outcome) {
    return { outcome: outcome, where: {}, strata: "total", bounds: {}, without: [], model: "glmm", average: AVERAGES[0], natural: "auto", anyway: false };
  }

  // The question that a declared estimate asks; null for an id that is not declared.
  X.questionOf = function (E, id) {
    var declared = E.questions.get(id);
    if (!declared) return null;
    var question = plain(declared.outcome);
    question.where = copy(declared.where); question.strata = copy(declared.strata);
    if (declared.average) question.average = declared.average;
    return question;
  };
  // Where an outcome begins: at its first declared estimate, else at a default that the data names.
  X.startOf = function (E, outcome) {
    var found = E.outcomes.get(outcome), start = found && found.start;
    if (!start) return plain(outcome);
    if (start.estimate) return X.questionOf(E, start.estimate);
    var question = plain(outcome);
    question.where = copy(start.where); question.strata = copy(start.strata);
    if (E.data.average) question.average = E.data.average;
    return question;
  };

  // One form for one question: sorted, without what is the rule anyway.
  X.canonical = function (question) {
    var q = plain(question.outcome);
    Object.keys(question.where).sort().forEach(function (name) {
      var values = Array.from(new Set(question.where[name])).sort();
      if (values.length) q.where[name] = values;
    });
    if (typeof question.strata === "object") {
      q.strata = {};
      Object.keys(question.strata).sort().forEach(function (key) { q.strata[key] = question.strata[key]; });
    } else q.strata = named(question.strata) ? question.strata : "total";
    BOUNDS.forEach(function (name) {
      var b = (question.bounds || {})[name];
      if (b && (b[0] !== null || b[1] !== null)) q.bounds[name] = [b[0], b[1]];
    });
    q.without = Array.from(new Set(question.without || [])).sort();
    q.model = MODELS.indexOf(question.model) >= 0 ? question.model : "glmm";
    q.average = AVERAGES.indexOf(question.average) >= 0 ? question.average : AVERAGES[0];
    q.natural = question.natural || "auto";
    q.anyway = question.anyway === true;
    return q;
  };
  function strataText(strata) {
    return typeof strata === "string" ? strata : Object.keys(strata).map(function (key) { return key + "=" + strata[key]; }).join(";");
  }
  function named(strata) { return strata === "total" || strata === "widest" || /^by:\w+$/.test(strata); }
  function strataOf(text) {
    if (named(text)) return text;
    var out = {};
    text.split(";").forEach(function (part) {
      var at = part.indexOf("=");
      if (at > 0) out[part.slice(0, at)] = part.slice(at + 1);
    });
    return Object.keys(out).length ? out : "total";
  }

  // The ids of the book's questions by their one form, made once.
  function askedBy(E) {
    if (!E.asked) {
      E.asked = new Map();
      E.data.questions.forEach(function (declared) {
        var text = JSON.stringify(X.canonical(X.questionOf(E, declared.id)));
        if (!E.asked.has(text)) E.asked.set(text, declared.id);
      });
    }
    return E.asked;
  }

  // The part of the address after #; short where the question is one that the book asks.
  X.toAddress = function (E, question) {
    var q = X.canonical(question), version = "v=" + encodeURIComponent(E.data.version), same = askedBy(E).get(JSON.stringify(q));
    if (same) return "#estimate=" + encodeURIComponent(same) + "&" + version;
    var parts = ["outcome=" + encodeURIComponent(q.outcome)];
    Object.keys(q.where).forEach(function (name) {
      parts.push(encodeURIComponent(name) + "=" + q.where[name].map(encodeURIComponent).join(","));
    });
    if (q.strata !== (hasStratum(q.where) ? "widest" : "total")) parts.push("strata=" + encodeURIComponent(strataText(q.strata)));
    BOUNDS.forEach(function (name) {
      var b = q.bounds[name];
      if (b) parts.push(name + "=" + (b[0] === null ? "" : b[0]) + ".." + (b[1] === null ? "" : b[1]));
    });
    if (q.without.length) parts.push("without=" + q.without.map(encodeURIComponent).join(","));
    if (q.model !== "glmm") parts.push("model=" + q.model);
    if (q.average !== AVERAGES[0]) parts.push("average=" + q.average);
    if (q.natural !== "auto") parts.push("natural=" + encodeURIComponent(q.natural));
    if (q.anyway) parts.push("anyway=1");
    return "#" + parts.join("&") + "&" + version;
  };

  function decode(text) { try { return decodeURIComponent(text); } catch (e) { return null; } }
  function numberOrNull(text) { return text !== "" && isFinite(Number(text)) ? Number(text) : null; }

  // The question in an address; what is not understood is left aside. {question, version}; question null where there is none.
  X.fromAddress = function (E, hash) {
    var given = {}, order = [];
    String(hash || "").replace(/^#/, "").split("&").forEach(function (part) {
      var at = part.indexOf("="), name = at > 0 ? decode(part.slice(0, at)) : null;
      if (name && !Object.prototype.hasOwnProperty.call(given, name)) { given[name] = part.slice(at + 1); order.push(name); }
    });
    var version = given.v ? decode(given.v) : null;
    if (given.estimate) return { question: X.questionOf(E, decode(given.estimate)), version: version };
    var outcome = given.outcome ? decode(given.outcome) : null;
    if (!outcome || !E.outcomes.has(outcome)) return { question: null, version: version };
    var q = plain(outcome);
    order.forEach(function (name) {
      if (RESERVED.indexOf(name) >= 0 || E.columns.indexOf(name) < 0) return;
      var values = given[name].split(",").map(decode).filter(function (v) { return v !== null && v !== ""; });
      if (values.length) q.where[name] = values;
    });
    q.strata = given.strata ? strataOf(decode(given.strata) || "total") : hasStratum(q.where) ? "widest" : "total";
    BOUNDS.forEach(function (name) {
      if (!given[name]) return;
      var ends = (decode(given[name]) || "").split("..");
      q.bounds[name] = [numberOrNull(ends[0] || ""), numberOrNull(ends[1] || "")];
    });
    if (given.without) {
      q.without = given.without.split(",").map(decode).filter(function (id) { return E.studies.has(id); });
    }
    if (given.model) q.model = decode(given.model);
    if (given.average) q.average = decode(given.average);
    if (given.natural) q.natural = decode(given.natural);
    q.anyway = given.anyway === "1";
    return { question: X.canonical(q), version: version };
  };

  function quoted(text) {
    return /^[A-Za-z0-9_.,:=+\/-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'";
  }
  // The command that prints the same numbers.
  X.toCommand = function (question) {
    var q = X.canonical(question), words = ["cordbook", "pool", "--outcome", quoted(q.outcome)];
    Object.keys(q.where).forEach(function (name) {
      q.where[name].forEach(function (value) { words.push("--where", quoted(name + "=" + value)); });
    });
    if (q.strata !== "total") words.push("--strata", quoted(strataText(q.strata)));
    BOUNDS.forEach(function (name) {
      var b = q.bounds[name] || [null, null];
      if (b[0] !== null) words.push("--at-least", name + "=" + b[0]);
      if (b[1] !== null) words.push("--at-most", name + "=" + b[1]);
    });
    q.without.forEach(function (id) { words.push("--exclude", quoted(id)); });
    if (q.model !== "glmm") words.push("--model", q.model);
    words.push("--average", q.average);
    if (q.anyway) words.push("--pool-anyway");
    return words.join(" ");
  };

  // A cell of a CSV file. A text that a spreadsheet would take for a formula begins with an apostrophe.
  function csvCell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return isFinite(value) ? String(value) : "";
    var text = String(value);
    if (/^[=+\-@\t\r\n|%]/.test(text)) text = "'" + text;
    return /[",\r\n;\t]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  // Where studies stand side by side there is no pooled row and no weight.
  X.toCsv = function (question, answer, pooled, version) {
    var lines = [["row", "study_id", "study", "year", "events", "n", "share", "ci_low", "ci_high", "weight_percent", "tau2", "i2_percent", "pi_low", "pi_high", "model", "average", "version", "command"]];
    answer.counted.forEach(function (r, i) {
      var ends = X.exactInterval(r.events, r.n, 0.95);
      lines.push(["study", r.id, r.name, r.year, r.events, r.n, r.events / r.n, ends[0], ends[1], pooled ? pooled.weights[i] : null, null, null, null, null, null, null, version, null]);
    });
    if (pooled) {
      lines.push(["pooled", null, pooled.k + " studies", null, pooled.events, pooled.n, pooled.estimate, pooled.low, pooled.high, 100,
        pooled.tau2, pooled.i2, pooled.piLow, pooled.piHigh, pooled.model, pooled.average, version, X.toCommand(question)]);
    }
    return lines.map(function (line) { return line.map(csvCell).join(","); }).join("\r\n") + "\r\n";
  };
  X.csvCell = csvCell;
  X.quoted = quoted;
  X.hasStratum = hasStratum;
  X.MODELS = MODELS;
  X.AVERAGES = AVERAGES;
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
