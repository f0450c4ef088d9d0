// The population average of the normal-logit model, the mean of expit(mu + tau z) over studies, with its derivatives, and the
// likelihood with the average's logit in place of mu: the definitions of cordbook/synthesis/glmm/average.py.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var L = X.likelihood;
  var REACH = 12, SPACING = 0.35, FEWEST_NODES = 129, STEPS = 100, TOLERANCE = 1e-13, LEAST_BEND = 0.1, STRETCH = 0.346;
  var ROOT_2PI = Math.sqrt(2 * Math.PI);

  function of(mu, tau) {
    var rule = L.trapezoid(Math.max(FEWEST_NODES, 32 * Math.ceil(2 * REACH * tau / SPACING / 32) + 1));
    var mean = 0, rest = 0, m1 = 0, t1 = 0, m2 = 0, mt = 0, t2 = 0;
    for (var i = 0; i < rule.size; i++) {
      var z = rule.t[i], f = Math.exp(rule.w[i] - 0.5 * z * z) / ROOT_2PI, p = X.expit(mu + tau * z), q = X.expit(-mu - tau * z);
      var slope = p * q * f, bend = slope * (q - p);
      mean += p * f; rest += q * f;
      m1 += slope; t1 += slope * z; m2 += bend; mt += bend * z; t2 += bend * z * z;
    }
    // Derivatives of the mean, then those of its logit.
    var spread = mean * rest, curve = (mean - rest) / spread, byMu = m1 / spread, byTau = t1 / spread;
    return {
      mean: mean, rest: rest, lam: Math.log(mean) - Math.log(rest), dMu: byMu, dTau: byTau,
      dMuMu: m2 / spread + curve * m1 * byMu, dMuTau: mt / spread + curve * m1 * byTau, dTauTau: t2 / spread + curve * t1 * byTau
    };
  }

  // mu at which the average's logit is lam.
  function muOf(lam, tau) {
    var mu = lam * Math.sqrt(1 + STRETCH * tau * tau), low = Math.min(lam - tau * tau, mu) - 1, high = Math.max(lam + tau * tau, mu) + 1;
    for (var i = 0; i < STEPS; i++) {
      var at = of(mu, tau);
      if (at.lam < lam) low = mu; else high = mu;
      var goal = mu - (at.lam - lam) / at.dMu;
      if (!(goal >= low && goal <= high)) goal = 0.5 * (low + high);
      var moved = Math.abs(goal - mu);
      mu = goal;
      if (moved <= TOLERANCE * (1 + Math.abs(mu) + tau)) break;
    }
    return mu;
  }

  // Derivatives in mu and tau as those in the average's logit and tau, by implicit differentiation.
  function into(at, to) {
    var byLam = 1 / to.dMu, byTau = -to.dTau * byLam, lamLam = -to.dMuMu * byLam * byLam * byLam;
    var lamTau = -(to.dMuTau + to.dMuMu * byTau) * byLam * byLam;
    var tauTau = -(to.dTauTau + 2 * to.dMuTau * byTau + to.dMuMu * byTau * byTau) * byLam;
    var leading = at.dMuMu * byLam * byLam, bend = leading + at.dMu * lamLam;
    return {
      loglik: at.loglik, dMu: at.dMu * byLam, dTau: at.dTau + at.dMu * byTau, dMuMu: bend <= LEAST_BEND * leading ? bend : leading,
      dMuTau: at.dMuMu * byLam * byTau + at.dMuTau * byLam + at.dMu * lamTau,
      dTauTau: at.dMuMu * byTau * byTau + 2 * at.dMuTau * byTau + at.dTauTau + at.dMu * tauTau, edge: at.edge
    };
  }
  function evaluate(lam, tau, d, sites, coarse) {
    var mu = muOf(lam, tau);
    return into(L.evaluate(mu, tau, d, sites, coarse), of(mu, tau));
  }

  // The standard error of the average's logit by the delta method, from derivatives at the maximum.
  function standardError(at, to) {
    if (at.edge) return Math.sqrt(to.dMu * to.dMu / -at.dMuMu);
    var size = at.dMuMu * at.dTauTau - at.dMuTau * at.dMuTau;
    var inner = -to.dMu * to.dMu * at.dTauTau + 2 * to.dMu * to.dTau * at.dMuTau - to.dTau * to.dTau * at.dMuMu;
    return Math.sqrt(inner / size);
  }

  // The average behind pooled logits and its limits, by the delta method on its log-odds (cordbook/synthesis/pooling/effect_average.py).
  function ofEffects(mu, se, tau2, tau2Variance, quantile) {
    var tau = Math.sqrt(tau2), at = of(mu, tau), byTau2 = tau > 1e-4 ? 0.5 * at.dTau / tau : 0.5 * at.dTauTau;
    var reach = quantile * Math.hypot(at.dMu * se, byTau2 * Math.sqrt(tau2Variance));
    return { estimate: at.mean, low: X.expit(at.lam - reach), high: X.expit(at.lam + reach) };
  }

  X.average = { of: of, muOf: muOf, into: into, evaluate: evaluate, standardError: standardError, ofEffects: ofEffects };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
