// The likelihood of the binomial-normal model with its derivatives, by adaptive quadrature.
//
// The same definitions as cordbook/synthesis/glmm/likelihood.py, where they are derived: study i has x events of n, its logit
// is normal over studies (mean mu, standard deviation tau), and all that Newton's method needs are posterior moments of
// z = (theta - mu) / tau. Nodes are placed for each study by a normal "site". Equal studies are one row with a weight.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  var BOUNDARY_RATIO = 1e-3, MU_LIMIT = 60, TAU_LIMIT = 40, AWAY = 5, NARROW = 0.2, TINY_CURVATURE = 1e-12;
  var LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);
  var HERMITE = [[0.2, 15], [0.3, 21], [0.45, 25], [0.6, 31], [0.8, 41], [1.0, 51]];
  var REACH = 12, SPACING = 0.48, COARSE_NODES = 11, COARSE_SPREAD = 0.8;
  var rules = {};

  function softplus(t) { return t > 0 ? t + Math.log1p(Math.exp(-t)) : Math.log1p(Math.exp(t)); }
  function expit(t) { return t >= 0 ? 1 / (1 + Math.exp(-t)) : Math.exp(t) / (1 + Math.exp(t)); }

  // Nodes t and log weights for the integral of f(t) dt with f about standard normal.
  function gaussHermite(size) {
    var key = "h" + size;
    if (rules[key]) return rules[key];
    var t = new Float64Array(size), w = new Float64Array(size);
    // Roots of the orthonormal Hermite functions, by Newton from the guesses of Press et al. (2007, 4.6).
    var z = 0, half = (size + 1) >> 1, found = [];
    for (var i = 0; i < half; i++) {
      if (i === 0) z = Math.sqrt(2 * size + 1) - 1.85575 * Math.pow(2 * size + 1, -0.16667);
      else if (i === 1) z -= 1.14 * Math.pow(size, 0.426) / z;
      else if (i === 2) z = 1.86 * z - 0.86 * found[0];
      else if (i === 3) z = 1.91 * z - 0.91 * found[1];
      else z = 2 * z - found[i - 2];
      var slope = 1;
      for (var pass = 0; pass < 100; pass++) {
        var p1 = Math.pow(Math.PI, -0.25), p2 = 0;
        for (var j = 0; j < size; j++) {
          var p3 = p2;
          p2 = p1;
          p1 = z * Math.sqrt(2 / (j + 1)) * p2 - Math.sqrt(j / (j + 1)) * p3;
        }
        slope = Math.sqrt(2 * size) * p2;
        var step = p1 / slope;
        z -= step;
        if (Math.abs(step) <= 1e-15 * Math.max(1, Math.abs(z))) break;
      }
      found.push(z);
      var weight = Math.log(2) - 2 * Math.log(Math.abs(slope)) + z * z + 0.5 * Math.log(2);
      t[i] = -Math.SQRT2 * z; t[size - 1 - i] = Math.SQRT2 * z;
      w[i] = weight; w[size - 1 - i] = weight;
    }
    if (size % 2) t[half - 1] = 0;
    rules[key] = { t: t, w: w, size: size };
    return rules[key];
  }
  function trapezoid(size) {
    var key = "t" + size;
    if (rules[key]) return rules[key];
    var t = new Float64Array(size), w = new Float64Array(size), gap = 2 * REACH / (size - 1);
    for (var i = 0; i < size; i++) { t[i] = -REACH + i * gap; w[i] = Math.log(gap); }
    rules[key] = { t: t, w: w, size: size };
    return rules[key];
  }
  function ruleFor(spread, coarse) {
    if (coarse && spread <= COARSE_SPREAD) return gaussHermite(COARSE_NODES);
    for (var i = 0; i < HERMITE.length; i++) if (spread <= HERMITE[i][0]) return gaussHermite(HERMITE[i][1]);
    return trapezoid(32 * Math.ceil(2 * REACH * Math.min(spread, TAU_LIMIT) / SPACING / 32) + 1);
  }

  // Counts as columns, equal pairs of events and n merged: {x, n, w, k (studies), rows, largest}.
  function counts(events, sizes) {
    var at = new Map(), x = [], n = [], w = [], largest = 0;
    for (var i = 0; i < events.length; i++) {
      var key = events[i] * 67108864 + sizes[i], row = at.get(key);
      if (row === undefined) { at.set(key, x.length); x.push(events[i]); n.push(sizes[i]); w.push(1); }
      else w[row] += 1;
      if (sizes[i] > largest) largest = sizes[i];
    }
    return { x: Float64Array.from(x), n: Float64Array.from(n), w: Float64Array.from(w), k: events.length, rows: x.length, largest: largest };
  }

  function firstSites(d) {
    var precision = new Float64Array(d.rows), shift = new Float64Array(d.rows);
    for (var i = 0; i < d.rows; i++) {
      var p = (d.x[i] + 0.5) / (d.n[i] + 1);
      precision[i] = d.n[i] * p * (1 - p);
      shift[i] = precision[i] * Math.log((d.x[i] + 0.5) / (d.n[i] - d.x[i] + 0.5)) + (d.x[i] - d.n[i] * p);
    }
    return { precision: precision, shift: shift };
  }

  // The site at the mode of one posterior, found from anywhere by Newton inside a bracket.
  function modeSite(mu, tau, x, n) {
    var t2 = tau * tau, low = Math.max(mu - t2 * (n - x), -600), high = Math.min(mu + t2 * x, 600);
    var theta = Math.min(Math.max(mu, low), high), last = high - low, p, information;
    for (var i = 0; i < 80; i++) {
      p = expit(theta);
      var slope = x - n * p - (theta - mu) / t2, bend = n * p * (1 - p) + 1 / t2;
      if (slope * slope <= 1e-4 * bend) break;
      if (slope > 0) low = theta; else high = theta;
      var goal = theta + slope / bend;
      if (!(goal > low && goal < high && Math.abs(goal - theta) <= 0.5 * last)) goal = 0.5 * (low + high);
      last = Math.abs(goal - theta);
      theta = goal;
    }
    p = expit(theta);
    information = n * p * (1 - p);
    return [information, information * theta + x - n * p];
  }
  function modeSites(mu, tau, d) {
    var precision = new Float64Array(d.rows), shift = new Float64Array(d.rows);
    for (var i = 0; i < d.rows; i++) {
      var site = modeSite(mu, tau, d.x[i], d.n[i]);
      precision[i] = site[0]; shift[i] = site[1];
    }
    return { precision: precision, shift: shift };
  }

  function spread(tau, sites) {
    var least = Infinity, p = sites.precision, t2 = tau * tau;
    for (var i = 0; i < p.length; i++) if (p[i] < least) least = p[i];
    return Math.sqrt(t2 / (1 + least * t2));
  }

  // One study: its terms before division by tau or tau^2 in out[0..5], its new site in out[6..7]; true where nodes fit.
  function study(out, mu, tau, x, n, precision, shift, rule) {
    var t2 = tau * tau, shrink = 1 / (1 + precision * t2), scale = Math.sqrt(shrink);
    var centre = (shift - precision * mu) * shrink * tau, at = mu + tau * centre, step = tau * scale, cs = centre * scale;
    var nSoft = n * softplus(at), slope = x * step - cs, bend = -0.5 * shrink, t = rule.t, w = rule.w;
    var mass = 0, m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (var q = 0; q < rule.size; q++) {
      var tq = t[q], theta = at + step * tq;
      var f = Math.exp(slope * tq + bend * tq * tq + nSoft + w[q] - n * (theta > 700 ? theta : Math.log1p(Math.exp(theta))));
      var ft = f * tq, ft2 = ft * tq;
      mass += f; m1 += ft; m2 += ft2; m3 += ft2 * tq; m4 += ft2 * tq * tq;
    }
    m1 /= mass; m2 /= mass; m3 /= mass; m4 /= mass;
    var varT = m2 - m1 * m1;
    if (!(m2 < AWAY && varT > NARROW)) out[8] = 1;
    var covT = shrink * (m3 - m1 * m2), meanZ = centre + scale * m1, varZ = shrink * varT, over = varZ - 1;
    out[0] = x * at - nSoft - 0.5 * centre * centre + Math.log(scale * mass) - LOG_SQRT_2PI;
    out[1] = meanZ;
    out[2] = over + meanZ * meanZ;
    out[3] = over;
    cs *= 2;
    out[4] = scale * (cs * varT + covT) - 2 * meanZ;
    out[5] = cs * (cs * varT + 2 * covT) + shrink * shrink * (m4 - m2 * m2) - 3 * out[2] - 2;
    var certainty = 1 / varZ;
    out[6] = Math.max((certainty - 1) / t2, 0);
    out[7] = out[6] * mu + meanZ * certainty / tau;
  }

  // Log-likelihood and derivatives at (mu, tau); the sites are moved to the posteriors in place.
  function evaluate(mu, tau, d, sites, coarse) {
    var p = expit(mu);
    if (tau < BOUNDARY_RATIO && tau * tau * Math.max(p * (1 - p) * d.largest, 1) < BOUNDARY_RATIO * BOUNDARY_RATIO) {
      return boundary(mu, tau, d);
    }
    var rule = ruleFor(spread(tau, sites), coarse), out = new Float64Array(9), s = [0, 0, 0, 0, 0, 0], t2 = tau * tau;
    for (var i = 0; i < d.rows; i++) {
      out[8] = 0;
      study(out, mu, tau, d.x[i], d.n[i], sites.precision[i], sites.shift[i], rule);
      if (out[8]) {
        // The nodes lie beside the posterior: place them by its mode, with enough of them for that.
        var site = modeSite(mu, tau, d.x[i], d.n[i]);
        var better = ruleFor(Math.sqrt(t2 / (1 + site[0] * t2)), false);
        study(out, mu, tau, d.x[i], d.n[i], site[0], site[1], better.size > rule.size ? better : rule);
      }
      var w = d.w[i];
      for (var j = 0; j < 6; j++) s[j] += w * out[j];
      sites.precision[i] = out[6]; sites.shift[i] = out[7];
    }
    return {
      loglik: s[0], dMu: s[1] / tau, dTau: s[2] / tau, dMuMu: Math.min(s[3] / t2, -TINY_CURVATURE), dMuTau: s[4] / t2, dTauTau: s[5] / t2,
      edge: false
    };
  }

  // The expansion at tau = 0, where studies share one proportion.
  function boundary(mu, tau, d) {
    var p = expit(mu), soft = softplus(mu), base = 0, excess = 0, slope = 0, sum = 0, sumV = 0;
    for (var i = 0; i < d.rows; i++) {
      var residual = d.x[i] - d.n[i] * p, v = d.n[i] * p * (1 - p), w = d.w[i];
      base += w * (d.x[i] * mu - d.n[i] * soft);
      excess += w * (residual * residual - v);
      slope += w * (-2 * residual * v - v * (1 - 2 * p));
      sum += w * residual; sumV += w * v;
    }
    return {
      loglik: base + 0.5 * tau * tau * excess, dMu: sum + 0.5 * tau * tau * slope, dTau: tau * excess,
      dMuMu: -Math.max(sumV, TINY_CURVATURE), dMuTau: tau * slope, dTauTau: excess, edge: true
    };
  }

  function copySites(s) { return { precision: s.precision.slice(), shift: s.shift.slice() }; }

  X.expit = expit;
  X.counts = counts;
  X.likelihood = {
    evaluate: evaluate, boundary: boundary, firstSites: firstSites, modeSites: modeSites, copySites: copySites, spread: spread,
    gaussHermite: gaussHermite, trapezoid: trapezoid, MU_LIMIT: MU_LIMIT, TAU_LIMIT: TAU_LIMIT
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
