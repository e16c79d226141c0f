(() => {
"use strict";
const root = document.documentElement;
root.classList.add("js");
const data = JSON.parse(document.getElementById("data").textContent);
const DAY = 86400;
const colour = name => getComputedStyle(root).getPropertyValue("--" + name).trim();
const percent = value => value == null ? "–" : (value * 100).toFixed(value < 0.1 ? 2 : 1) + " %";
const whole = value => value == null ? "–" : value.toLocaleString("en");
let charts = [];

/* Charts: drawn anew when the colours change; as wide as the place they stand in. */
const base = (place, height, scales, axes, series, more) => ({
  width: Math.max(place.clientWidth, 240), height,
  tzDate: seconds => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
  cursor: {y: false, points: {show: false}},
  scales: {x: {time: true, range: (_, low, high) => [low - DAY / 2, high + DAY / 2]}, ...scales},
  axes: [{stroke: colour("soft-ink"), grid: {show: false}, ticks: {stroke: colour("line")}, incrs: [1, 2, 7, 14, 30, 61, 182, 365].map(days => days * DAY),
          values: (_, ticks) => ticks.map((tick, index) => label(tick, index ? ticks[index - 1] : null)), space: 62},
         {stroke: colour("soft-ink"), grid: {stroke: colour("line"), width: 1}, ticks: {show: false}, size: 56, ...axes}],
  series: [{label: "Day", value: (_, seconds) => seconds == null ? "–" : new Date(seconds * 1e3).toISOString().slice(0, 10)}, ...series],
  ...more,
});
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
function label(seconds, before) {
  const day = new Date(seconds * 1e3), year = day.getUTCFullYear();
  const changed = before == null || new Date(before * 1e3).getUTCFullYear() !== year;
  return day.getUTCDate() + " " + MONTHS[day.getUTCMonth()] + (changed ? "\n" + year : "");
}

function failures(place) {
  const kinds = [["soft", "Soft"], ["undetermined", "Undetermined"], ["hard", "Hard"]];
  const stacked = [];
  let below = data.days.map(() => 0);
  for (const [kind] of [...kinds].reverse()) {
    below = below.map((value, index) => value + data[kind][index]);
    stacked.unshift(below);
  }
  const bars = uPlot.paths.bars({size: [0.72, 46], align: 0});
  const series = kinds.map(([kind, name]) => ({
    label: name, stroke: colour(kind), fill: colour(kind), width: 0, paths: bars, points: {show: false},
    value: (_, value, __, index) => index == null ? "–" : whole(data[kind][index]),
  }));
  series.push({label: "Complaints", stroke: colour("ink"), width: 0, paths: () => null, points: {show: false},
    value: (_, value) => whole(value)});
  const options = base(place, 240, {y: {range: (_, low, high) => [0, Math.max(high * 1.08, 4)]}},
    {values: (_, ticks) => ticks.map(tick => Number.isInteger(tick) ? whole(tick) : "")}, series);
  return new uPlot(options, [data.days, ...stacked, data.complaints], place);
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
  const options = base(place, 220, {y: {range: () => [0, top]}}, {values: (_, ticks) => ticks.map(tick => +(tick * 100).toFixed(2) + " %")}, [
    {label: "Rate", stroke: colour("accent"), width: 2, points: {show: true, size: 6, fill: colour("accent")}, value: (_, value) => percent(value)},
    {label: "Low", stroke: "transparent", points: {show: false}, value: (_, value) => percent(value)},
    {label: "High", stroke: "transparent", points: {show: false}, value: (_, value) => percent(value)},
  ], {bands: [{series: [3, 2], fill: colour("accent") + "2b"}], plugins: [lines]});
  return new uPlot(options, [data.days, data.rate, data.low, data.high], place);
}

function draw() {
  charts.forEach(chart => chart.destroy());
  charts = [];
  for (const [id, make, there] of [["failures", failures, data.days.length], ["rates", rates, data.rate.some(value => value != null)]]) {
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
matchMedia("print").addEventListener("change", draw);

/* Paper is white, whatever the screen is. */
addEventListener("beforeprint", () => { root.dataset.theme = "light"; draw(); });
addEventListener("afterprint", () => { setTheme(); });

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

/* Tables: a click on a head sorts by it, another one turns the order round. */
const value = cell => cell.dataset.v === undefined ? cell.textContent.toLowerCase() : +cell.dataset.v;
document.querySelectorAll("table[id] thead").forEach(head => {
  const body = head.parentElement.tBodies[0];
  head.addEventListener("click", event => {
    const own = event.target.closest("th");
    if (!own) return;
    const index = own.cellIndex, first = body.rows[0];
    if (!first) return;
    const numeric = typeof value(first.cells[index]) === "number";
    const before = own.getAttribute("aria-sort");
    const sign = (before ? before === "ascending" : numeric) ? -1 : 1;
    for (const other of own.parentElement.cells) other.removeAttribute("aria-sort");
    own.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...body.rows].map((row, place) => ({row, place, key: value(row.cells[index])}));
    rows.sort((one, other) => sign * (numeric ? one.key - other.key : one.key.localeCompare(other.key)) || one.place - other.place);
    body.append(...rows.map(({row}) => row));
  });
});

/* And a field above them keeps the rows that hold all of its words. */
document.querySelectorAll(".filter input").forEach(input => {
  const rows = [...document.getElementById(input.dataset.for).tBodies[0].rows];
  const texts = rows.map(row => row.textContent.toLowerCase());
  const output = input.parentElement.querySelector("output");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every(word => texts[index].includes(word));
      shown += !row.hidden;
    });
    output.textContent = words.length ? shown + " of " + rows.length : "";
  });
});
})();
