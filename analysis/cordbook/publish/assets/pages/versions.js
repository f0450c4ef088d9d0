// Where several versions of the book stand side by side, a switch; in an old one a note that a newer one exists.
// The file versions.js at the root of each copy calls this; in a book that stands alone it is empty.
window.cordbookVersions = function (book) {
  "use strict";

  function element(tag, className, parts) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    (parts || []).forEach(function (part) { made.append(part); });
    return made;
  }

  function inWords(date) {
    var names = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    var parts = date.split("-").map(Number);
    return parts[2] + " " + names[parts[1] - 1] + " " + parts[0];
  }

  function show() {
    var root = new URL(document.documentElement.dataset.content_root || "./", location.href);
    var page = decodeURI(location.pathname.slice(root.pathname.length)) || "index.html";
    var newest = book.versions[0];
    var here = book.versions.find(function (one) { return one.version === book.here; });
    var article = document.querySelector("article.bd-article") || document.querySelector("main");
    if (!here || !article || book.versions.length < 2) return;

    function has(one) { return one.absent.indexOf(page) < 0; }
    function link(one, text) {
      var made = element("a", "", [text]);
      made.href = new URL(book.base + one.path + (has(one) ? page : "index.html"), root).href + (has(one) ? location.hash : "");
      return made;
    }

    var list = element("ul", "", book.versions.map(function (one) {
      var name = one.version + ", " + inWords(one.date) + (one === newest ? " (newest)" : "");
      if (one === here) {
        var current = element("span", "", [name]);
        current.setAttribute("aria-current", "true");
        return element("li", "", [current]);
      }
      return element("li", "", [link(one, name), has(one) ? "" : " (without this page)"]);
    }));
    var nav = element("nav", "cb-versions d-print-none", [
      element("details", "", [element("summary", "", ["Version " + here.version]), list])
    ]);
    nav.setAttribute("aria-label", "Versions of this book");
    var footer = document.querySelector(".bd-footer-content__inner");
    if (footer) footer.prepend(nav); else article.after(nav);

    if (here !== newest) {
      var elsewhere = has(newest)
        ? link(newest, "Go to this page in version " + newest.version)
        : element("span", "", ["It does not have this page. ", link(newest, "Go to version " + newest.version)]);
      var note = element("aside", "cb-version-old d-print-none", [
        element("p", "", ["This is version " + here.version + " of " + inWords(here.date) + ". A newer version exists. ", elsewhere, "."])
      ]);
      note.setAttribute("aria-label", "A newer version exists");
      article.before(note);
    }
    // An address within the page is followed with it.
    window.addEventListener("hashchange", function () {
      document.querySelectorAll(".cb-versions a, .cb-version-old a").forEach(function (a) {
        if (a.href.indexOf("index.html") < 0 || page === "index.html") a.href = a.href.split("#")[0] + location.hash;
      });
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
  else show();
};
