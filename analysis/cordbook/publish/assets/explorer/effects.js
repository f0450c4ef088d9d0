// Pooling of effects by inverse variance, with the definitions of cordbook.pool_effects: effects and their variances in, plain numbers out
// (null where something is not defined). Logits of shares and scores are pooled by the same lines.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var RATIOS = [0];
  for (var power = -20; power <= 0; power++) RATIOS.push(Math.pow(2, power));

  function typicalVariance(v) {
    var s1 = 0, s2 = 0;
    v.forEach(function (value) { s1 += 1 / value; s2 += 1 / (value * value); });
    return (v.length - 1) / (s1 - s2 / s1);
  }
  function weighted(y, v, tau2) {
    var sw = 0, sy = 0, i;
    for (i = 0; i < y.length; i++) { var w = 1 / (v[i] + tau2); sw += w; sy += w * y[i]; }
    var mean = sy / sw, q = 0;
    for (i = 0; i < y.length; i++) q += (y[i] - mean) * (y[i] - mean) / (v[i] + tau2);
    return { mean: mean, sum: sw, q: q };
  }

  function tau2Dl(y, v) {
    var s1 = 0, s2 = 0;
    v.forEach(function (value) { s1 += 1 / value; s2 += 1 / (value * value); });
    return Math.max(0, (weighted(y, v, 0).q - (y.length - 1)) / (s1 - s2 / s1));
  }
  // REML: the highest of the optima of the restricted likelihood, each bracketed on a grid and closed on by its score.
  function tau2Reml(y, v) {
    var k = y.length, mean = 0, ss = 0, largest = 0;
    y.forEach(function (value) { mean += value / k; });
    y.forEach(function (value, i) { ss += (value - mean) * (value - mean); largest = Math.max(largest, v[i]); });
    var s2 = ss / (k - 1), bound = s2 + Math.sqrt(s2 * largest);
    function score(tau2) {
      var at = weighted(y, v, tau2), sum2 = 0, fit = 0;
      for (var i = 0; i < k; i++) {
        var w = 1 / (v[i] + tau2);
        sum2 += w * w; fit += w * w * (y[i] - at.mean) * (y[i] - at.mean);
      }
      return fit - at.sum + sum2 / at.sum;
    }
    function height(tau2) {
      var at = weighted(y, v, tau2), logs = 0;
      for (var i = 0; i < k; i++) logs += Math.log(v[i] + tau2);
      return -0.5 * (logs + Math.log(at.sum) + at.q);
    }
    var grid = RATIOS.map(function (r) { return bound * r; }), scores = grid.map(score), found = scores[0] > 0 ? [] : [0];
    for (var j = 1; j < grid.length; j++) {
      if (!(scores[j - 1] > 0 && scores[j] <= 0)) continue;
      var low = grid[j - 1], high = grid[j];
      for (var pass = 0; pass < 200 && high - low > 1e-15 * high; pass++) {
        var middle = 0.5 * (low + high);
        if (score(middle) > 0) low = middle; else high = middle;
      }
      found.push(0.5 * (low + high));
    }
    if (!found.length) return bound;
    return found.reduce(function (best, here) { return height(here) > height(best) ? here : best; });
  }

  // A pooled effect of two studies or more: model is reml, dl or common, ci is hksj or wald.
  X.poolEffects = function (y, v, options) {
    var k = y.length, model = options.model, ci = options.ci, level = options.level || 0.95;
    var common = model === "common", at0 = weighted(y, v, 0);
    var tau2 = common ? 0 : model === "dl" ? tau2Dl(y, v) : tau2Reml(y, v), at = weighted(y, v, tau2), se = Math.pow(at.sum, -0.5);
    var student = ci === "hksj", quantile = student ? X.studentQuantile(k - 1, 0.5 * (1 + level)) : X.normalQuantile(0.5 * (1 + level));
    // Hartung and Knapp's factor is kept from falling below 1, as in the package (hksj_floor).
    if (student) se *= Math.sqrt(Math.max(1, at.q / (k - 1)));
    var reach = quantile * se, ahead = common ? null : quantile * Math.sqrt(se * se + tau2), squares = 0;
    v.forEach(function (value) { squares += 1 / ((value + tau2) * (value + tau2)); });
    return {
      k: k, model: model, ci: ci, level: level, estimate: at.mean, se: se, quantile: quantile, low: at.mean - reach, high: at.mean + reach,
      piLow: common ? null : at.mean - ahead, piHigh: common ? null : at.mean + ahead, tau2: tau2, tau2Variance: 2 / squares,
      i2: common ? (at0.q > 0 ? 100 * Math.max(0, 1 - (k - 1) / at0.q) : 0) : 100 * tau2 / (tau2 + typicalVariance(v)),
      q: at0.q, qDf: k - 1, qP: X.chi2Tail(k - 1, at0.q), weights: v.map(function (value) { return 100 / (value + tau2) / at.sum; })
    };
  };
  X.typicalVariance = typicalVariance;
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
