"use strict";
(() => {
  // Charts. The policy of the page forbids evaluating text as code, so Vega interprets its expressions (`ast`).
  const source = document.getElementById("chart-data");
  const { config, specs } = source ? JSON.parse(source.textContent) : { config: {}, specs: {} };
  const draw = async (plot) => {
    const narrow = plot.clientWidth < 480 ? { axisY: { ...config.axisY, labelLimit: 165 } } : {};
    try {
      await window.vegaEmbed(plot, specs[plot.dataset.chart], {
        mode: "vega-lite", ast: true, renderer: "svg", actions: false, defaultStyle: false,
        tooltip: { disableDefaultStyle: true }, config: { ...config, ...narrow },
      });
    } catch (error) {
      plot.textContent = `This chart could not be drawn (${error}). Its numbers are in the table.`;
      console.error(error);
    }
  };
  Promise.all([...document.querySelectorAll("[data-chart]")].map(draw)).then(() => {
    document.documentElement.dataset.charts = "drawn";
  });

  // Tables that sort by the column clicked; what has no number comes last either way.
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.sort !== undefined) return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
    const text = cell.textContent.trim();
    return text === "" || cell.classList.contains("absent") ? null : text;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  const sort = (table, head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : up ? compare(a, b) : compare(b, a)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }

  // A box above long lists that keeps what contains the words typed.
  const filter = (where, rows, label, after = () => {}) => {
    if (rows.length < 8) return;
    const tools = document.createElement("div");
    tools.className = "tools";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = input.ariaLabel = label;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      after(input.value.trim() !== "");
    });
    tools.append(input);
    where.before(tools);
  };
  for (const table of document.querySelectorAll("table.filterable")) filter(table.parentElement, [...table.tBodies[0].rows], "Filter numbers");
  const cards = [...document.querySelectorAll("details.card")];
  const drawers = [...document.querySelectorAll("details.drawer")];
  const openDrawers = (searching) => {
    for (const drawer of drawers) {
      drawer.hidden = !drawer.querySelector("details.card:not([hidden])");
      drawer.open = searching;
    }
  };
  if (drawers.length) filter(drawers[0], cards, "Filter cards", openDrawers);

  // A link to a card opens it; paper shows everything.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      for (let box = target; box; box = box.parentElement.closest("details")) {
        box.hidden = false;
        box.open = true;
      }
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", open);
  open();
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
