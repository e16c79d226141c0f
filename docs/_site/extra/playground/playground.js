// The playground: Pyodide runs the library in this page. Whatever a user pasted is shown as text, never as HTML.

const EXAMPLES = {
  reply: { text: "552 5.2.2 <kim@example.com>: The mailbox is over its quota", host: "mx.example.com" },
  bounce: {
    text: `From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: news@example.net
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

<kim@example.org>: host mx.example.org[192.0.2.7] said: 550 5.1.1
    <kim@example.org>: Recipient address rejected: User unknown in virtual
    mailbox table (in reply to RCPT TO command)

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <kim@example.org>: Recipient address
    rejected: User unknown in virtual mailbox table

--b--
`,
  },
  log: {
    text: "Nov 20 10:15:42 mx postfix/smtp[4711]: 4F1B2C3D: to=<kim@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=3.1, "
      + "delays=0.1/0/1/2, dsn=4.7.1, status=deferred (host mx.example.org[192.0.2.7] said: 450 4.7.1 Greylisted, please try "
      + "again in 300 seconds (in reply to RCPT TO command))",
  },
};
const RULES = {
  policy: `[[policy]]
id = "ours.full"
when = { reply = "552", reason = "mailbox_full" }
then = { bounce_type = "hard", label = "full" }
`,
  rule: `[[rule]]
id = "ours.club-closed"
when = { reply = "550", words = ["our club closed its doors"] }
then = { reason = "mailbox_disabled" }
`,
  "": "",
};
const KEYS = ["text", "kind", "profile", "host", "rules"];
const LONGEST_LINK = 30_000; // characters, which every browser and most programs for mail and chat carry

const at = (id) => document.getElementById(id);
const said = at("said");
let python;

function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

const request = () => Object.fromEntries(KEYS.map((key) => [key, at(key).value]));

// --- the link: all that was entered, as base64url of JSON, behind the # ------------------------------------------------

