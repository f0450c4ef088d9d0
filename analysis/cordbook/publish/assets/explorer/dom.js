// What the pages of the explorer make their parts of: DOM calls that set every text as text, copying, and saving to a file.
(function (root) {
  "use strict";
  var X = root.CordbookExplorer = root.CordbookExplorer || {};

  function put(node, children) {
    children.forEach(function (child) { if (child) node.appendChild(typeof child === "string" ? document.createTextNode(child) : child); });
    return node;
  }
  function el(name, attributes, children) {
    var node = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) {
      var value = attributes[key];
      if (value === null || value === undefined || value === false) return;
      if (key === "text") node.textContent = value;
      else if (key === "on") Object.keys(value).forEach(function (event) { node.addEventListener(event, value[event]); });
      else node.setAttribute(key, value === true ? "" : value);
    });
    return put(node, children || []);
  }
  function fill(node, children) {
    node.textContent = "";
    put(node, children);
  }
  function labelled(id, text, control) { return el("div", { class: "cbx-control" }, [el("label", { for: id, text: text }), control]); }
  function select(id, changed) { return el("select", { id: id, on: { change: function (event) { changed(event.target.value); } } }); }
  function button(id, text, pressed) { return el("button", { id: id, type: "button", text: text, on: { click: pressed } }); }
  // A small square in the colour of a mark, and what the mark is.
  function key(tone, text) {
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    svg.setAttribute("viewBox", "0 0 10 10"); svg.setAttribute("aria-hidden", "true"); svg.setAttribute("class", "cbx-key");
    box.setAttribute("width", "10"); box.setAttribute("height", "10"); box.setAttribute("class", tone);
    svg.appendChild(box);
    return el("span", {}, [svg, text]);
  }
  function facts(list, pairs) {
    fill(list, pairs.filter(Boolean).map(function (pair) { return el("div", {}, [el("dt", { text: pair[0] }), el("dd", { text: pair[1] })]); }));
  }

  // Copy a text and announce it; where the browser has no clipboard for the page, by a hidden field.
  function copy(text, done, announce) {
    function byHand() {
      var area = el("textarea", { class: "cbx-hidden", "aria-hidden": "true", tabindex: "-1" }), focused = document.activeElement;
      area.value = text;
      document.body.appendChild(area);
      area.select();
      var ok = false;
      try { ok = document.execCommand("copy"); } catch (e) { ok = false; }
      area.remove();
      if (focused) focused.focus();
      announce(ok ? done : "Copying is not allowed here; the address bar holds the link.");
    }
    if (root.navigator.clipboard && root.navigator.clipboard.writeText) {
      root.navigator.clipboard.writeText(text).then(function () { announce(done); }, byHand);
    } else byHand();
  }
  function saveBlob(name, blob) {
    var url = URL.createObjectURL(blob), link = el("a", { href: url, download: name });
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(url); }, 10000);
  }
  function fileName(id, ending) { return "cordbook-" + id.replace(/[^a-z0-9]+/gi, "-") + "." + ending; }

  // Buttons of a result: its link, its files, and its command with what shows it. `of` gives, when asked, {link, csv, drawing, label, id, announce}; `prefix` begins their ids.
  function tools(prefix, of) {
    var command = el("code", { id: prefix + "command-text" });
    var box = el("div", { class: "cbx-command", id: prefix + "command-box", hidden: true }, [
      el("p", { text: "In a checkout of this book, this prints the same numbers:" }), el("pre", { tabindex: "0", role: "region", "aria-label": "Command" }, [command]),
      button(prefix + "copy-command", "Copy the command", function () { copy(command.textContent, "The command is copied.", of.announce); })
    ]);
    var opener = button(prefix + "command", "Show the command", function () {
      var open = box.hidden;
      box.hidden = !open;
      opener.setAttribute("aria-expanded", String(open));
    });
    opener.setAttribute("aria-expanded", "false");
    opener.setAttribute("aria-controls", prefix + "command-box");
    var bar = el("div", { class: "cbx-tools" }, [
      button(prefix + "link", "Copy link", function () { copy(of.link(), "The link to this view is copied.", of.announce); }),
      button(prefix + "csv", "Download CSV", function () { saveBlob(fileName(of.id(), "csv"), new Blob([of.csv()], { type: "text/csv;charset=utf-8" })); }),
      button(prefix + "svg", "Download SVG", function () {
        var svg = X.toSvg(document, of.drawing(), { file: true, label: of.label() });
        saveBlob(fileName(of.id(), "svg"), new Blob(['<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(svg) + "\n"], { type: "image/svg+xml" }));
      }),
      button(prefix + "png", "Download PNG", function () {
        X.toCanvas(document.createElement("canvas"), of.drawing(), 2).toBlob(function (blob) { saveBlob(fileName(of.id(), "png"), blob); }, "image/png");
      }),
      opener
    ]);
    return { bar: bar, box: box, command: command };
  }

  X.dom = { el: el, fill: fill, labelled: labelled, select: select, button: button, key: key, facts: facts, tools: tools };
}(typeof globalThis !== "undefined" ? globalThis : this));
