// A forest plot as a list of marks, drawn as SVG for the page and for files, or on a canvas for a picture. Marks hold numbers and
// text only, so that nothing from the data can become markup; and a picture needs no image from another source.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};
  var SVG = "http://www.w3.org/2000/svg", FONT = "DejaVu Sans, Verdana, Arial, sans-serif";
  // Okabe and Ito, each colour with the one meaning that it has in the book (display/figures/style.py).
  var TONES = {
    ink: "#1b1b1f", muted: "#5f6368", rule: "#c8ccd0", treated: "#0072b2", natural: "#009e73", prediction: "#cc79a7", harm: "#b35900", ground: "#ffffff"
  };
  var ROW = 22, NARROW_ROW = 40, HEAD = 30, DIAMOND = 8;
  // On a phone, as in display/figures/forest_narrow.py: the name over its interval, the share beside the name, the counts beside the interval.
  var NARROW = 312, SIGN = 7.9, TEXT = 12, NARROW_TEXT = 13, SHARE = 128;

  // What a row says and where it stands: shares with their counts, and points of a score (X.pointsLook). `value` and `ends` place a row of a study.
  var SHARES = {
    heading: "Share (95% CI)", narrowHeading: "Share (95% CI), events/n", countHeading: "Events/n", wide: SHARE, prediction: "A new study (95% prediction)",
    count: function (r) { return r.events + "/" + r.n; }, value: function (r) { return r.events / r.n; }, ends: function (r) { return X.exactInterval(r.events, r.n, 0.95); },
    words: function (value, low, high) { return X.words.percent(value) + " (" + X.words.percentNumber(low) + " to " + X.words.percentNumber(high) + ")"; },
    tick: function (value) { return X.words.percent(value); }
  };
  X.pointsLook = function (unit, level) {
    return {
      heading: unit + " (" + level + " CI)", narrowHeading: unit + " (" + level + " CI), people", countHeading: "People", wide: 168, prediction: "A new study (" + level + " prediction)", none: 0,
      count: function (r) { return r.piLow !== undefined || r.people === null ? "" : String(r.people); }, value: function (r) { return r.value; }, ends: function (r) { return [r.low, r.high]; },
      words: function (value, low, high) { return X.amount(value) + " (" + X.amount(low) + " to " + X.amount(high) + ")"; },
      tick: function (value) { return String(Number(value.toPrecision(6))).replace("-", "\u2212"); }
    };
  };
  function cut(text, most) { return text.length > most ? text.slice(0, most - 1) + "\u2026" : text; }

  // rows: [{name, events, n, off}] to draw, or what `look` knows; rest: how many more are counted; pooled; natural; harm; width in pixels.
  X.forest = function (view) {
    var look = view.look || SHARES, SHARE = look.wide, shown = look.count, narrow = view.width < 560, width = narrow ? NARROW : 720, row = narrow ? NARROW_ROW : ROW, marks = [];
    var counts = Math.max.apply(null, view.rows.concat(view.pooled || []).map(function (r) { return shown(r).length; }).concat(8));
    // Wide: names at the left, then the plot, counts and shares, each column as wide as its longest words.
    var names = view.rows.map(function (r) { return r.name.length; }).concat(view.pooled && view.pooled.piLow !== null ? 26 : 14);
    var sign = SIGN * TEXT / NARROW_TEXT, left = narrow ? 8 : Math.min(Math.max.apply(null, names), 32) * sign + 12, beside = SIGN * counts, right = narrow ? width - 16 - beside : width - SHARE - beside - 26, span = right - left;
    var tone = view.harm ? "harm" : "treated", largest = 0, top = HEAD, y = top, i;
    function at(share) { return left + span * (share - view.from) / (view.to - view.from); }
    function inside(share) { return Math.min(Math.max(share, view.from), view.to); }
    function text(x, yy, words, how) { marks.push(Object.assign({ kind: "text", x: x, y: yy, text: words, anchor: "start", tone: "ink", size: narrow ? NARROW_TEXT : TEXT }, how)); }
    function line(x1, y1, x2, y2, colour, wide, dash) { marks.push({ kind: "line", x1: x1, y1: y1, x2: x2, y2: y2, tone: colour, wide: wide || 1, dash: dash || null }); }

    // A line through all rows; where names stand over intervals it leaves the names out.
    function upright(x, from, to, colour, wide, dash) {
      if (!narrow) return line(x, from, x, to, colour, wide, dash);
      for (var band = top; band + row <= foot; band += row) line(x, band + 18, x, band + 38, colour, wide, dash);
      if (to > foot) line(x, foot + 18, x, to, colour, wide, dash);
    }
    // A row of words: name and share, and the counts under the share; in a wide drawing all side by side.
    function describe(name, count, share, yy, middle, how) {
      var ends = Object.assign({}, how, { anchor: "end", struck: false });
      text(0, narrow ? yy + 13 : middle + 4, narrow ? cut(name, Math.floor((width - SIGN * share.length - 8) / SIGN)) : cut(name, 32), how);
      text(width, narrow ? yy + 13 : middle + 4, share, ends);
      text(narrow ? width : width - SHARE - 12, middle + 4, count, narrow ? Object.assign({}, ends, { tone: "muted", weight: null }) : ends);
    }

    view.rows.forEach(function (r) { largest = Math.max(largest, r.weight || 0); });
    var body = y + view.rows.length * row, more = view.rest > 0 ? row : 0, foot = body + more + 8;
    var height = foot + (view.pooled ? row + (view.pooled.piLow !== null ? 16 : 0) : 0) + 52;
    if (view.natural) {
      var n0 = at(inside(view.natural.values[1])), n1 = at(inside(view.natural.values[2]));
      marks.push({ kind: "rect", x: n0, y: top - 6, w: Math.max(n1 - n0, 1), h: height - top - 40, tone: "natural", faint: true });
      upright(at(view.natural.values[0]), top - 6, height - 46, "natural", 1.5, "4 3");
    }
    text(0, 16, "Study", { weight: "bold" });
    text(width, 16, narrow ? look.narrowHeading : look.heading, { anchor: "end", weight: "bold" });
    if (!narrow) text(width - SHARE - 12, 16, look.countHeading, { anchor: "end", weight: "bold" });
    if (look.none !== undefined) upright(at(look.none), top - 6, height - 46, "muted");
    view.rows.forEach(function (r) {
      var ends = look.ends(r), share = look.value(r);
      var middle = narrow ? y + 28 : y + row / 2, interval = look.words(share, ends[0], ends[1]);
      var colour = r.off ? "muted" : "ink";
      describe(r.name, shown(r), interval, y, middle, { tone: colour, struck: r.off });
      line(at(inside(ends[0])), middle, at(inside(ends[1])), middle, r.off ? "rule" : tone, 1.5);
      var side = r.off ? 6 : 4 + 8 * Math.sqrt((r.weight || 0) / (largest || 1));
      if (share <= view.to) marks.push({ kind: "rect", x: at(share) - side / 2, y: middle - side / 2, w: side, h: side, tone: r.off ? "rule" : tone, hollow: r.off });
      y += row;
    });
    if (more) text(0, y + 15, "and " + X.words.studies(view.rest) + " more, counted but not drawn", { tone: "muted" });
    y = foot;
    line(left, y - 4, right, y - 4, "rule");
    if (view.pooled) {
      var p = view.pooled, mid = narrow ? y + 28 : y + row / 2, a = at(inside(p.low)), b = at(inside(p.high)), m = at(inside(p.estimate));
      var pooledText = look.words(p.estimate, p.low, p.high);
      var name = p.k === 1 ? "One study" : "All " + p.k + " pooled";
      describe(name, shown(p), pooledText, y, mid, { weight: "bold" });
      marks.push({ kind: "shape", points: [[a, mid], [m, mid - DIAMOND], [Math.max(b, a + 1), mid], [m, mid + DIAMOND]], tone: tone });
      upright(m, top - 6, foot - 4, tone, 1, "2 3");
      y += row;
      if (p.piLow !== null) {
        marks.push({ kind: "rect", x: at(inside(p.piLow)), y: y + 2, w: Math.max(at(inside(p.piHigh)) - at(inside(p.piLow)), 1), h: 6, tone: "prediction" });
        if (narrow) text(width, y + 9, "a new study", { tone: "muted", anchor: "end" });
        else text(0, y + 9, look.prediction, { tone: "muted", size: 11 });
        y += 16;
      }
    }
    y += 10;
    line(left, y, right, y, "muted");
    view.ticks.forEach(function (tick) {
      line(at(tick), y, at(tick), y + 4, "muted");
      text(at(tick), y + 17, look.tick(tick), { anchor: tick === view.from && narrow ? "start" : "middle", size: narrow ? NARROW_TEXT : 11, tone: "muted" });
    });
    return { width: width, height: y + 24, marks: marks };
  };

  // A drawing for a file, which stands alone: its title above, what it shows and where it comes from below, and a margin around.
  X.framed = function (drawing, words) {
    var margin = 18, width = drawing.width + 2 * margin, y = margin, marks = [];
    function write(texts, size, look) {
      texts.forEach(function (text) {
        X.lines(text, Math.floor(drawing.width / (size * 0.61))).forEach(function (line) {
          y += size * 1.4;
          marks.push(Object.assign({ kind: "text", x: margin, y: y, text: line, anchor: "start", tone: "ink", size: size }, look));
        });
      });
    }
    write([words.title], 17, { weight: "bold" });
    var top = y + 14;
    drawing.marks.forEach(function (mark) {
      var moved = Object.assign({}, mark);
      ["x", "x1", "x2"].forEach(function (name) { if (name in mark) moved[name] = mark[name] + margin; });
      ["y", "y1", "y2"].forEach(function (name) { if (name in mark) moved[name] = mark[name] + top; });
      if (mark.points) moved.points = mark.points.map(function (p) { return [p[0] + margin, p[1] + top]; });
      marks.push(moved);
    });
    y = top + drawing.height + 2;
    write(words.notes, 12, { tone: "muted" });
    return { width: width, height: y + margin, marks: marks };
  };

  // A text in lines of at most so many signs; a word is never broken unless it is longer than a line.
  X.lines = function (text, most) {
    var lines = [""];
    text.split(/\s+/).forEach(function (word) {
      var last = lines[lines.length - 1], longer = last ? last + " " + word : word;
      if (last && longer.length > most) lines.push(word); else lines[lines.length - 1] = longer;
    });
    return lines;
  };

  // The axis: from 0 to a round share above all that must be seen.
  X.axis = function (values) {
    var most = Math.max.apply(null, values.concat([0.001])), steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25], to = 1, step = 0.25;
    for (var i = 0; i < steps.length; i++) {
      var ends = Math.ceil(most / steps[i] - 1e-9);
      if (ends <= 5) { step = steps[i]; to = Math.min(1, ends * step); break; }
    }
    var ticks = [];
    for (var k = 0; k * step <= to + 1e-9; k++) ticks.push(Number((k * step).toFixed(6)));
    return { from: 0, to: to, ticks: ticks };
  };

  // The axis of numbers that may lie on both sides of zero: round ends around all that must be seen.
  X.spanAxis = function (values) {
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values), wide = high - low || 1, step = Math.pow(10, Math.floor(Math.log(wide) / Math.LN10));
    [0.2, 0.5, 1, 2].some(function (part) {
      if (Math.ceil(high / (step * part)) - Math.floor(low / (step * part)) > 6) return false;
      step *= part;
      return true;
    });
    var from = Math.floor(low / step + 1e-9), to = Math.ceil(high / step - 1e-9), ticks = [];
    if (from === to) to++;
    for (var k = from; k <= to; k++) ticks.push(Number((k * step).toPrecision(12)));
    return { from: from * step, to: to * step, ticks: ticks };
  };

  function element(document, name, attributes) {
    var node = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { if (attributes[key] !== null) node.setAttribute(key, attributes[key]); });
    return node;
  }
  function round(value) { return Math.round(value * 100) / 100; }

  // As SVG. On the page colours come from classes, so that they follow light and dark; in a file they are written out.
  X.toSvg = function (document, drawing, look) {
    var svg = element(document, "svg", { viewBox: "0 0 " + drawing.width + " " + round(drawing.height), role: "img", "aria-label": look.label });
    if (look.file) {
      svg.setAttribute("xmlns", SVG);
      svg.setAttribute("width", drawing.width); svg.setAttribute("height", round(drawing.height));
      svg.setAttribute("font-family", FONT);
      svg.appendChild(element(document, "title", {})).textContent = look.label;
      svg.appendChild(element(document, "rect", { width: "100%", height: "100%", fill: TONES.ground }));
    }
    function coloured(node, mark, how) {
      if (look.file) node.setAttribute(how, TONES[mark.tone]); else node.setAttribute("class", "cbx-" + how + "-" + mark.tone);
      return node;
    }
    drawing.marks.forEach(function (mark) {
      var node;
      if (mark.kind === "text") {
        node = element(document, "text", {
          x: round(mark.x), y: round(mark.y), "text-anchor": mark.anchor, "font-size": mark.size, "font-weight": mark.weight || null,
          "text-decoration": mark.struck ? "line-through" : null
        });
        node.textContent = mark.text;
        coloured(node, mark, "fill");
      } else if (mark.kind === "line") {
        node = coloured(element(document, "line", {
          x1: round(mark.x1), y1: round(mark.y1), x2: round(mark.x2), y2: round(mark.y2), "stroke-width": mark.wide, "stroke-dasharray": mark.dash
        }), mark, "stroke");
      } else if (mark.kind === "rect") {
        node = element(document, "rect", { x: round(mark.x), y: round(mark.y), width: round(mark.w), height: round(mark.h), "fill-opacity": mark.faint ? 0.18 : null });
        coloured(node, mark, mark.hollow ? "stroke" : "fill");
        if (mark.hollow) node.setAttribute("fill-opacity", 0);
      } else {
        node = coloured(element(document, "polygon", { points: mark.points.map(function (p) { return round(p[0]) + "," + round(p[1]); }).join(" ") }), mark, "fill");
      }
      svg.appendChild(node);
    });
    return svg;
  };

  // On a canvas, for a picture file: drawn mark by mark.
  X.toCanvas = function (canvas, drawing, scale) {
    canvas.width = Math.round(drawing.width * scale); canvas.height = Math.round(drawing.height * scale);
    var pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = TONES.ground; pen.fillRect(0, 0, drawing.width, drawing.height);
    drawing.marks.forEach(function (mark) {
      pen.globalAlpha = mark.faint ? 0.18 : 1;
      pen.fillStyle = pen.strokeStyle = TONES[mark.tone];
      if (mark.kind === "text") {
        pen.font = (mark.weight ? mark.weight + " " : "") + mark.size + "px " + FONT;
        pen.textAlign = mark.anchor === "middle" ? "center" : mark.anchor;
        pen.fillText(mark.text, mark.x, mark.y);
        if (mark.struck) pen.fillRect(mark.x - (mark.anchor === "end" ? pen.measureText(mark.text).width : 0), mark.y - 4, pen.measureText(mark.text).width, 1);
      } else if (mark.kind === "line") {
        pen.lineWidth = mark.wide;
        pen.setLineDash(mark.dash ? mark.dash.split(" ").map(Number) : []);
        pen.beginPath(); pen.moveTo(mark.x1, mark.y1); pen.lineTo(mark.x2, mark.y2); pen.stroke();
      } else if (mark.kind === "rect") {
        pen.setLineDash([]); pen.lineWidth = 1;
        if (mark.hollow) pen.strokeRect(mark.x, mark.y, mark.w, mark.h); else pen.fillRect(mark.x, mark.y, mark.w, mark.h);
      } else {
        pen.beginPath();
        mark.points.forEach(function (p, i) { if (i) pen.lineTo(p[0], p[1]); else pen.moveTo(p[0], p[1]); });
        pen.closePath(); pen.fill();
      }
    });
    return canvas;
  };
  if (typeof module !== "undefined") module.exports = X;
}(typeof globalThis !== "undefined" ? globalThis : this));
