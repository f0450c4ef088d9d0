// Pooling of single proportions, with the defaults and the definitions of cordbook.pool_proportions and of the review's
// declared estimates: counts in, plain numbers out (null where something is not defined).
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  function finite(value) { return isFinite(value) ? value : null; }

  // Logits with their variances; half an event and half a non-event more where there was none, or were only events.
  function logits(events, sizes) {
    var y = [], v = [], corrected = 0;
    for (var i = 0; i < events.length; i++) {
      var extreme = events[i] === 0 || events[i] === sizes[i], add = extreme ? 0.5 : 0;
      var a = events[i] + add, b = sizes[i] - events[i] + add;
      if (extreme) corrected++;
      y.push(Math.log(a / b)); v.push(1 / a + 1 / b);
    }
    return { y: y, v: v, corrected: corrected };
  }

  function base(model, events, sizes) {
    var x = 0, n = 0;
    for (var i = 0; i < events.length; i++) { x += events[i]; n += sizes[i]; }
    return {
      k: events.length, events: x, n: n, model: model, ci: null, estimate: null, low: null, high: null, piLow: null, piHigh: null,
      tau2: null, tau2Low: null, tau2High: null, i2: null, q: null, qDf: events.length - 1, qP: null, weights: null, notes: [],
      average: null, medianStudy: null, populationAverage: null
    };
  }

  // The two averages of a result, {estimate, low, high, ci} each, and the one that is asked for as its estimate.
  function report(r, average, median, population) {
    var chosen = average === "population" ? population : median;
    r.average = average; r.medianStudy = median; r.populationAverage = population;
    r.estimate = chosen.estimate; r.low = chosen.low; r.high = chosen.high; r.ci = chosen.ci;
    // As in the package: a new study is known no more closely than the average over all.
    if (average === "population" && r.piLow !== null) {
      r.piLow = Math.min(r.piLow, chosen.low); r.piHigh = Math.max(r.piHigh, chosen.high);
    }
    return r;
  }

  // One study cannot be pooled: its own share with the exact interval, whatever model was asked for.
  function single(r, events, sizes, level) {
    var ends = X.exactInterval(events[0], sizes[0], level);
    r.model = "single"; r.ci = "exact"; r.estimate = events[0] / sizes[0]; r.low = ends[0]; r.high = ends[1]; r.weights = [100];
    r.notes.push("One study: nothing is pooled; the interval is exact (Clopper-Pearson).");
    return r;
  }

  function byLikelihood(r, events, sizes, level, average) {
    var k = r.k, d = X.counts(events, sizes), i;
    var mixed = 0, some = 0, saturated = 0;
    for (i = 0; i < d.rows; i++) {
      var x = d.x[i], rest = d.n[i] - x;
      if (x > 0) some += d.w[i];
      if (x > 0 && rest > 0) mixed++;
      saturated += d.w[i] * ((x > 0 ? x * Math.log(x / d.n[i]) : 0) + (rest > 0 ? rest * Math.log(rest / d.n[i]) : 0));
    }
    var p = r.events / r.n, left = r.n - r.events;
    var common = (r.events > 0 ? r.events * Math.log(p) : 0) + (left > 0 ? left * Math.log1p(-p) : 0);
    r.q = Math.max(0, 2 * (saturated - common));
    r.qP = X.chi2Tail(k - 1, r.q);
    var none = r.events === 0, all = left === 0;
    if (none || all || !mixed) {
      var ends = none || all ? X.exactInterval(r.events, r.n, level) : X.exactInterval(some, k, level);
      var both = { estimate: none || all ? p : some / k, low: ends[0], high: ends[1], ci: "exact" };
      r.weights = sizes.map(function (n) { return none || all ? 100 * n / r.n : 100 / k; });
      r.notes.push(none || all
        ? (none ? "Nobody" : "Everybody") + " had the event. The limit is exact (Clopper-Pearson) on the summed counts and assumes one share in all studies; how much studies differ cannot be estimated."
        : "Every study has either no event or events only. Each study then counts as one draw; how much studies differ cannot be estimated.");
      return report(r, average, both, both);
    }
    var optimum = X.glmm.fit(d), z2 = X.glmm.profileCut(level), target = optimum.loglik - 0.5 * X.glmm.profileCut(level, k);
    var low = X.glmm.limitOfMu(optimum, d, target, -1), high = X.glmm.limitOfMu(optimum, d, target, 1);
    var ofTau = optimum.loglik - 0.5 * z2, tauHigh = X.glmm.limitOfTau(optimum, d, ofTau, 1);
    var tauLow = optimum.common.loglik >= ofTau ? 0 : X.glmm.limitOfTau(optimum, d, ofTau, -1);
    var tau2 = optimum.tau * optimum.tau, spread = X.studentQuantile(k - 1, 0.5 * (1 + level)) * optimum.tau;
    var median = { estimate: X.expit(optimum.mu), low: X.expit(low), high: X.expit(high), ci: "profile-t" };
    var from = X.glmm.averageOf(optimum), ends = [-1, 1].map(function (side) { return X.expit(X.glmm.limitOfAverage(from, d, target, side)); });
    var population = { estimate: from.mean, low: ends[0], high: ends[1], ci: "profile-t" };
    r.piLow = X.expit(optimum.mu - Math.hypot(optimum.mu - low, spread)); r.piHigh = X.expit(optimum.mu + Math.hypot(high - optimum.mu, spread));
    r.tau2 = tau2; r.tau2Low = tauLow * tauLow; r.tau2High = finite(tauHigh * tauHigh);
    var typical = X.typicalVariance(logits(events, sizes).v);
    r.i2 = 100 * tau2 / (tau2 + typical);
    var spare = median.estimate * X.expit(-optimum.mu), total = 0;
    r.weights = sizes.map(function (n) { var w = 1 / (1 / (n * spare) + tau2); total += w; return w; });
    r.weights = r.weights.map(function (w) { return 100 * w / total; });
    if (!isFinite(low) || !isFinite(high)) {
      r.notes.push("The data are too sparse to end the interval of the median study; it runs to 0 or 100%.");
    }
    var near = Math.min(median.estimate, 1 - median.estimate), mean = Math.min(from.mean, 1 - from.mean);
    if (tau2 > 16 || mean > 1.5 * near) {
      r.notes.push("Shares differ widely between studies: that of the median study is " + X.words.percent(median.estimate) +
        ", the population average (the mean over studies) is " + X.words.percent(from.mean) + ".");
    }
    return report(r, average, median, population);
  }

  function byEffects(r, events, sizes, level, average) {
    var size = logits(events, sizes), k = r.k, common = r.model === "common", ci = common ? "wald" : "hksj";
    var p = X.poolEffects(size.y, size.v, { model: r.model, ci: ci, level: level });
    var median = { estimate: X.expit(p.estimate), low: X.expit(p.low), high: X.expit(p.high), ci: ci };
    var population = median;
    if (!common) {
      r.piLow = X.expit(p.piLow); r.piHigh = X.expit(p.piHigh);
      population = X.average.ofEffects(p.estimate, p.se, p.tau2, p.tau2Variance, p.quantile);
      population.ci = "delta-t";
    }
    r.q = p.q; r.qP = p.qP; r.tau2 = p.tau2; r.i2 = p.i2; r.weights = p.weights;
    if (size.corrected) {
      r.notes.push(size.corrected + " of " + k + " studies had no events, or events only, and were given half an event more, which draws the estimate towards one half.");
    }
    return report(r, average, median, population);
  }

  // Pool counts: model is glmm, reml, dl or common, average is median or population; null for no study.
  X.pool = function (events, sizes, options) {
    var level = options && options.level || 0.95, model = options && options.model || "glmm";
    var average = options && options.average || "median";
    if (!events.length) return null;
    var r = base(model, events, sizes);
    if (r.k === 1) return single(r, events, sizes, level);
    return model === "glmm" ? byLikelihood(r, events, sizes, level, average) : byEffects(r, events, sizes, level, average);
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
