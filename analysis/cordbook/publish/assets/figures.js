// Download a figure: as SVG, as PNG drawn from it at the click, and its numbers as CSV. Without this script every figure stands whole.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const [INK, MUTED, GROUND] = ["#1b1b1f", "#5f6368", "#ffffff"];
  const FONT = "DejaVu Sans, Verdana, Arial, sans-serif";
  // Sizes in units of a drawing that is this wide; letters of a drawing are about 9 units high.
  const MARGIN = 12, TITLE = 13, NOTE = 9, LEADING = 1.45, SCALE = 3;

  const node = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };

  function lines(text, width, size) {
    const found = [""];
    for (const word of text.trim().split(/\s+/)) {
      const longer = found[found.length - 1] ? `${found[found.length - 1]} ${word}` : word;
      if (found[found.length - 1] && longer.length * size * 0.6 > width) found.push(word);
      else found[found.length - 1] = longer;
    }
    return found;
  }

  const words = (element) => {
    const copy = element.cloneNode(true);
    for (const link of copy.querySelectorAll(".cb-anchor")) link.remove();
    return copy.textContent.trim();
  };

  function source(figure) {
    const edition = document.querySelector('meta[name="cordbook:edition"]');
    const web = /^https?:$/.test(location.protocol) ? `${location.href.split("#")[0]}#${figure.id}` : `figure ${figure.id}`;
    return `Source: ${edition ? `${edition.content}, ` : ""}${web}`;
  }

  // The wide drawing, its colours written out, on white between its title and what is written under it.
  function whole(figure) {
    const drawn = figure.querySelector(".cb-figure-canvas svg").cloneNode(true);
    for (const part of [drawn, ...drawn.querySelectorAll("*")]) {
      for (const name of ["fill", "stroke"]) {
        const value = part.getAttribute(name);
        if (value) part.setAttribute(name, value.replace(/var\(--[\w-]+, *([^)]+)\)/g, "$1"));
      }
    }
    for (const link of drawn.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    const [, , width, height] = drawn.getAttribute("viewBox").split(/[ ,]+/).map(Number);
    const texts = [];
    let y = MARGIN;
    const write = (text, size, colour, weight) => {
      for (const line of lines(text, width, size)) {
        y += size * LEADING;
        texts.push(node("text", { x: MARGIN, y: y.toFixed(1), "font-size": `${size}px`, fill: colour, "font-weight": weight }, line));
      }
    };
    write(words(figure.querySelector(".cb-figure-title")), TITLE, INK, 700);
    drawn.setAttribute("x", MARGIN);
    drawn.setAttribute("y", (y + 8).toFixed(1));
    drawn.setAttribute("width", width);
    drawn.setAttribute("height", height);
    y += height + 10;
    write(words(figure.querySelector("figcaption")), NOTE, MUTED, 400);
    write(source(figure), NOTE, MUTED, 400);
    const [wide, tall] = [width + 2 * MARGIN, Math.ceil(y + MARGIN)];
    const outer = node("svg", { viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, "font-family": FONT });
    outer.append(node("rect", { width: wide, height: tall, fill: GROUND }), ...texts, drawn);
    return { text: `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(outer)}\n`, wide, tall };
  }

  function save(figure, ending, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${figure.id}.${ending}`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const asSvg = (figure) => save(figure, "svg", new Blob([whole(figure).text], { type: "image/svg+xml" }));

  function asPng(figure) {
    const { text, wide, tall } = whole(figure);
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [wide * SCALE, tall * SCALE];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(figure, "png", blob), "image/png");
    });
    // Not a blob: from the disk a drawing from a blob would not be read back.
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  function asCsv(figure) {
    const text = figure.querySelector("template").content.textContent;
    save(figure, "csv", new Blob([`\ufeff${text.replace(/\r?\n/g, "\r\n")}`], { type: "text/csv" }));
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const figure of document.querySelectorAll("figure.cb-figure")) {
      if (!figure.querySelector(".cb-figure-canvas svg")) continue;
      const bar = document.createElement("div");
      bar.className = "cb-tools";
      const kinds = [["SVG", asSvg], ["PNG", asPng]];
      if (figure.querySelector("template")) kinds.push(["data (CSV)", asCsv]);
      bar.append("Download:");
      for (const [name, act] of kinds) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        button.setAttribute("aria-label", `Download ${name}: ${words(figure.querySelector(".cb-figure-title"))}`);
        button.addEventListener("click", () => act(figure));
        bar.append(button);
      }
      figure.append(bar);
    }
  });
})();
