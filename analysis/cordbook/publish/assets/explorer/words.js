// Numbers in words, as cordbook.review.estimates.phrases writes them.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  // An exact half goes to the even digit, as the package rounds: 12.5 is 12. Halves of one digit are quarters, which floats hold exactly.
  function rounded(value, digits) {
    var power = Math.pow(10, digits), floor = Math.floor(value * power);
    var half = (value * 4) % 1 === 0 && value * power - floor === 0.5;
    return half && floor % 2 === 0 ? (floor / power).toFixed(digits) : value.toFixed(digits);
  }

  function significant2(value) { return String(Number(value.toPrecision(2))); }
  function percentNumber(value) {
    if (value === null || !isFinite(value)) return "not estimable";
    var scaled = 100 * value;
    if (scaled === 0 || scaled === 100) return String(scaled);
    if (scaled < 0.01) return "<0.01";
    if (scaled > 99.9) return ">99.9";
    if (scaled >= 99.5) return rounded(scaled, 1);
    if (scaled >= 9.95) return rounded(scaled, 0);
    return scaled >= 0.995 ? rounded(scaled, 1) : significant2(scaled);
  }
  function count(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, ","); }
  function plural(number, one, many) { return count(number) + " " + (number === 1 ? one : many); }
  X.words = {
    percentNumber: percentNumber,
    percent: function (value) { var text = percentNumber(value); return text === "not estimable" ? text : text + "%"; },
    count: count,
    plural: plural,
    studies: function (k) { return plural(k, "study", "studies"); },
    people: function (n) { return plural(n, "person", "people"); },
    frequency: function (value) {
      var bases = [[10, 0.095, 0.905], [100, 0.0095, 0.995], [1000, 0.00095, 0.9995]];
      for (var i = 0; i < bases.length; i++) {
        if (value >= bases[i][1] && value <= bases[i][2]) return Math.round(value * bases[i][0]) + " in " + count(bases[i][0]);
      }
      return value === 0 ? "none" : value === 1 ? "all" : value < 0.5 ? "fewer than 1 in 1,000" : "all but a few";
    }
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
