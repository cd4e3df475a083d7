"use strict";
const figures = JSON.parse(document.getElementById("figures")?.textContent || "{}");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Roles of traces become the colours of the page's present mode.
function paintTrace(trace) {
  if (trace.type === "heatmap") {
    const scale = trace.meta === "association"
      ? [[0, css("--real")], [0.5, css("--surface")], [1, css("--synthetic")]]
      : [[0, css("--surface")], [1, css(trace.meta === "share" ? "--synthetic" : "--poor")]];
    if (trace.meta === "share") {
      const side = { thickness: 7, outlinewidth: 0, tickfont: { size: 10 }, nticks: 5, ticksuffix: "%" };
      return { ...trace, colorscale: scale, xgap: 1, ygap: 1, colorbar: side };
    }
    const bar = { orientation: "h", y: -0.02, yanchor: "top", thickness: 7, outlinewidth: 0, tickfont: { size: 10 }, nticks: 5 };
    return { ...trace, colorscale: scale, xgap: 1, ygap: 1, colorbar: bar };
  }
  const dashed = trace.meta === "chance" || trace.meta === "warm" ? "dash" : "solid";
  const colour = css(trace.meta === "chance" ? "--floor" : "--" + trace.meta);
  if (trace.mode === "markers") return { ...trace, marker: { color: colour, size: 3.5, opacity: 0.5 } };
  if (trace.type === "scatter") return { ...trace, line: { color: colour, width: 1.75, dash: dashed }, fillcolor: colour + "1f" };
  return { ...trace, marker: { color: colour, opacity: trace.orientation === "h" ? 1 : 0.7, line: { width: 0 } } };
}

function paintAxis(axis) {
  const title = axis.title && { ...axis.title, standoff: 6 };
  return { gridcolor: css("--track"), zeroline: false, linecolor: css("--line"), automargin: true, ticks: "", nticks: 6, ...axis, title };
}

function drawOne(id, figure) {
  figures[id] = figure;
  const layout = {
    ...figure.layout,
    xaxis: paintAxis(figure.layout.xaxis),
    yaxis: paintAxis(figure.layout.yaxis),
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: css("--muted") },
    paper_bgcolor: css("--surface"), plot_bgcolor: css("--surface"),
    hoverlabel: { bgcolor: css("--surface"), font: { color: css("--ink") } },
    margin: { l: 8, r: 8, t: 10, b: 8 }, showlegend: false, dragmode: false,
  };
  Plotly.react(id, figure.data.map(paintTrace), layout, { displayModeBar: false, responsive: true });
}

function draw() {
  for (const [id, figure] of Object.entries(figures)) drawOne(id, figure);
}

// Files ----------------------------------------------------------------------------------------------------------------

function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A cell that begins like a formula would be run by a spreadsheet.
function csvCell(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^[=+@\t\r]/.test(text) || (/^-/.test(text) && isNaN(Number(text)))) text = "'" + text;
  return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

const csvText = (rows) => rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";

// Labels were escaped for plotly.
const plain = (text) => Object.assign(document.createElement("textarea"), { innerHTML: text }).value;

function figureRows(figure) {
  const rows = [];
  for (const trace of figure.data) {
    if (trace.type === "heatmap") {
      const across = trace.across || figure.layout.yaxis.ticktext;
      rows.push(["", ...across.map(plain)]);
      trace.z.forEach((line, i) => rows.push([plain((trace.down || figure.layout.yaxis.ticktext)[i]), ...line]));
    } else if (trace.orientation === "h") {
      trace.text.forEach((label, i) => rows.push([trace.meta, plain(label), trace.x[i]]));
    } else {
      trace.x.forEach((x, i) => rows.push([trace.meta, x, trace.y[i]]));
    }
  }
  return figure.data[0].type === "heatmap" ? rows : [["series", "x", "y"], ...rows];
}

function addTools(plot) {
  const card = plot.closest(".plot-card");
  const title = card.querySelector("h4").cloneNode(true);
  title.querySelectorAll(".tip").forEach((tip) => tip.remove());
  const name = (plot.id + " " + title.textContent).replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60);
  const tools = Object.assign(document.createElement("div"), { className: "tools" });
  const actions = {
    PNG: () => Plotly.downloadImage(plot, { format: "png", filename: name, width: 900, height: 600, scale: 2 }),
    CSV: () => save(name + ".csv", "text/csv", csvText(figureRows(figures[plot.id]))),
  };
  for (const [label, act] of Object.entries(actions)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.setAttribute("aria-label", label + " of " + title.textContent);
    button.addEventListener("click", act);
    tools.append(button);
  }
  card.append(tools);
}

// Tables ---------------------------------------------------------------------------------------------------------------

const cellText = (cell) => {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll(".tip").forEach((tip) => tip.remove());
  return copy.textContent.trim();
};
const cellNumber = (text) => (/^-?[\d,.]+(%|\s*±.*)?$/.test(text) ? parseFloat(text.replaceAll(",", "")) : NaN);

