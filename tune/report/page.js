"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const theme = () => ({ ink: css("--ink"), soft: css("--soft"), line: css("--line"), card: css("--card") });
  const styled = (layout) => {
    const { ink, soft, line, card } = theme();
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, tickfont: { color: soft }, automargin: true };
    const out = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: "system-ui, sans-serif", size: 12 },
      margin: { l: 56, r: 16, t: 12, b: 44 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: ink },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: ink } },
      ...layout,
    };
    for (const name of ["xaxis", "yaxis", "xaxis2", "yaxis2"]) {
      if (name.length === 5 || layout[name]) out[name] = { ...axis, ...(layout[name] || {}) };
      if (out[name]) out[name].tickfont = { ...axis.tickfont, ...((layout[name] || {}).tickfont || {}) };
    }
    return out;
  };
  const themed = (trace) => {
    const { ink, soft, card } = theme(), shadow = `0 0 3px ${card}, 0 0 3px ${card}`;
    if (trace.type === "parcoords") return { ...trace, line: { ...trace.line, colorscale: [[0, css("--low")], [0.6, css("--low")], [0.85, css("--middle")], [1, css("--high")]] }, labelfont: { color: ink, size: 11, shadow: "none" }, tickfont: { color: soft, size: 10, shadow }, rangefont: { color: soft, size: 10, shadow: "none" } };
    return trace;
  };
  // Where nothing hovers, as on a phone, the buttons would lie over the figure for good.
  const pointer = window.matchMedia("(hover: hover)").matches;
  const figures = [...document.querySelectorAll(".figure")].map((place) => ({ place, shape: JSON.parse(place.firstElementChild.textContent) }));
  const draw = ({ place, shape }) =>
    Plotly.react(place, shape.data.map(themed), styled(shape.layout), { responsive: true, displaylogo: false, displayModeBar: pointer ? "hover" : false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] });
  // Without a GPU the first figure of WebGL's takes seconds: those wait until they are nearly in sight, or printed.
  const isDrawn = ({ place }) => place.classList.contains("js-plotly-plot");
  const near = new IntersectionObserver((seen) => {
    for (const { target } of seen.filter((one) => one.isIntersecting)) {
      near.unobserve(target);
      draw(figures.find(({ place }) => place === target));
    }
  }, { rootMargin: "500px" });
  window.addEventListener("beforeprint", () => figures.filter((one) => !isDrawn(one)).forEach(draw));
  // The others one after another, so that the page can be read and scrolled meanwhile.
  const next = (index) => {
    if (index === figures.length) { document.body.dataset.drawn = "all"; return; }
    if (figures[index].shape.data[0]?.type === "parcoords") near.observe(figures[index].place);
    else draw(figures[index]);
    setTimeout(next, 0, index + 1);
  };
  next(0);
  // A click, or Enter, on a column's title sorts a long table by it: numbers downwards first, texts upwards.
  const worth = (row, column) => {
    const text = row.cells[column].textContent.trim(), value = Number(text.replaceAll(",", ""));
    return text === "–" || text === "" ? null : Number.isNaN(value) ? text : value;
  };
  const sort = (title) => {
    const body = title.closest("table").tBodies[0], column = title.cellIndex, rows = [...body.rows];
    const first = rows.map((row) => worth(row, column)).find((value) => value !== null);
    const upwards = title.ariaSort ? title.ariaSort === "descending" : typeof first === "string";
    for (const other of title.parentNode.cells) other.ariaSort = null;
    title.ariaSort = upwards ? "ascending" : "descending";
    const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    const kept = rows.map((row) => [worth(row, column), row]);
    kept.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : upwards ? compare(a, b) : compare(b, a));
    body.append(...kept.map(([, row]) => row));
  };
  for (const title of document.querySelectorAll(".tall th")) {
    title.tabIndex = 0;
    title.onclick = () => sort(title);
    title.onkeydown = (event) => event.key === "Enter" && sort(title);
  }
  // The confusion matrix says below what its cell under the pointer, or the finger, holds, and marks its column's name.
  for (const place of document.querySelectorAll(".matrix")) {
    const titles = place.querySelector("thead tr").cells;
    let marked = titles[0];
    place.onpointerover = (event) => {
      const square = event.target.closest("tbody td");
      marked.classList.remove("on");
      if (square) (marked = titles[square.cellIndex]).classList.add("on");
      place.nextElementSibling.textContent = (square && square.title) || "\u00a0";
    };
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures.filter(isDrawn).forEach(draw));
})();
