// The binomial-normal model fitted by maximum likelihood, with profile limits: the methods, tolerances and special cases of
// cordbook/synthesis/glmm/newton.py, search.py and bracket.py, one data set at a time.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var L = X.likelihood, A = X.average, MU_LIMIT = L.MU_LIMIT, TAU_LIMIT = L.TAU_LIMIT;

  var FLAT = 1e-5, LIMIT_STEP = 1e-5, MAX_STEPS = 60, LAZY_UPDATES = 3, SETTLED = 0.1, SURE = 0.1, LIMIT_STRIDE = 3;
  var SHRINK = 0.1, GROW = 2, SMALLEST_START = 0.22, MIDDLING_TAU2 = 0.3, STRETCH = 0.346;
  var SCAN_TAU = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16], SCAN_STEPS = 4, SCAN_SPREAD = 2, SCAN_GAIN = 1e-3, SAME_LOGLIK = 1e-10;
  var ZOOM_POINTS = 41, ZOOMS = 3, LOOK_LOSS = 1, BRANCH_GAIN = 2e-3, ROOT_TOLERANCE = 1e-8;
  var WIDE_TAU = geometric(0.01, TAU_LIMIT, 46), LOOK_TAU = geometric(0.025, 6.4, 12);

  function geometric(from, to, size) {
    var out = [];
    for (var i = 0; i < size; i++) out.push(from * Math.pow(to / from, i / (size - 1)));
    return out;
  }
  function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }
  function nextTau(tau, d) { return Math.min(Math.max(tau + d, SHRINK * tau), Math.max(GROW * tau, tau + 0.5), TAU_LIMIT); }

  function totals(d) {
    var x = 0, n = 0;
    for (var i = 0; i < d.rows; i++) { x += d.w[i] * d.x[i]; n += d.w[i] * d.n[i]; }
    return { x: x, n: n, p: x / n };
  }
  function commonEffect(d) {
    var t = totals(d);
    return { mu: Math.log(t.p / (1 - t.p)), loglik: t.x * Math.log(t.p) + (t.n - t.x) * Math.log1p(-t.p) };
  }

  // Moments of the proportions, carried over to the logit: where to begin.
  function start(d) {
    var tau2 = MIDDLING_TAU2, p = totals(d).p, variance = p * (1 - p);
    for (var pass = 0; pass < 2; pass++) {
      var sw = 0, sp = 0, i, weight;
      for (i = 0; i < d.rows; i++) {
        weight = d.n[i] / (1 + d.n[i] * variance * tau2);
        sw += d.w[i] * weight; sp += d.w[i] * weight * d.x[i] / d.n[i];
      }
      var before = variance;
      p = sp / sw; variance = p * (1 - p);
      var num = 0, den = 0;
      for (i = 0; i < d.rows; i++) {
        weight = d.n[i] / (1 + d.n[i] * before * tau2);
        weight *= weight;
        var away = d.x[i] / d.n[i] - p;
        num += d.w[i] * weight * (away * away - variance / d.n[i]); den += d.w[i] * weight;
      }
      tau2 = Math.max(num / den / (variance * variance), SMALLEST_START * SMALLEST_START);
    }
    tau2 = Math.min(tau2, TAU_LIMIT * TAU_LIMIT);
    return { mu: Math.log(p / (1 - p)) * Math.sqrt(1 + STRETCH * tau2), tau: Math.sqrt(tau2) };
  }

  // Newton's method in mu and tau to a decrement; null where it has not settled after MAX_STEPS.
  function ascend(mu, tau, d, sites, coarse) {
    var decrement = coarse ? 1e-4 : 1e-14, fall = coarse ? 0.05 : 1e-7, before = null;
    for (var pass = 0; pass < MAX_STEPS; pass++) {
      var at = L.evaluate(mu, tau, d, sites, coarse);
      if (before && at.loglik < before.loglik - fall * (1 + 1e-3 * Math.abs(before.loglik))) {
        mu = 0.5 * (mu + before.mu); tau = 0.5 * (tau + before.tau);
        continue;
      }
      before = { mu: mu, tau: tau, loglik: at.loglik };
      var dMu = -at.dMu / at.dMuMu, done, newTau;
      if (at.edge && (tau === 0 || at.dTauTau <= FLAT * -at.dMuMu)) {
        done = at.dMu * at.dMu / -at.dMuMu < decrement && tau === 0;
        mu += clamp(dMu, -2, 2); tau = 0;
        if (done) return { mu: mu, tau: tau, at: at, sites: sites };
        continue;
      }
      var profile = at.dTauTau - at.dMuTau * at.dMuTau / at.dMuMu, pull = at.dTau - at.dMuTau * at.dMu / at.dMuMu, dTau, gain;
      if (profile < 0) {
        dTau = -pull / profile;
        gain = at.dMu * at.dMu / -at.dMuMu + pull * pull / -profile;
      } else {
        dTau = pull > 0 ? tau : -0.5 * tau;
        gain = Infinity;
      }
      newTau = nextTau(tau, dTau);
      dMu -= at.dMuTau * (newTau - tau) / at.dMuMu;
      done = gain < decrement || (newTau === TAU_LIMIT && tau === TAU_LIMIT && at.dMu * at.dMu / -at.dMuMu < decrement);
      var stride = Math.max(2, 2 * tau);
      mu += clamp(dMu, -stride, stride); tau = newTau;
      if (done) return { mu: mu, tau: tau, at: at, sites: sites };
    }
    return coarse ? { mu: mu, tau: tau, at: at, sites: sites } : null;
  }
  function maximise(mu, tau, d, sites) {
    var near = ascend(mu, tau, d, sites, true), optimum = ascend(near.mu, near.tau, d, near.sites, false);
    if (optimum) return optimum;
    var found = highest(function (t) { return bestMu(t, d).loglik; }, WIDE_TAU);
    mu = bestMu(found.place, d).mu; tau = found.place;
    sites = L.modeSites(mu, tau, d);
    L.evaluate(mu, tau, d, sites);
    return { mu: mu, tau: tau, at: L.evaluate(mu, tau, d, sites), sites: sites };
  }

  // A second optimum of the likelihood: look over a grid of tau and maximise from its best point.
  function scan(mu, d, height) {
    var best = null;
    SCAN_TAU.forEach(function (tau) {
      var here = mu, sites = L.modeSites(mu, tau, d), at;
      for (var i = 0; i < SCAN_STEPS; i++) {
        at = L.evaluate(here, tau, d, sites, true);
        var stride = Math.max(2, 2 * tau);
        here = clamp(here - clamp(at.dMu / at.dMuMu, -stride, stride), -MU_LIMIT, MU_LIMIT);
      }
      at = L.evaluate(here, tau, d, sites, true);
      if (!best || at.loglik > best.loglik) best = { mu: here, tau: tau, loglik: at.loglik, sites: sites };
    });
    return best.loglik <= height + SCAN_GAIN ? null : maximise(best.mu, best.tau, d, best.sites);
  }

  // The maximum: {mu, tau, se, loglik, sites, at}.
  function fit(d) {
    var common = commonEffect(d), from = start(d), optimum = maximise(from.mu, from.tau, d, L.firstSites(d));
    if (optimum.tau === 0 || optimum.at.loglik < common.loglik || L.spread(optimum.tau, optimum.sites) > SCAN_SPREAD) {
      var other = scan(optimum.mu, d, Math.max(optimum.at.loglik, common.loglik));
      if (other && other.at.loglik > optimum.at.loglik) optimum = other;
    }
    if (optimum.at.loglik <= common.loglik + SAME_LOGLIK) {
      optimum = { mu: common.mu, tau: 0, at: L.boundary(common.mu, 0, d), sites: optimum.sites };
    }
    var a = optimum.at, information = optimum.tau > 0 ? a.dMuTau * a.dMuTau / a.dTauTau - a.dMuMu : -a.dMuMu;
    return { mu: optimum.mu, tau: optimum.tau, se: Math.pow(information, -0.5), loglik: a.loglik, at: a, sites: optimum.sites, common: common };
  }

  // --- ends of profile likelihood intervals -------------------------------------------------------------------------

  // The step to the target on the quadratic with the other parameter profiled out.
  function limitStep(above, g, gOther, h, hCross, hOther, side) {
    above += 0.5 * (-gOther * gOther / hOther);
    var slope = g - hCross * gOther / hOther, bend = h - hCross * hCross / hOther;
    if (bend < 0) {
      var room = slope * slope - 2 * bend * above;
      return room > 0 ? (-slope - side * Math.sqrt(room)) / bend : -slope / bend;
    }
    return slope * side < 0 ? -above / slope : side * Math.abs(above);
  }

  // Keeps what is known to lie inside and outside of the interval, and goes between them.
  function bracketOf() {
    var inside = null, outside = null, seen = [];
    return function (here, rest, above, d) {
      if (Math.pow(rest, 1.5) < SURE * Math.abs(above)) { if (above >= 0) inside = here; else outside = here; }
      var goal = here + d;
      if (inside === null || outside === null) return goal;
      seen.push(Math.abs(inside - outside));
      var lazy = seen.length > LAZY_UPDATES && seen[seen.length - 1] > 0.5 * seen[seen.length - 1 - LAZY_UPDATES];
      if (lazy || !(goal > Math.min(inside, outside) && goal < Math.max(inside, outside))) {
        seen = [];
        return 0.5 * (inside + outside);
      }
      return goal;
    };
  }

  // What a limit is walked to in: mu, which runs off along a ridge on which tau grows without end, or the logit of the population
  // average, which does not.
  var MEDIAN = { evaluate: L.evaluate, muOf: function (mu) { return mu; }, endless: true };
  var AVERAGE = { evaluate: A.evaluate, muOf: A.muOf, endless: false };
  function limitOfMu(optimum, d, target, side) { return limitAlong(MEDIAN, optimum, d, target, side); }
  // The population average at the optimum, and what its limits are walked to from.
  function averageOf(optimum) {
    var to = A.of(optimum.mu, optimum.tau);
    return { mean: to.mean, mu: to.lam, tau: optimum.tau, se: A.standardError(optimum.at, to), at: A.into(optimum.at, to), sites: optimum.sites };
  }
  function limitOfAverage(from, d, target, side) { return limitAlong(AVERAGE, from, d, target, side); }

  function limitAlong(along, optimum, d, target, side) {
    var mu = optimum.mu, tau = optimum.tau, sites = L.copySites(optimum.sites), at = optimum.at, propose = bracketOf();
    var held = null, low = 0, high = TAU_LIMIT, found = null;
    function settle(goal) {
      if (held !== mu) { low = 0; high = TAU_LIMIT; held = mu; }
      if (at.dTau > 0) low = tau; else high = tau;
      goal = Math.min(clamp(goal, SHRINK * tau, GROW * tau), TAU_LIMIT);
      tau = (low < goal && goal < high) || (goal === TAU_LIMIT && high === TAU_LIMIT) ? goal : 0.5 * (low + high);
    }
    for (var pass = 0; pass < MAX_STEPS && found === null; pass++) {
      if (pass) at = along.evaluate(mu, tau, d, sites);
      var gTau = at.dTau, hMuTau = at.dMuTau, hTau = at.dTauTau, ridge = tau === TAU_LIMIT && gTau > 0;
      if (at.edge && hTau > FLAT * -at.dMuMu) { tau = Math.max(GROW * tau, Math.pow(-at.dMuMu, -0.5)); continue; }
      if (!at.edge && hTau >= 0 && !ridge) { settle(gTau > 0 ? GROW * tau : 0.5 * tau); continue; }
      var rest = at.edge || ridge ? 0 : gTau * gTau / -hTau;
      if (along.endless && ridge && at.loglik >= target) { found = side * Infinity; break; }
      if (rest > SETTLED) { settle(tau - gTau / hTau); continue; }
      if (at.edge || ridge) { gTau = 0; hMuTau = 0; hTau = -1; }
      var step = limitStep(at.loglik - target, at.dMu, gTau, at.dMuMu, hMuTau, hTau, side);
      var goal = propose(mu, rest, at.loglik + 0.5 * rest - target, step);
      goal = mu + clamp(goal - mu, -LIMIT_STRIDE * optimum.se, LIMIT_STRIDE * optimum.se);
      if (Math.abs(goal) > MU_LIMIT) { found = (goal > 0 ? 1 : -1) * Infinity; break; }
      var follow = at.edge ? 0 : tau - (gTau + hMuTau * (goal - mu)) / hTau;
      var done = Math.abs(goal - mu) <= LIMIT_STEP * optimum.se && rest < LIMIT_STEP;
      if (along.endless && done && ridge) { found = side * Infinity; break; }
      mu = goal; tau = Math.min(clamp(follow, 0.5 * tau, GROW * tau), TAU_LIMIT);
      if (done) found = mu;
    }
    if (found !== null && (!isFinite(found) || !onLowerBranch(along, found, tau, d, target))) return found;
    return bracketedAlong(along, optimum.mu, d, target, side, optimum.se);
  }

  function limitOfTau(optimum, d, target, side) {
    var mu = optimum.mu, tau = optimum.tau, sites = L.copySites(optimum.sites), at = optimum.at, propose = bracketOf();
    for (var pass = 0; pass < MAX_STEPS; pass++) {
      if (pass) at = L.evaluate(mu, tau, d, sites);
      var stride = Math.max(2, 2 * tau), rest = at.dMu * at.dMu / -at.dMuMu;
      if (rest > SETTLED) { mu += clamp(-at.dMu / at.dMuMu, -stride, stride); continue; }
      var step = limitStep(at.loglik - target, at.dTau, at.dMu, at.dTauTau, at.dMuTau, at.dMuMu, side);
      var goal = nextTau(tau, propose(tau, rest, at.loglik + 0.5 * rest - target, step) - tau);
      var follow = mu + clamp(-(at.dMu + at.dMuTau * (goal - tau)) / at.dMuMu, -stride, stride);
      if (goal >= TAU_LIMIT || Math.abs(follow) > MU_LIMIT) return Infinity;
      var done = Math.abs(goal - tau) <= LIMIT_STEP * tau && rest < LIMIT_STEP;
      mu = follow; tau = goal;
      if (done) return tau;
    }
    return bracketedTau(optimum.tau, d, target, side);
  }

  // --- slow and certain ---------------------------------------------------------------------------------------------

  function highest(height, grid) {
    var found = null;
    for (var zoom = 0; zoom <= ZOOMS; zoom++) {
      var values = grid.map(height), best = 0;
      values.forEach(function (v, i) { if (v > values[best] || !(values[best] === values[best])) best = i; });
      found = { value: values[best], place: grid[best] };
      var from = grid[Math.max(best - 1, 0)], to = grid[Math.min(best + 1, grid.length - 1)];
      grid = [];
      for (var i = 0; i < ZOOM_POINTS; i++) grid.push(from + (to - from) * i / (ZOOM_POINTS - 1));
    }
    return found;
  }
  function heightAt(mu, tau, d) {
    var sites = L.modeSites(mu, tau, d);
    L.evaluate(mu, tau, d, sites);
    return L.evaluate(mu, tau, d, sites).loglik;
  }
  function profileAlong(along, mu, d) {
    var best = highest(function (tau) { return heightAt(along.muOf(mu, tau), tau, d); }, WIDE_TAU), common = L.boundary(mu, 0, d).loglik;
    return best.value >= common ? best : { value: common, place: 0 };
  }
  // mu and the log-likelihood at its maximum over mu for one tau: concave, so a bracket closes on it.
  function bestMu(tau, d) {
    var low = -MU_LIMIT, high = MU_LIMIT, mu = 0, last = high - low, sites = L.modeSites(0, Math.max(tau, WIDE_TAU[0]), d);
    for (var i = 0; i < 70; i++) {
      var at = L.evaluate(mu, tau, d, sites);
      if (at.dMu > 0) low = mu; else high = mu;
      var step = -at.dMu / at.dMuMu, good = mu + step > low && mu + step < high && Math.abs(step) <= 0.5 * last;
      var goal = good ? mu + step : 0.5 * (low + high);
      last = Math.abs(goal - mu);
      if (last <= 1e-9 * (1 + tau)) break;
      mu = goal;
    }
    return { mu: mu, loglik: L.evaluate(mu, tau, d, sites).loglik };
  }
  // A root between two places of opposite sign, by Illinois steps and halving.
  function rootBetween(f, a, b, fa, fb, tolerance) {
    for (var i = 0; i < 200 && Math.abs(b - a) > tolerance; i++) {
      var c = i % 3 === 2 ? 0.5 * (a + b) : (a * fb - b * fa) / (fb - fa);
      if (!(c > Math.min(a, b) && c < Math.max(a, b))) c = 0.5 * (a + b);
      var fc = f(c);
      if (fc === 0) return c;
      if ((fc > 0) === (fa > 0)) { a = c; fa = fc; fb *= 0.5; } else { b = c; fb = fc; fa *= 0.5; }
    }
    return 0.5 * (a + b);
  }
  function bracketedTau(tau, d, target, side) {
    function above(t) { return bestMu(t, d).loglik - target; }
    var outer = side > 0 ? TAU_LIMIT : 0;
    if (side > 0 && (tau >= TAU_LIMIT || above(TAU_LIMIT) >= 0)) return Infinity;
    var here = above(tau), there = above(outer);
    return here > 0 && there < 0 ? rootBetween(above, tau, outer, here, there, ROOT_TOLERANCE) : tau;
  }
  function bracketedAlong(along, mu, d, target, side, scale) {
    function above(value) { return profileAlong(along, value, d).value - target; }
    if (!isFinite(scale)) scale = 1;
    var inner = mu, stride = 0.5 * scale, outer, there;
    for (;;) {
      outer = mu + side * stride;
      if (Math.abs(outer) > MU_LIMIT) outer = side * MU_LIMIT;
      there = above(outer);
      if (there < 0) break;
      if (Math.abs(outer) === MU_LIMIT) return side * Infinity;
      inner = outer; stride *= 2;
    }
    var here = above(inner);
    if (here <= 0) return inner;
    var limit = rootBetween(above, inner, outer, here, there, ROOT_TOLERANCE * Math.max(scale, 1));
    return along.endless && profileAlong(along, limit, d).place === TAU_LIMIT ? side * Infinity : limit;
  }

  // Is the likelihood at a limit of mu higher on another branch in tau? Looked for with normal stand-ins for the studies.
  function onLowerBranch(along, mu, tau, d, target) {
    if (tau > 0 && L.boundary(mu, 0, d).loglik > target + BRANCH_GAIN) return true;
    var sites = L.firstSites(d);
    function look(t) {
      var sum = 0, here = along.muOf(mu, t);
      for (var i = 0; i < d.rows; i++) {
        var away = sites.shift[i] / sites.precision[i] - here, s = t * t + 1 / sites.precision[i];
        sum += d.w[i] * (Math.log(s) + away * away / s);
      }
      return -0.5 * sum;
    }
    var heights = LOOK_TAU.map(look), own = look(tau), best = -1;
    for (var i = 1; i < LOOK_TAU.length - 1; i++) {
      var elsewhere = LOOK_TAU[i] > 2 * tau || LOOK_TAU[i] < 0.5 * tau;
      var isPeak = heights[i] >= heights[i - 1] && heights[i] > heights[i + 1] && heights[i] > own - LOOK_LOSS && elsewhere;
      if (isPeak && (best < 0 || heights[i] > heights[best])) best = i;
    }
    return best >= 0 && heightAt(along.muOf(mu, LOOK_TAU[best]), LOOK_TAU[best], d) > target + BRANCH_GAIN;
  }

  // How far twice the profile log-likelihood falls to the limits; with k cut for the number of studies.
  function profileCut(level, k) {
    if (k === undefined) { var z = X.normalQuantile(0.5 * (1 + level)); return z * z; }
    var t = X.studentQuantile(k - 1, 0.5 * (1 + level));
    return k * Math.log1p(t * t / (k - 1));
  }

  X.glmm = {
    fit: fit, limitOfMu: limitOfMu, limitOfTau: limitOfTau, averageOf: averageOf, limitOfAverage: limitOfAverage, profileCut: profileCut,
    totals: totals
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
