"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const narrow = matchMedia("(max-width: 640px)");

/* theme: the system's, until the button is pressed ------------------------------------------- */

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

function showTheme() {
  themeButton.textContent = isDark() ? "Light theme" : "Dark theme";
  drawn.forEach(draw);
}
themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
systemDark.addEventListener("change", showTheme);

/* charts: specifications with named colours, drawn when they come into view ------------------- */

const drawn = new Set();
const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;

function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function themed(value, colours) {
  if (typeof value === "string") {
    if (!/^@\w+$/.test(value)) return value;
    return (colours[value] ??= colour(value.slice(1)));
  }
  if (Array.isArray(value)) return value.map((each) => themed(each, colours));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v, colours)]));
}

const PRINTED = 880; // pixels of a chart on paper, A4 or letter on its side
let printing = false;

const shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

function shortTicks(axis, names) {
  const different = [...new Set(names)];
  axis.tickvals = different;
  axis.ticktext = different.map((name) => shorten(String(name), narrow.matches ? 16 : 40));
}

function draw(section) {
  const part = section.closest(".part").dataset.part;
  const select = section.querySelector("select");
  const figure = data.figures[part][section.dataset.chart][select ? select.value : 0];
  const { data: traces, layout } = themed(figure, {});
  for (const name of ["x", "y"]) {
    const axis = layout[name + "axis"];
    const shown = traces.filter((trace) => [undefined, name].includes(trace[name + "axis"]));
    if (axis.type === "category") shortTicks(axis, shown.flatMap((trace) => trace[name]));
  }
  const pressed = new Set(
    [...section.querySelectorAll(".legend [aria-pressed=true]")].map((b) => Number(b.dataset.row)),
  );
  for (const trace of traces) if (trace.type === "heatmap") trace.showscale = !narrow.matches;
  for (const trace of traces) if (trace.meta) trace.visible = pressed.has(trace.meta.row);
  const present = new Set(traces.filter((trace) => trace.meta).map((trace) => trace.meta.row));
  for (const button of section.querySelectorAll(".legend button"))
    button.parentElement.hidden = !present.has(Number(button.dataset.row));
  if (printing) layout.width = PRINTED;
  Object.assign(layout, {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 12 : 14, color: colour("ink") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
  });
  const options = { responsive: true, displayModeBar: false, scrollZoom: false };
  Plotly.react(section.querySelector(".plot"), traces, layout, options);
  for (const numbers of section.querySelectorAll(".numbers"))
    numbers.hidden = select !== null && numbers.dataset.variant !== select.value;
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || drawn.has(target)) continue;
      drawn.add(target);
      draw(target);
    }
  },
  { rootMargin: "400px" },
);
for (const section of document.querySelectorAll(".chart")) {
  watcher.observe(section);
  section.querySelector("select")?.addEventListener("change", () => draw(section));
  section.querySelector(".legend")?.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    draw(section);
  });
}
narrow.addEventListener("change", () => drawn.forEach(draw));

/* paper: all charts, in the light theme --------------------------------------------------------- */

let theme;
addEventListener("beforeprint", () => {
  theme = root.dataset.theme;
  root.dataset.theme = "light";
  printing = true;
  for (const section of document.querySelectorAll(".chart")) drawn.add(section);
  showTheme();
});
addEventListener("afterprint", () => {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  printing = false;
  showTheme();
});

showTheme();
