(() => {
"use strict";
const root = document.documentElement;
root.classList.add("js");
const data = JSON.parse(document.getElementById("data").textContent);
const narrow = matchMedia("(max-width: 680px)"), paper = matchMedia("print");
const colour = name => getComputedStyle(root).getPropertyValue("--" + name).trim();
const percent = value => value == null ? "–" : (value * 100).toFixed(value < 0.1 ? 2 : 1) + " %";
const whole = value => value == null ? "–" : value.toLocaleString("en");
const make = (tag, given, ...inside) => {
  const element = Object.assign(document.createElement(tag), given);
  element.append(...inside);
  return element;
};
let charts = [];
let folded = null; // what was folded before the page went to paper

/* Charts: one step for each bin, so that hours, days and months look alike; drawn anew when the colours change. */
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const STEPS = {hour: [1, 2, 3, 6, 12, 24], day: [1, 2, 7, 14, 28], week: [1, 2, 4, 13, 26], month: [1, 2, 3, 6, 12, 60], year: [1, 5, 10, 20, 50]};
const bins = Math.max(data.times.length - 1, 0);
const places = Array.from({length: bins}, (_, index) => index);
const time = index => new Date(data.times[index] * 1e3);
/* What a tick is counted from, so that ticks stand at midnight, on Mondays and in January. */
const ordinal = {
  hour: index => time(index).getUTCHours(),
  day: index => Math.floor(data.times[index] / 86400) + 3,
  week: index => index,
  month: index => time(index).getUTCFullYear() * 12 + time(index).getUTCMonth(),
  year: index => time(index).getUTCFullYear(),
}[data.unit];

function ticks(plot) {
  const {min, max} = plot.scales.x;
  const most = Math.max(Math.floor(plot.bbox.width / devicePixelRatio / 64), 2);
  const shown = places.filter(index => index >= min && index <= max);
  const steps = STEPS[data.unit], step = steps.find(size => shown.length / size <= most) ?? steps.at(-1) * Math.ceil(shown.length / steps.at(-1) / most);
  const found = shown.filter(index => ordinal(index) % step === 0);
  return found.length ? found : shown.slice(0, 1);
}
function label(index, before) {
  const day = time(index), year = day.getUTCFullYear(), old = before == null ? null : time(before);
  const date = day.getUTCDate() + " " + MONTHS[day.getUTCMonth()];
  const below = (changed, text) => changed ? "\n" + text : "";
  if (data.unit === "hour") return String(day.getUTCHours()).padStart(2, "0") + ":00" + below(!old || old.getUTCDate() !== day.getUTCDate(), date);
  if (data.unit === "year") return String(year);
  return (data.unit === "month" ? MONTHS[day.getUTCMonth()] : date) + below(!old || old.getUTCFullYear() !== year, year);
}
const base = (place, height, scales, axis, series, more) => ({
  width: Math.max(place.clientWidth, 240), height,
  cursor: {y: false, points: {show: false}},
  scales: {x: {time: false, range: (_, low, high) => [low - 0.5, high + 0.5]}, ...scales},
  axes: [{stroke: colour("soft-ink"), grid: {show: false}, ticks: {stroke: colour("line")}, splits: ticks,
          values: (_, splits) => splits.map((index, at) => label(index, at ? splits[at - 1] : null))},
         {stroke: colour("soft-ink"), grid: {stroke: colour("line"), width: 1}, ticks: {show: false}, size: 56, ...axis}],
  series: [{label: data.unit[0].toUpperCase() + data.unit.slice(1), value: (_, index) => index == null ? "–" : data.labels[index]}, ...series],
  ...more,
});

function failures(place) {
  const kinds = [["soft", "Soft"], ["undetermined", "Undetermined"], ["hard", "Hard"]];
  const stacked = [];
  let below = places.map(() => 0);
  for (const [kind] of [...kinds].reverse()) {
    below = below.map((value, index) => value + data[kind][index]);
    stacked.unshift(below);
  }
  const bars = uPlot.paths.bars({size: [0.78, 46], align: 0});
  const series = kinds.map(([kind, name]) => ({
    label: name, stroke: colour(kind), fill: colour(kind), width: 0, paths: bars, points: {show: false},
    value: (_, value, __, index) => index == null ? "–" : whole(data[kind][index]),
  }));
  series.push({label: "Complaints", stroke: colour("ink"), width: 0, paths: () => null, points: {show: false},
    value: (_, value) => whole(value)});
  const options = base(place, 220, {y: {range: (_, low, high) => [0, Math.max(high * 1.08, 4)]}},
    {values: (_, splits) => splits.map(tick => Number.isInteger(tick) ? whole(tick) : "")}, series);
  return new uPlot(options, [places, ...stacked, data.complaints], place);
}

function rates(place) {
  const top = Math.max(...data.levels.slice(0, 2), ...data.rate.filter(value => value != null), 0) * 1.25;
  const lines = {hooks: {drawAxes: [plot => {
    const {ctx} = plot, {left, width} = plot.bbox;
    ctx.save();
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
    data.levels.forEach((level, index) => {
      if (level > top) return;
      const y = Math.round(plot.valToPos(level, "y", true));
      ctx.strokeStyle = ctx.fillStyle = colour(index ? "pause" : "watch");
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath(); ctx.moveTo(left, y); ctx.lineTo(left + width, y); ctx.stroke();
      ctx.fillText(+(level * 100).toFixed(2) + " %", left + width - 4, y - 3);
    });
    ctx.restore();
  }]}};
  const options = base(place, 200, {y: {range: () => [0, top]}}, {values: (_, splits) => splits.map(tick => +(tick * 100).toFixed(2) + " %")}, [
    {label: "Rate", stroke: colour("accent"), width: 2, points: {show: true, size: 6, fill: colour("accent")}, value: (_, value) => percent(value)},
    {label: "Low", stroke: "transparent", points: {show: false}, value: (_, value) => percent(value)},
    {label: "High", stroke: "transparent", points: {show: false}, value: (_, value) => percent(value)},
  ], {bands: [{series: [3, 2], fill: colour("accent") + "2b"}], plugins: [lines]});
  return new uPlot(options, [places, data.rate, data.low, data.high], place);
}

function draw() {
  charts.forEach(chart => chart.destroy());
  charts = [];
  for (const [id, make, there] of [["failures", failures, bins], ["rates", rates, data.rate.some(value => value != null)]]) {
    const figure = document.getElementById(id);
    if (!figure || !there) continue;
    figure.hidden = false;
    charts.push(make(figure.querySelector(".chart")));
  }
}
draw();
const fit = () => charts.forEach(chart => {
  const width = Math.max(chart.root.parentElement.clientWidth, 240);
  if (Math.abs(width - chart.width) > 1) chart.setSize({width, height: chart.height});
});
new ResizeObserver(fit).observe(document.querySelector("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

/* The theme: as the system has it, light, dark. */
const button = document.getElementById("theme");
const themes = ["auto", "light", "dark"];
let theme = 0;
button.addEventListener("click", () => {
  theme = (theme + 1) % themes.length;
  button.textContent = "Theme: " + themes[theme];
  setTheme();
});
function setTheme() {
  if (theme) root.dataset.theme = themes[theme]; else delete root.dataset.theme;
  draw();
}

/* A file made in the page: nothing is sent or loaded. */
function save(name, text, type) {
  const link = make("a", {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
}

/* Tables: a click on a head sorts by it, another one turns the order round; a filter, pages, and a download. */
const FEW = 8, ON_PAPER = 25;
const NEARLY = 2; // a page is not turned for so few rows
const perPage = () => folded ? ON_PAPER : narrow.matches ? 5 : 10;
const plain = cell => cell.textContent.trim();
const value = cell => cell.dataset.v === undefined ? plain(cell).toLowerCase() : +cell.dataset.v;
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const cellText = cell => {
  if (cell.querySelector(".none")) return "";
  if (cell.classList.contains("number")) return cell.dataset.v ?? plain(cell);
  const text = plain(cell);
  return FORMULA.test(text) ? "'" + text : text;
};
const quoted = text => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
const tables = new Map();

function setUp(table) {
  const name = table.dataset.name, body = table.tBodies[0], box = table.closest(".scroll");
  let rows = [...body.rows], found = rows, first = 0;
  const texts = new Map();
  const fits = (row, words) => {
    if (!texts.has(row)) texts.set(row, [row.textContent.toLowerCase(), new Set((row.dataset.k || "").toLowerCase().split(" "))]);
    const [text, keys] = texts.get(row);
    return words.every(word => word.length > 1 && word[0] === "=" ? keys.has(word.slice(1)) : text.includes(word));
  };
  const input = make("input", {type: "search", placeholder: "a word …", autocomplete: "off", spellcheck: false});
  input.dataset.for = name;
  const output = make("output"), place = make("span"), note = make("p", {className: "more"});
  const back = make("button", {type: "button", textContent: "‹ Back"}), on = make("button", {type: "button", textContent: "More ›"});
  const csv = make("button", {type: "button", textContent: "CSV", title: "Save these rows as a file for a spreadsheet"});
  back.setAttribute("aria-label", "‹ Back: " + table.caption.textContent);
  on.setAttribute("aria-label", "More ›: " + table.caption.textContent);
  csv.setAttribute("aria-label", "CSV: save " + table.caption.textContent);

  function show() {
    const size = rows.length <= perPage() + NEARLY ? rows.length : perPage(), last = Math.min(first + size, found.length);
    const seen = new Set(found.slice(first, last));
    for (const row of rows) row.hidden = !seen.has(row);
    back.hidden = on.hidden = place.hidden = found.length <= size && rows.length <= size;
    back.disabled = !first;
    on.disabled = last >= found.length;
    note.hidden = !folded || found.length <= size;
    note.textContent = "These are the first " + size + " of " + whole(found.length) + " rows.";
    place.textContent = found.length ? whole(first + 1) + "–" + whole(last) + " of " + whole(found.length) : "none";
  }
  function filter(words) {
    found = words.length ? rows.filter(row => fits(row, words)) : rows;
    output.textContent = words.length ? whole(found.length) + " of " + whole(rows.length) : "";
    first = 0;
    show();
  }
  const words = () => input.value.toLowerCase().split(/\s+/).filter(Boolean);
  input.addEventListener("input", () => filter(words()));
  back.addEventListener("click", () => { first = Math.max(first - perPage(), 0); show(); });
  on.addEventListener("click", () => { first += perPage(); show(); });
  csv.addEventListener("click", () => {
    const heads = [...table.tHead.rows[0].cells].map(plain);
    const lines = [heads, ...found.map(row => [...row.cells].map(cellText))];
    save(name + ".csv", "\ufeff" + lines.map(cells => cells.map(quoted).join(",") + "\r\n").join(""), "text/csv");
  });
  table.tHead.addEventListener("click", event => {
    const own = event.target.closest("th");
    if (!own || !rows.length) return;
    const index = own.cellIndex, numeric = typeof value(rows[0].cells[index]) === "number";
    const before = own.getAttribute("aria-sort");
    const sign = (before ? before === "ascending" : numeric) ? -1 : 1;
    for (const other of own.parentElement.cells) other.removeAttribute("aria-sort");
    own.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const keyed = rows.map((row, at) => ({row, at, key: value(row.cells[index])}));
    keyed.sort((one, other) => sign * (numeric ? one.key - other.key : one.key.localeCompare(other.key)) || one.at - other.at);
    rows = keyed.map(({row}) => row);
    body.append(...rows);
    filter(words());
  });

  const isShort = rows.length < FEW;
  const tools = make("div", {className: isShort ? "tools short" : "tools"});
  if (rows.length >= FEW) tools.append(make("label", {}, "Filter", input), output);
  tools.append(make("span", {className: "grow"}), place, back, on, csv);
  box.before(tools);
  box.after(note);
  show();
  tables.set(name, {show: () => { first = 0; show(); }, find: text => { input.value = text; filter(words()); return rows.length >= FEW ? input : table; }});
}
document.querySelectorAll("table[data-name]").forEach(setUp);
const showAll = () => tables.forEach(one => one.show());
narrow.addEventListener("change", showAll);

/* Links: into a folded section, and from a number to the replies behind it. */
const unfold = target => {
  for (let one = target; one; one = one.parentElement) {
    if (one.matches("details")) one.open = true;
    if (one.matches("section")) one.querySelector("details").open = true;
  }
};
const arrive = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && !target.matches(".todo")) unfold(target);
};
addEventListener("hashchange", arrive);
arrive();
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  const target = document.getElementById(link.getAttribute("href").slice(1));
  if (target && !target.matches(".todo")) unfold(target);
  if (!link.dataset.find || !target) return;
  event.preventDefault();
  history.pushState(null, "", link.hash);
  target.scrollIntoView();
  tables.get("replies")?.find(link.dataset.find).focus({preventScroll: true});
});

/* Addresses that the page was given. */
document.querySelectorAll("pre[data-file]").forEach(list => {
  const lines = list.textContent, many = lines.split("\n").length;
  const download = make("button", {type: "button", textContent: "Download " + whole(many) + (many === 1 ? " address" : " addresses")});
  const copy = make("button", {type: "button", textContent: "Copy"});
  copy.setAttribute("aria-label", "Copy the addresses of " + list.dataset.file);
  download.addEventListener("click", () => save(list.dataset.file, lines + "\n", "text/plain"));
  copy.addEventListener("click", () => navigator.clipboard?.writeText(lines + "\n").then(() => { copy.textContent = "Copied"; }, () => {}));
  list.closest(".addresses").before(make("div", {className: "row"}, download, ...(navigator.clipboard ? [copy] : [])));
});

/* Paper is white whatever the screen is, and nothing on it is folded; long tables show their first rows. */
function toPaper() {
  if (folded) return;
  folded = [...document.querySelectorAll("main details:not([open]):not(.addresses)")];
  folded.forEach(one => { one.open = true; });
  root.dataset.theme = "light";
  showAll();
  draw();
}
function fromPaper() {
  if (!folded) return;
  folded.forEach(one => { one.open = false; });
  folded = null;
  showAll();
  setTheme();
}
paper.addEventListener("change", () => paper.matches ? toPaper() : fromPaper());
addEventListener("beforeprint", toPaper);
addEventListener("afterprint", fromPaper);
document.getElementById("print").addEventListener("click", () => print());
})();
