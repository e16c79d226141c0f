// Searches the documentation. An index of all pages (search-index.js) is cut into terms once; a query is compared with titles,
// keywords, headings and text by BM25 with weights (BM25F). Codes such as 552 and 5.7.26 are terms of their own.
"use strict";

const Search = (() => {
  const WEIGHTS = [9, 10, 3, 1]; // title, keywords, headings, text
  const EVEN = [0.6, 0, 0.6, 0.75]; // how far the length of each counts: not that of keywords, which are chosen
  const SATURATED = 2.5;
  const SIMILAR = 0.5; // what a word of the same meaning counts beside the word itself
  const GUESSED = 0.45; // the same of a word that only begins alike, or has one other letter
  const KINDS = [1, 0.7, 0.6]; // what a page counts: of a guide; of a code, where none is asked for; of a service that is not named
  const STOP = new Set(("a about am an and any are as at be been but by can could do does doing done for from get gets getting go "
    + "had has have how i if in into is it its me mean means must my need not of on or our please should so some that the their them "
    + "then there these this to us use using want was we what when where which who why will with without would you your").split(" "));

  const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

  // Light English endings: both sides of the comparison lose them, so that a wrong stem does no harm.
  function stem(word) {
    if (/\d/.test(word) || word.length < 4) return word;
    let found = word;
    if (/ies$/.test(found)) found = found.slice(0, -3) + "y";
    else if (/(ss|x|ch|sh)es$/.test(found)) found = found.slice(0, -2);
    else if (/[^su]s$/.test(found)) found = found.slice(0, -1);
    const cut = found.replace(/(ing|ed)$/, "");
    if (cut !== found && cut.length > 2 && /[aeiouy]/.test(cut)) found = cut.replace(/([bdfgmnprt])\1$/, "$1");
    return found.length > 4 ? found.replace(/e$/, "") : found;
  }

  // Words, and codes as a whole. A name such as bounce_type or site-packages counts as a whole and by its parts.
  function terms(text) {
    const found = [];
    for (const [word] of fold(text).matchAll(/[\p{L}\p{N}]+(?:[._#'’][\p{L}\p{N}]+)*/gu)) {
      const parts = word.split(/[._#'’]/);
      if (parts.length === 1) found.push(stem(word));
      else if (parts.every((part) => /^[\dx]+$/.test(part))) found.push(word);
      else {
        found.push(parts.join(""), ...parts.filter((part) => part.length > 1).map(stem));
      }
    }
    return found;
  }

  // The phrases of the groups that stand in a list of terms, each as one term with blanks.
  function phrasesIn(list, byFirst) {
    const found = [];
    list.forEach((term, at) => {
      for (const phrase of byFirst.get(term) ?? []) {
        if (phrase.every((word, number) => list[at + number] === word)) found.push(phrase.join(" "));
      }
    });
    return found;
  }

  // Make the index of terms: for each its pages with the number of times in title, keywords, headings and text.
  function build(data) {
    const postings = new Map();
    const lengths = data.pages.map(() => [0, 0, 0, 0]);
    const same = data.same.map((group) => group.map((phrase) => terms(phrase)));
    const byFirst = new Map();
    for (const phrase of same.flat()) {
      if (phrase.length > 1) byFirst.set(phrase[0], [...(byFirst.get(phrase[0]) ?? []), phrase]);
    }
    const add = (page, field, text) => {
      const list = terms(text);
      lengths[page][field] += list.length;
      for (const term of [...list, ...phrasesIn(list, byFirst)]) {
        let pages = postings.get(term);
        if (!pages) postings.set(term, (pages = new Map()));
        let counts = pages.get(page);
        if (!counts) pages.set(page, (counts = [0, 0, 0, 0]));
        counts[field] += 1;
      }
    };
    data.pages.forEach(([, sections, keywords], page) => {
      sections.forEach(([, heading, text], number) => {
        add(page, number ? 2 : 0, heading);
        add(page, 3, text);
      });
      keywords.forEach((keyword) => add(page, 1, keyword));
    });
    const mean = WEIGHTS.map((_, field) => lengths.reduce((sum, one) => sum + one[field], 0) / lengths.length || 1);
    return { pages: data.pages, postings, lengths, mean, same };
  }

  // One slot for each word or known phrase of the query, with what counts as it: [terms, all on a page; weight]. A word such as "of" counts
  // in a phrase only.
  function slots(index, query, typing) {
    const list = terms(query);
    const found = [];
    const plain = [];
    for (let at = 0; at < list.length; ) {
      const [length, others] = similar(index, list, at);
      const own = list.slice(at, at + length);
      const options = [[[own.join(" ")], 1], ...others.map((phrase) => [[phrase.join(" ")], SIMILAR])];
      if (length > 1) options.push([own.filter((word) => !STOP.has(word)), SIMILAR]);
      if (length === 1) options.push(...guesses(index, own[0], typing && at === list.length - 1));
      (length === 1 && STOP.has(own[0]) ? plain : found).push(options);
      at += length;
    }
    return found.length ? found : plain;
  }

  // The longest phrase at a place of the query that has others of the same meaning, and these.
  function similar(index, list, at) {
    let longest = 1;
    let others = [];
    for (const group of index.same) {
      for (const phrase of group) {
        const here = phrase.length && phrase.every((word, number) => list[at + number] === word);
        if (here && phrase.length >= longest) {
          if (phrase.length > longest) others = [];
          longest = phrase.length;
          others.push(...group.filter((other) => other !== phrase));
        }
      }
    }
    return [longest, others];
  }

  // For a word that no page has, or that is still being typed: words that begin so, or that differ in one letter.
  function guesses(index, word, typing) {
    if (index.postings.has(word) && !typing) return [];
    const found = [];
    for (const term of index.postings.keys()) {
      if (term === word) continue;
      if (word.length > 2 && term.startsWith(word)) found.push([[term], GUESSED]);
      else if (!index.postings.has(word) && word.length > 4 && !/\d/.test(word) && near(word, term)) found.push([[term], GUESSED]);
      if (found.length >= 50) break;
    }
    return found;
  }

  function near(one, other) {
    if (Math.abs(one.length - other.length) > 1) return false;
    let left = 0;
    while (left < one.length && one[left] === other[left]) left += 1;
    let right = 0;
    while (right < Math.min(one.length, other.length) - left && one.at(-1 - right) === other.at(-1 - right)) right += 1;
    const [a, b] = [one.slice(left, one.length - right), other.slice(left, other.length - right)];
    return (a.length <= 1 && b.length <= 1) || (a.length === 2 && a[0] === b[1] && a[1] === b[0]);
  }

  // What a page gets for one term.
  function weigh(index, term) {
    const pages = index.postings.get(term);
    if (!pages) return new Map();
    const total = index.pages.length;
    const rare = Math.log(1 + (total - pages.size + 0.5) / (pages.size + 0.5));
    const found = new Map();
    for (const [page, counts] of pages) {
      let sum = 0;
      counts.forEach((count, field) => {
        const length = 1 - EVEN[field] + (EVEN[field] * index.lengths[page][field]) / index.mean[field];
        if (count) sum += (WEIGHTS[field] * count) / length;
      });
      found.set(page, (rare * sum) / (SATURATED + sum));
    }
    return found;
  }

  function best(index, options) {
    const found = new Map();
    for (const [phrase, weight] of options) {
      const each = phrase.map((term) => weigh(index, term));
      if (!each.length) continue;
      for (const [page] of each[0]) {
        if (!each.every((one) => one.has(page))) continue;
        const score = (weight * each.reduce((sum, one) => sum + one.get(page), 0)) / Math.sqrt(each.length);
        if (score > (found.get(page) ?? 0)) found.set(page, score);
      }
    }
    return found;
  }

  // Return the pages that fit, the best first: their number and what they scored.
  function find(index, query, typing = false) {
    const list = slots(index, query, typing);
    const scores = new Map();
    for (const options of list) {
      for (const [page, score] of best(index, options)) {
        const [sum, number] = scores.get(page) ?? [0, 0];
        scores.set(page, [sum + score, number + 1]);
      }
    }
    const coded = /\d/.test(query);
    const own = list.map(([[[first]]]) => index.postings.get(first));
    const isNamed = (page) => own.some((pages) => (pages?.get(page)?.[0] ?? 0) > 0); // a word of the query is in its title
    const weight = (page, kind) => ((kind === 1 ? coded : isNamed(page)) ? 1 : KINDS[kind]);
    return [...scores]
      .map(([page, [sum, number]]) => [page, weight(page, index.pages[page][3]) * sum * (number / list.length)])
      .sort((one, other) => other[1] - one[1] || one[0] - other[0]);
  }

  // The section of a page that fits best, and the words of it around the first hit.
  function place(index, page, query) {
    const looked = slots(index, query, false).flat().flatMap(([list]) => list.flatMap((term) => term.split(" ")));
    const wanted = new Set(looked.filter((term) => !STOP.has(term)));
    let found = [0, 0];
    index.pages[page][1].forEach(([, heading, text], number) => {
      const hits = (words) => new Set(terms(words).filter((term) => wanted.has(term))).size;
      const score = 3 * hits(heading) + hits(text);
      if (score > found[1]) found = [number, score];
    });
    const [anchor, heading, text] = index.pages[page][1][found[0]] ?? ["", "", ""];
    const words = text.split(" ");
    const at = Math.max(0, words.findIndex((word) => terms(word).some((term) => wanted.has(term))) - 6);
    const cut = words.slice(at, at + 32);
    const marked = cut.map((word) => [word, terms(word).some((term) => wanted.has(term))]);
    return { anchor, heading, isTop: found[0] === 0, marked, before: at > 0, after: at + 32 < words.length };
  }

  return { build, find, place, terms };
})();

if (typeof document !== "undefined" && document.getElementById("site-search")) {
  const MOST = 20;
  const root = document.documentElement.dataset.content_root ?? "./";
  const form = document.getElementById("site-search");
  const field = document.getElementById("site-search-query");
  const said = document.getElementById("site-search-said");
  const list = document.getElementById("site-search-found");
  const index = Search.build(window.SEARCH_INDEX);

  const make = (name, className, ...children) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  };

  const link = (href, text) => {
    const made = make("a", "", text);
    made.setAttribute("href", root + href);
    return made;
  };

  const row = (page, query) => {
    const [uri, sections] = index.pages[page];
    const { anchor, heading, isTop, marked, before, after } = Search.place(index, page, query);
    const text = make("span", "where", before ? "... " : "");
    for (const [word, isHit] of marked) text.append(isHit ? make("mark", "", word) : word, " ");
    if (after) text.append("...");
    const made = make("li", "", link(uri, sections[0]?.[1] ?? uri));
    if (!isTop) made.append(" ", make("span", "section", "› ", link(`${uri}#${anchor}`, heading)));
    made.append(text);
    return made;
  };

  const show = (typing) => {
    const query = field.value.trim();
    const found = query ? Search.find(index, query, typing) : [];
    list.replaceChildren(...found.slice(0, MOST).map(([page]) => row(page, query)));
    const pages = found.length === 1 ? "1 page" : `${found.length} pages`;
    said.textContent = !query ? "" : found.length ? `${pages}, the best first` : `Nothing was found for "${query}".`;
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
    show(false);
  });
  field.addEventListener("input", () => show(true));
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  show(false);
  field.focus();
}

if (typeof module !== "undefined") module.exports = Search;