function toFragment(values) {
  const filled = Object.fromEntries(Object.entries(values).filter(([, value]) => value));
  const bytes = new TextEncoder().encode(JSON.stringify(filled));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `#${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

function fromFragment(fragment) {
  try {
    const text = atob(fragment.slice(1).replaceAll("-", "+").replaceAll("_", "/"));
    const values = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(text, (char) => char.charCodeAt(0))));
    return typeof values === "object" && values !== null ? values : null;
  } catch {
    return null; // an anchor, or a link that was cut
  }
}

function fill(values) {
  for (const key of KEYS) {
    const value = typeof values[key] === "string" ? values[key] : "";
    const field = at(key);
    field.value = value;
    if (field.value !== value && field.tagName === "SELECT") field.value = "";
  }
}

async function share() {
  const fragment = toFragment(request());
  if (fragment.length > LONGEST_LINK) {
    said.textContent = "The text is too long for a link.";
    return;
  }
  history.replaceState(null, "", fragment);
  try {
    await navigator.clipboard.writeText(location.href);
    said.textContent = "Copied.";
  } catch {
    said.textContent = "The address of this page is the link now.";
  }
}

// --- the result --------------------------------------------------------------------------------------------------------

function pieces(list) {
  return list.map(([text, marked]) => (marked ? make("mark", "", text) : text));
}

function source(address) {
  if (!address) return null;
  if (!/^https:\/\//.test(address)) return make("span", "", ` (${address})`);
  const link = make("a", "", "source");
  link.href = address;
  link.rel = "noopener noreferrer";
  return make("span", "", " · ", link);
}

function decided(entries) {
  const list = make("ul", "decided");
  for (const { kind, did, id, layer, when, source: address } of entries) {
    const where = layer === "builtin" ? "built in" : layer;
    list.append(
      make("li", "", `The ${kind} `, make("code", "", id), ` ${did} (${where})`, source(address), make("code", "when", when)),
    );
  }
  return list;
}

function verdict(one, number, total) {
  const type = one.bounce_type ?? "good";
  const card = make("article", `verdict ${["hard", "soft", "undetermined", "good"].includes(type) ? type : ""}`);
  const counted = total > 1 ? `${number + 1} of ${total}: ` : "";
  card.append(make("h2", "", counted, one.headline));
  const facts = make("ul", "facts");
  for (const [name, value] of one.facts) facts.append(make("li", name === "bounce type" ? "type" : "", `${name}: `, make("b", "", value)));
  const lines = make("dl", "");
  for (const [, label, parts] of one.lines) lines.append(make("dt", "", label), make("dd", "", ...pieces(parts)));
  card.append(facts, lines);
  if (one.decided.length) card.append(make("h3", "", "What decided"), decided(one.decided));
  const record = make("details", "", make("summary", "", "The record (JSON)"), make("pre", "", JSON.stringify(one.record, null, 2)));
  record.querySelector("pre").tabIndex = 0;
  card.append(record);
  return card;
}

function show(answer) {
  const result = at("result");
  const error = at("rules-error");
  error.hidden = !answer.error;
  error.textContent = answer.error ?? "";
  at("rules").setAttribute("aria-invalid", String(Boolean(answer.error)));
  if (answer.error) {
    said.textContent = "The rules have an error; nothing was judged.";
    result.replaceChildren();
    return;
  }
  const cards = answer.verdicts.map((one, number) => verdict(one, number, answer.verdicts.length));
  if (!cards.length) cards.push(make("p", "", "Nothing in it is about a delivery."));
  if (answer.more) cards.push(make("p", "", `${answer.more} more are not shown.`));
  for (const remark of answer.remarks) cards.push(make("p", "", `Remark: ${remark}`));
  result.replaceChildren(...cards);
}

function explain() {
  if (!python) return;
  if (!at("text").value.trim()) {
    said.textContent = "Paste something first.";
    at("result").replaceChildren();
    return;
  }
  const began = performance.now();
  const answer = JSON.parse(python.explain(JSON.stringify(request())));
  const took = Math.max(1, Math.round(performance.now() - began));
  if (!answer.error) said.textContent = `Read as ${answer.kind === "log" ? "mail log" : answer.kind}, in ${took} ms.`;
  show(answer);
}

// --- the start -----------------------------------------------------------------------------------------------------------

async function load() {
  const { loadPyodide } = await import("./pyodide/pyodide.mjs");
  const files = ["packages.zip", "playground.py"].map((name) => fetch(new URL(name, import.meta.url)));
  const pyodide = await loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href });
  const [packages, script] = await Promise.all(files);
  if (!packages.ok || !script.ok) throw new Error("a file is missing");
  pyodide.FS.writeFile("/packages.zip", new Uint8Array(await packages.arrayBuffer())); // modules are imported from within
  pyodide.runPython("import sys; sys.path.insert(0, '/packages.zip')");
  const names = pyodide.toPy({ __name__: "playground" });
  pyodide.runPython(await script.text(), { globals: names });
  return { explain: names.get("explain"), about: names.get("about") };
}

async function start() {
  const shared = fromFragment(location.hash);
  fill(shared ?? EXAMPLES.reply);
  try {
    python = await load();
  } catch (error) {
    console.info(error);
    said.textContent = "The library could not be loaded. This copy of the documentation may have been built without it "
      + "(python -m tests.playground), or the browser does not run WebAssembly.";
    return;
  }
  const { version, python: runs, data, profiles } = JSON.parse(python.about());
  at("about").textContent = `undeliverable ${version}, data ${data}, on Python ${runs}.`;
  for (const name of profiles) at("profile").append(new Option(name, name));
  if (shared) fill(shared);
  at("explain").disabled = false;
  explain();
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  explain();
});
at("share").addEventListener("click", share);
for (const id of ["kind", "profile"]) at(id).addEventListener("change", explain);
for (const id of ["text", "rules"]) {
  at(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) explain();
  });
}
for (const button of document.querySelectorAll("button[data-example]")) {
  button.addEventListener("click", () => {
    const example = EXAMPLES[button.dataset.example];
    at("text").value = example.text;
    at("host").value = example.host ?? "";
    at("kind").value = "";
    explain();
  });
}
for (const button of document.querySelectorAll("button[data-rules]")) {
  button.addEventListener("click", () => {
    at("rules").value = RULES[button.dataset.rules];
    explain();
  });
}
addEventListener("hashchange", () => {
  const values = fromFragment(location.hash);
  if (values === null) return;
  fill(values);
  explain();
});
start();
