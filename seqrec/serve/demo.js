"use strict";
const byId = (id) => document.getElementById(id);
const root = document.documentElement;

/* theme: the system's, until the button is pressed ------------------------------------------- */

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
const showTheme = () => { byId("theme").textContent = isDark() ? "Light theme" : "Dark theme"; };
byId("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
systemDark.addEventListener("change", showTheme);
showTheme();

/* asking the server ----------------------------------------------------------------------------- */

let key = "";

async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  let answer, content;
  try {
    answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
    content = await answer.json();
  } catch (error) {
    return trouble("The server doesn't answer.");
  }
  byId("key-form").hidden = answer.status !== 401;
  if (answer.ok) return (trouble(""), content);
  const { what, fix } = content.error;
  return trouble(fix ? `${what}: ${fix}` : what);
}

function trouble(text) {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
  return null;
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key").value.trim();
  refresh();
});

/* the session ------------------------------------------------------------------------------------- */

const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
let session = random();
let chosen = [];

function element(name, text, ...classes) {
  const made = document.createElement(name);
  made.textContent = text;
  if (classes.length) made.classList.add(...classes);
  return made;
}

function button(row, then) {
  const made = element("button", row.title, "pick");
  made.type = "button";
  made.addEventListener("click", then);
  return made;
}

async function choose(row, more = {}) {
  const event = { event_id: random(), session, item: row.item, event: "click", ...more };
  if (await ask("POST", "/v1/events", { events: [event] })) {
    chosen.push(row);
    await refresh();
  }
}

byId("again").addEventListener("click", async () => {
  if (await ask("DELETE", `/v1/sessions/${session}`)) {
    session = random();
    chosen = [];
    await refresh();
  }
});

let asked = 0;
byId("search").addEventListener("input", async () => {
  const mine = ++asked, text = byId("search").value.trim();
  const answer = text ? await ask("GET", `/v1/items?k=6&q=${encodeURIComponent(text)}`) : { items: [] };
  if (mine !== asked || !answer) return;
  const rows = answer.items.map((row) => {
    const made = document.createElement("li");
    made.append(button(row, () => {
      byId("search").value = "";
      byId("found").replaceChildren();
      choose(row);
    }));
    return made;
  });
  if (text && !rows.length) rows.push(element("li", "No title holds this."));
  byId("found").replaceChildren(...rows);
});

/* the list, its reasons and its time ---------------------------------------------------------------- */

const SERIES = ["state", "queue", "encode", "search", "explain", "log", "parse"];

async function refresh() {
  byId("history").replaceChildren(...chosen.map((row) => element("li", row.title)).reverse());
  byId("nothing").hidden = chosen.length > 0;
  byId("again").hidden = !chosen.length;
  if (!chosen.length) {
    byId("list").replaceChildren();
    byId("reason").textContent = "The list appears here.";
    return;
  }
  const answer = await ask("POST", "/v1/recommend", { session, k: 10, explain: true });
  if (!answer) return;
  byId("reason").textContent = answer.reason
    ? `${answer.items.length ? `Not the model's list, but ${answer.source} items` : "Nothing"}: ${answer.reason.text}.`
    : `Click one, and it joins the session. Below each: what its score loses without an event${trust(answer.fidelity)}.`;
  byId("list").replaceChildren(...answer.items.map((row, slot) => listed(row, slot, answer)));
  times(answer);
}

function listed(row, slot, answer) {
  const made = document.createElement("li");
  made.append(button(row, () => choose(row, { request_id: answer.request_id, slot })));
  made.append(element("span", row.score.toFixed(2), "score"));
  const because = (row.because ?? []).map(({ title, weight }) =>
    weight === null ? `rests on ${title} alone` : `without ${title} −${weight.toFixed(2)}`);
  if (because.length) made.append(element("span", because.join("; "), "why"));
  return made;
}

function trust({ metric, value, random, why }) {
  return why ? " (not audited)" : ` (audited: ${metric} ${value.toFixed(2)}, random ${random.toFixed(2)})`;
}

function times({ ms, bundle, policy, filters }) {
  byId("total").textContent = `${ms.total.toFixed(2)} ms in the server.`;
  const stages = SERIES.filter((name) => name in ms);
  byId("stages").replaceChildren(...stages.map((name, at) => {
    const made = document.createElement("span");
    made.title = `${name} ${ms[name]} ms`;
    made.style.flexGrow = ms[name];
    made.style.background = `var(--series${at})`;
    return made;
  }));
  byId("numbers").replaceChildren(...stages.map((name, at) => {
    const made = document.createElement("tr");
    const head = element("th", name), dot = element("span", "", "dot");
    dot.style.setProperty("--dot", `var(--series${at})`);
    head.prepend(dot);
    head.scope = "row";
    made.append(head, element("td", ms[name].toFixed(3), "n"));
    return made;
  }));
  byId("about").textContent = `Bundle ${bundle.slice(0, 12)}, policy ${policy}, filters ${filters}.`;
}