function sortTable(table, column, header) {
  const down = header.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, text: cellText(row.cells[column] || row.cells[0]) }));
  keyed.forEach((item) => { item.number = cellNumber(item.text); });
  keyed.sort((a, b) => {
    if (isNaN(a.number) !== isNaN(b.number)) return isNaN(a.number) ? 1 : -1;
    const order = isNaN(a.number) ? a.text.localeCompare(b.text) : a.number - b.number;
    return down ? -order : order;
  });
  body.append(...keyed.map((item) => item.row));
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
}

function equip(table) {
  table.querySelectorAll("thead th").forEach((header, column) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortTable(table, column, header));
    header.append(button);
  });
  const tools = Object.assign(document.createElement("div"), { className: "table-tools" });
  const filter = Object.assign(document.createElement("input"), { className: "filter", type: "search", placeholder: "Filter rows" });
  filter.setAttribute("aria-label", "Filter the rows of this table");
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !cellText(row).toLowerCase().includes(wanted);
  });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "CSV" });
  button.setAttribute("aria-label", "CSV of the table " + table.dataset.name);
  button.addEventListener("click", () => {
    const rows = [...table.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(cellText));
    save(table.dataset.name + ".csv", "text/csv", csvText(rows));
  });
  tools.append(filter, button);
  table.closest(".scroll").before(tools);
}

document.querySelectorAll("table.sortable").forEach(equip);

// Explanations stand by their words, where there is room -----------------------------------------------------------------

function place(term) {
  const tip = term.querySelector(".tip");
  const word = term.getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  const left = Math.max(16, Math.min(word.left, innerWidth - box.width - 16));
  const below = word.bottom + 6 + box.height < innerHeight;
  const top = below ? word.bottom + 6 : Math.max(8, word.top - box.height - 6);
  Object.assign(tip.style, { left: left + "px", top: top + "px", bottom: "auto" });
}

for (const term of document.querySelectorAll(".term")) {
  for (const event of ["mouseenter", "focus"]) term.addEventListener(event, () => place(term));
  term.addEventListener("keydown", (event) => { if (event.key === "Escape") term.blur(); });
}

// The library is packed; without it the page has its numbers, and no plots.
async function unpack(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// Pairs of columns -------------------------------------------------------------------------------------------------------

function pairFigure(pairs, role, x, y) {
  const [low, high] = x < y ? [x, y] : [y, x];
  const flat = pairs.counts[role][low + "," + high];
  const across = pairs.columns[x].labels;
  const down = pairs.columns[y].labels;
  const width = pairs.columns[high].labels.length;
  const z = down.map((_, i) => across.map((_, j) => 100 * flat[x < y ? j * width + i : i * width + j] / Math.max(pairs.rows[role], 1)));
  const ticks = (column) => ({ tickvals: column.labels.map((_, i) => i), ticktext: column.ticks, showgrid: false });
  const hover = z.map((line, i) => line.map((share, j) => across[j] + " · " + down[i] + ": " + share.toFixed(1) + "%"));
  return {
    data: [{ type: "heatmap", meta: "share", z, across, down, text: hover, hovertemplate: "%{text}<extra></extra>", zmin: 0 }],
    layout: {
      xaxis: { ...ticks(pairs.columns[x]), title: { text: pairs.columns[x].label }, tickangle: -60 },
      yaxis: { ...ticks(pairs.columns[y]), title: { text: pairs.columns[y].label }, autorange: "reversed" },
    },
  };
}

function drawPair(pairs) {
  const x = Number(document.getElementById("pair-x").value);
  const y = Number(document.getElementById("pair-y").value);
  if (x === y) return;
  const drawn = Object.keys(pairs.counts).map((role) => [role, pairFigure(pairs, role, x, y)]);
  const most = Math.max(...drawn.flatMap(([, figure]) => figure.data[0].z.flat()));
  for (const [role, figure] of drawn) {
    figure.data[0].zmax = most;
    drawOne("pair-" + role, figure);
  }
}

function offerPairs(pairs) {
  ["pair-x", "pair-y"].forEach((id, position) => {
    const select = document.getElementById(id);
    pairs.columns.forEach((column, i) => select.append(new Option(column.name, i, false, i === position)));
    select.addEventListener("change", () => {
      const other = document.getElementById(id === "pair-x" ? "pair-y" : "pair-x");
      if (other.value === select.value) other.value = String((Number(select.value) + 1) % pairs.columns.length);
      drawPair(pairs);
    });
  });
  drawPair(pairs);
}

async function start() {
  const code = await unpack(document.getElementById("plotly"));
  document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
  draw();
  const packed = document.getElementById("pair-counts");
  if (packed && document.getElementById("pair-x")) offerPairs(JSON.parse(await unpack(packed)));
  document.querySelectorAll(".plot, .heat").forEach(addTools);
  document.documentElement.dataset.drawn = "yes";
}

if (document.getElementById("plotly")) start();
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", draw);
