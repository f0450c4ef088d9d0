// Which studies are shown side by side instead of being pooled, by the limits that the data names: the rules and the words of
// cordbook.review.estimates.side_by_side.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  function fixed(value) { return String(Number(value.toPrecision(12))); }

  // The rules that keep a result of X.pool from being reported as pooled, each with what it found; none where it may be.
  X.reasonsNotToPool = function (pooled, events, limits) {
    var found = [], without = 0, most = 0, sum = 0, k = pooled.k;
    if (k < 2) return found;
    events.forEach(function (x) { sum += x; if (x === 0) without++; if (x > most) most = x; });
    if (k < limits.studies_below) {
      found.push({ rule: "few studies", text: (k === 2 ? "Two" : k) + " studies are too few for an average." });
    }
    if (pooled.tau2 !== null && Math.sqrt(pooled.tau2) > limits.tau_above) {
      found.push({
        rule: "spread", text: "The studies differ too much for an average to describe them (tau = " + Math.sqrt(pooled.tau2).toFixed(1) +
          " on the log-odds scale; our limit is " + fixed(limits.tau_above) + ")."
      });
    }
    if (sum >= 2 && without / k > limits.no_event_share_above && most / sum > limits.one_study_share_above) {
      found.push({
        rule: "one study", text: without + " of " + k + " studies report no event and one study holds " + most + " of the " + sum +
          " events: an average would tell how studies counted, not how often the event happens."
      });
    }
    if (pooled.high - pooled.low > limits.interval_wider_than) {
      found.push({
        rule: "wide interval", text: "The confidence interval of an average would be " + (100 * (pooled.high - pooled.low)).toFixed(0) +
          " percentage points wide; our limit is " + (100 * limits.interval_wider_than).toFixed(0) + "."
      });
    }
    return found;
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
