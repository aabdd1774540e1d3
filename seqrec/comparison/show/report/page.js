"use strict";

/* leaderboard: sorted by its headers, filtered by words ---------------------------------------- */

function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.firstChild.data : Number(cell.dataset.value);
}

function sort(table, header) {
  const column = header.cellIndex;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const numeric = typeof valueOf(rows[0], column) === "number";
  const was = header.getAttribute("aria-sort");
  const firstDown = numeric && column > 0 && !/^(p |training|peak)/.test(header.textContent.trim());
  const down = was ? was === "ascending" : firstDown;
  const sign = down ? -1 : 1;
  rows.sort((a, b) => {
    const [left, right] = [valueOf(a, column), valueOf(b, column)];
    return sign * (numeric ? left - right : left.localeCompare(right, "en", { numeric: true }));
  });
  body.append(...rows);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
}

function filter(section) {
  const words = section.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...section.querySelector(".board").tBodies[0].rows];
  for (const row of rows) {
    const text = row.dataset.labels.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  const left = rows.filter((row) => !row.hidden).length;
  section.querySelector("output").textContent = `${left} of ${rows.length} rows`;
}

for (const table of document.querySelectorAll(".board")) {
  const section = table.closest("section");
  for (const header of table.tHead.rows[0].cells)
    header.querySelector("button")?.addEventListener("click", () => sort(table, header));
  section.querySelector("input").addEventListener("input", () => filter(section));
}

/* settings of two runs --------------------------------------------------------------------------- */

function compareSettings(section) {
  const { values } = data.settings[section.closest(".part").dataset.part];
  const a = section.querySelector(".a").value;
  const b = section.querySelector(".b").value;
  const different = Object.entries(values).filter(([, each]) => each[a] !== each[b]);
  section.querySelector("tbody").replaceChildren(
    ...different.map(([key, each]) => {
      const row = document.createElement("tr");
      const name = row.appendChild(document.createElement("th"));
      name.scope = "row";
      name.append(key);
      for (const text of [each[a], each[b]]) row.insertCell().append(text);
      return row;
    }),
  );
  const count = different.length;
  section.querySelector("caption").textContent =
    count === 0 ? "No setting differs" : `${count} ${count === 1 ? "setting differs" : "settings differ"}`;
}

for (const section of document.querySelectorAll(".settings")) {
  for (const select of section.querySelectorAll("select"))
    select.addEventListener("change", () => compareSettings(section));
  compareSettings(section);
}
