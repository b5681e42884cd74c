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
    const { ink, soft } = theme();
    if (trace.type === "parcoords") return { ...trace, labelfont: { color: ink, size: 12 }, tickfont: { color: soft, size: 10 }, rangefont: { color: soft, size: 10 } };
    return trace;
  };
  // Where nothing hovers, as on a phone, the buttons would lie over the figure for good.
  const pointer = window.matchMedia("(hover: hover)").matches;
  const figures = [...document.querySelectorAll(".figure")].map((place) => ({ place, shape: JSON.parse(place.firstElementChild.textContent) }));
  const draw = ({ place, shape }) =>
    Plotly.react(place, shape.data.map(themed), styled(shape.layout), { responsive: true, displaylogo: false, displayModeBar: pointer ? "hover" : false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] });
  // One after another, so that the page can be read and scrolled meanwhile.
  const next = (index) => {
    if (index === figures.length) { document.body.dataset.drawn = "all"; return; }
    draw(figures[index]);
    setTimeout(next, 0, index + 1);
  };
  next(0);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures.forEach(draw));
})();
