// Distributions that pooling needs: normal, Student, chi-squared, beta. Classic script; node loads it too.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  // Lanczos (1964), g = 7, nine terms: right to about 1e-15.
  var LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  function logGamma(x) {
    if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
    var sum = LANCZOS[0], t = x + 6.5;
    for (var i = 1; i < 9; i++) sum += LANCZOS[i] / (x - 1 + i);
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  // Wichura (1988), algorithm AS 241, PPND16.
  function ratio(r, num, den) {
    var a = 0, b = 0;
    for (var i = 7; i >= 0; i--) { a = a * r + num[i]; b = b * r + den[i]; }
    return a / b;
  }
  function normalQuantile(p) {
    var q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      return q * ratio(0.180625 - q * q,
        [3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
          67265.770927008700853, 33430.575583588128105, 2509.0809287301226727],
        [1, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867, 39307.895800092710610,
          28729.085735721942674, 5226.4952788528545610]);
    }
    var r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p)), value;
    if (r <= 5) {
      value = ratio(r - 1.6,
        [1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504, 1.27045825245236838258,
          0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4],
        [1, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
          0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9]);
    } else {
      value = ratio(r - 5,
        [6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230, 0.0265321895265761230930,
          0.00124266094738807843860, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
        [1, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525, 7.86869131145613259100e-4,
          1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15]);
    }
    return q < 0 ? -value : value;
  }

  // Incomplete beta by Lentz's continued fraction (Press et al. 2007, 6.4).
  function betaFraction(a, b, x) {
    var tiny = 1e-300, c = 1, d = 1 - (a + b) * x / (a + 1), h;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    h = d;
    for (var m = 1; m < 20000; m++) {
      var even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 + even * d; d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + even / c; if (Math.abs(c) < tiny) c = tiny;
      h *= d * c;
      var odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 + odd * d; d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + odd / c; if (Math.abs(c) < tiny) c = tiny;
      h *= d * c;
      if (Math.abs(d * c - 1) < 3e-16) break;
    }
    return h;
  }
  function betaDensityTerm(a, b, x) {
    return Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  }
  function betaCdf(a, b, x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    var front = betaDensityTerm(a, b, x);
    return x < (a + 1) / (a + b + 2) ? front * betaFraction(a, b, x) / a : 1 - front * betaFraction(b, a, 1 - x) / b;
  }
  // Newton kept inside a bracket; the bracket halves where Newton leaves it.
  function betaQuantile(a, b, p) {
    if (p <= 0) return 0;
    if (p >= 1) return 1;
    var low = 0, high = 1, x = a / (a + b);
    for (var i = 0; i < 200; i++) {
      var gap = betaCdf(a, b, x) - p;
      if (gap > 0) high = x; else low = x;
      var slope = betaDensityTerm(a, b, x) / (x * (1 - x));
      var next = x - gap / slope;
      if (!(next > low && next < high)) next = 0.5 * (low + high);
      if (Math.abs(next - x) <= 1e-16 + 4e-16 * next) return next;
      x = next;
    }
    return x;
  }

  function studentQuantile(df, p) {
    if (p === 0.5) return 0;
    if (p < 0.5) return -studentQuantile(df, 1 - p);
    // P(|T| > t) = I(df / (df + t^2); df/2, 1/2); the smaller of x and 1 - x is solved for, so that no digit is lost.
    var tail = 2 * (1 - p), y = betaQuantile(0.5, df / 2, 1 - tail);
    return Math.sqrt(df * y / (1 - y));
  }

  // Upper tail of chi-squared: series or Lentz's fraction of the incomplete gamma function.
  function chi2Tail(df, value) {
    if (value <= 0) return 1;
    var a = df / 2, x = value / 2, front = Math.exp(-x + a * Math.log(x) - logGamma(a)), i;
    if (x < a + 1) {
      var term = 1 / a, sum = term;
      for (i = 1; i < 100000; i++) { term *= x / (a + i); sum += term; if (term < sum * 1e-17) break; }
      return 1 - sum * front;
    }
    var b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (i = 1; i < 100000; i++) {
      var an = -i * (i - a);
      b += 2;
      d = an * d + b; d = 1 / (Math.abs(d) < 1e-300 ? 1e-300 : d);
      c = b + an / c; if (Math.abs(c) < 1e-300) c = 1e-300;
      h *= d * c;
      if (Math.abs(d * c - 1) < 1e-16) break;
    }
    return front * h;
  }

  // Limits of a single proportion, exact (Clopper and Pearson 1934); 0 and 1 where all or none had the event.
  function exactInterval(events, n, level) {
    var tail = 0.5 * (1 - level);
    return [
      events > 0 ? betaQuantile(events, n - events + 1, tail) : 0,
      events < n ? betaQuantile(events + 1, n - events, 1 - tail) : 1
    ];
  }

  X.logGamma = logGamma;
  X.normalQuantile = normalQuantile;
  X.betaCdf = betaCdf;
  X.betaQuantile = betaQuantile;
  X.studentQuantile = studentQuantile;
  X.chi2Tail = chi2Tail;
  X.exactInterval = exactInterval;
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
