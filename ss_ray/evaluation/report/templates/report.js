"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Roles of traces become the colours of the page's present mode.
function paintTrace(trace) {
  if (trace.type === "heatmap") {
    const scale = trace.meta === "association"
      ? [[0, css("--warm")], [0.5, css("--surface")], [1, css("--synthetic")]]
      : [[0, css("--surface")], [1, css("--poor")]];
    const bar = { orientation: "h", y: -0.02, yanchor: "top", thickness: 7, outlinewidth: 0, tickfont: { size: 10 }, nticks: 5 };
    return { ...trace, colorscale: scale, xgap: 1, ygap: 1, colorbar: bar };
  }
  const colour = css(trace.meta === "chance" ? "--floor" : "--" + trace.meta);
  if (trace.mode === "markers") return { ...trace, marker: { color: colour, size: 3.5, opacity: 0.5 } };
  if (trace.type === "scatter") return { ...trace, line: { color: colour, width: 1.75 }, fillcolor: colour + "1f" };
  return { ...trace, marker: { color: colour, opacity: trace.orientation === "h" ? 1 : 0.7, line: { width: 0 } } };
}

function paintAxis(axis) {
  return { gridcolor: css("--track"), zeroline: false, linecolor: css("--line"), automargin: true, ticks: "", nticks: 6, ...axis };
}

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const layout = {
      ...figure.layout,
      xaxis: paintAxis(figure.layout.xaxis),
      yaxis: paintAxis(figure.layout.yaxis),
      font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: css("--muted") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: css("--surface"), font: { color: css("--ink") } },
      margin: { l: 8, r: 8, t: 10, b: 8 }, showlegend: false, dragmode: false,
    };
    Plotly.react(id, figure.data.map(paintTrace), layout, { displayModeBar: false, responsive: true });
  }
}

// The library is packed; without it the page has its numbers, and no plots.
async function unpack(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
}

unpack(document.getElementById("plotly")).then(() => {
  draw();
  document.documentElement.dataset.drawn = "yes";
});
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", draw);
