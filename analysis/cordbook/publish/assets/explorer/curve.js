// Where the reader's own choice stands among all defensible analyses of the same question: the results of data/multiverse.yml, sorted.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var NARROW = 312, WIDE = 720, HEIGHT = 170, TOP = 12, BELOW = 34, LEFT = 46, RIGHT = 10;

  // The curve of a question: that of the same outcome all of whose filters the question has; the one with most filters.
  X.curveOf = function (E, question) {
    var fitting = (E.data.curves || []).filter(function (c) {
      return c.outcome === question.outcome && Object.keys(c.where).every(function (name) {
        var asked = question.where[name] || [];
        return asked.length && asked.every(function (value) { return c.where[name].indexOf(value) >= 0; });
      });
    });
    return fitting.sort(function (a, b) { return Object.keys(b.where).length - Object.keys(a.where).length; })[0] || null;
  };

  // The share of the analyses with a result below a value, from 0 to 1, read between the points of the curve.
  X.rankOf = function (curve, value) {
    var values = curve.values, last = values.length - 1, i;
    if (value <= values[0]) return 0;
    if (value >= values[last]) return 1;
    for (i = 1; values[i] < value; i += 1) ;
    return (i - 1 + (value - values[i - 1]) / (values[i] - values[i - 1])) / last;
  };

  // In words: where a value stands, for those who do not see the drawing too.
  X.standing = function (curve, value) {
    var W = X.words, rank = X.rankOf(curve, value), all = W.count(curve.analyses) + " defensible analyses of this question";
    var own = curve.own === null ? "" : " The book\u2019s own gives " + W.percent(curve.own) + ".";
    var range = "Of " + all + " results run from " + W.percent(curve.values[0]) + " to " + W.percent(curve.values[curve.values.length - 1]) + ".";
    if (value === null) return range + own + " Yours is not pooled, so it has no place among them.";
    var below = Math.round(100 * rank);
    var place = value < curve.values[0] ? "lies below all of them" : value > curve.values[curve.values.length - 1] ? "lies above all of them" :
      "stands above about " + below + " of 100 of them";
    return range + own + " Yours, " + W.percent(value) + ", " + place + ".";
  };

  // As marks for X.toSvg: the curve, the book's own as a hollow square, the reader's as a diamond.
  X.curveMarks = function (curve, value, room) {
    var width = room < 560 ? NARROW : WIDE, right = width - RIGHT, foot = HEIGHT - BELOW, marks = [], values = curve.values, last = Math.max(values.length - 1, 1);
    var shown = values.concat(curve.own === null ? [] : [curve.own], value === null ? [] : [value]);
    var axis = X.axis([Math.max.apply(null, shown)]);
    function x(rank) { return LEFT + (right - LEFT) * rank; }
    function y(share) { return foot - (foot - TOP) * (share - axis.from) / (axis.to - axis.from); }
    function line(x1, y1, x2, y2, tone, wide, dash) { marks.push({ kind: "line", x1: x1, y1: y1, x2: x2, y2: y2, tone: tone, wide: wide, dash: dash || null }); }
    function text(px, py, words, anchor) { marks.push({ kind: "text", x: px, y: py, text: words, anchor: anchor, tone: "muted", size: 12 }); }
    axis.ticks.forEach(function (tick) {
      line(LEFT, y(tick), right, y(tick), "rule", 1);
      text(LEFT - 6, y(tick) + 4, X.words.percent(tick), "end");
    });
    values.forEach(function (share, i) { if (i) line(x((i - 1) / last), y(values[i - 1]), x(i / last), y(share), "ink", 2); });
    if (curve.own !== null) marks.push({ kind: "rect", x: x(X.rankOf(curve, curve.own)) - 5, y: y(curve.own) - 5, w: 10, h: 10, tone: "ink", hollow: true });
    if (value !== null) {
      line(LEFT, y(value), right, y(value), "treated", 1, "4 3");
      var at = x(X.rankOf(curve, value)), high = y(value);
      marks.push({ kind: "shape", points: [[at - 7, high], [at, high - 7], [at + 7, high], [at, high + 7]], tone: "treated" });
    }
    text((LEFT + right) / 2, HEIGHT - 8, "analyses, by their result", "middle");
    return { width: width, height: HEIGHT, marks: marks };
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
