"use strict";

// Tables sort by a click on a column's head: numbers largest first, texts from A; the third click restores the order.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const first = head.classList.contains("number") ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    head.querySelector("button").addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const order = before === "none" ? first : before === first ? second : "none";
      heads.forEach((other) => other.setAttribute("aria-sort", other === head ? order : "none"));
      table.classList.toggle("sorted", order !== "none");
      body.append(...(order === "none" ? original : sorted(original, column, order === "ascending" ? 1 : -1)));
    });
  });
}

function sorted(rows, column, sign) {
  const keys = new Map(rows.map((row) => [row, key(row.cells[column])]));
  return [...rows].sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null) - (y === null); // what is not known stays below
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(y, "en", { numeric: true }));
  });
}

function key(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  if (text === "" || text === "–") return null;
  const number = Number(text.replaceAll(",", ""));
  return cell.classList.contains("number") && !Number.isNaN(number) ? number : text;
}

// The theme follows the system until the button says otherwise.
const button = document.getElementById("theme");
const themes = ["system", "light", "dark"];

function wear(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
}

function remembered() {
  try {
    const theme = localStorage.getItem("st5-report-theme");
    return themes.includes(theme) ? theme : "system";
  } catch {
    return "system"; // a file opened from disk may not be allowed to remember
  }
}

let theme = remembered();
wear(theme);
button.hidden = false;
button.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  wear(theme);
  try {
    localStorage.setItem("st5-report-theme", theme);
  } catch {
    // worn until the page is closed
  }
});
