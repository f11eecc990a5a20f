/** Charts of the report, from the numbers in the page. Stands behind theme.js and charts.js in one script. */
const report = JSON.parse(document.getElementById("numbers").textContent);
const charts = document.getElementById("charts");
document.getElementById("toggle").append(themeToggle());

const placed = (where) => where.appendChild(element("div", { class: "card" }));
/** A series of each run that has points; the colour is the run's. */
const ofRuns = (points) => report.runs.map((run, index) => ({ name: run.name, points: points(run) ?? [], colour: colour(index) })).filter((each) => each.points.length);
const names = (part) => [...new Set(report.runs.flatMap((run) => Object.keys(run[part] ?? {})))];
const titles = { lr: "Learning rate", data_wait: "Waiting for data (share of the step)", images_per_second: "Images per second", gradient_norm: "Gradient norm" };

function lossChart() {
  const [run] = report.runs;
  const losses = Object.keys(run.steps).filter((name) => name === "loss" || name.startsWith("loss/"));
  if (losses.length) lineChart(placed(charts), { title: "Loss", xTitle: "step", series: losses.map((name, index) => ({ name: name === "loss" ? "total" : name.slice(5), points: run.steps[name], colour: colour(index) })) });
}

function stepCharts() {
  if (report.runs.length === 1) lossChart();
  const known = names("steps").filter((name) => report.runs.length > 1 || !name.startsWith("loss"));
  for (const name of known) lineChart(placed(charts), { title: titles[name] ?? name.replace(/^loss\//, "Loss: ").replace(/^loss$/, "Loss"), xTitle: "step", series: ofRuns((run) => run.steps[name]) });
}

/** Figures per epoch: not those of single classes, nor what the steps show finer. */
function epochCharts() {
  const ofClasses = new Set(report.runs.flatMap((run) => Object.entries(run.per_class).flatMap(([column, table]) => Object.keys(table).map((name) => `${column}_${name}`))));
  const finer = report.runs.every((run) => Object.keys(run.steps).length) ? /^(loss(_|$)|lr$|images_per_second$|data_wait$)/ : /^$/;
  const primary = report.runs[0].primary;
  const known = names("columns").filter((name) => !ofClasses.has(name) && !finer.test(name)).sort((a, b) => (b === primary) - (a === primary));
  const title = (name) => report.runs[0].titles[name] ?? name;
  const values = (name) => report.runs.flatMap((run) => (run.columns[name] ?? []).map((point) => point[1])).filter((value) => value !== null);
  const measured = known.filter((name) => values(name).length);
  const shares = report.runs.length > 1 ? [] : measured.filter((name) => !name.includes("loss") && values(name).every((value) => value >= 0 && value <= 1));
  if (shares.length) lineChart(placed(charts), { title: "Figures of the validation", xTitle: "epoch", zero: true, series: shares.map((name, index) => ({ name: title(name), points: report.runs[0].columns[name], colour: colour(index), dashed: index >= 8 })) });
  for (const name of measured.filter((each) => !shares.includes(each))) lineChart(placed(charts), { title: title(name), xTitle: "epoch", series: ofRuns((run) => run.columns[name]) });
}

function evaluationCharts(run, index) {
  const place = document.querySelector(`[data-run="${index}"]`);
  const told = run.evaluation;
  if (!told) return;
  const curves = Object.entries(told.points);
  const [x, y] = told.axes;
  if (curves.length) lineChart(placed(place), { title: `${y} over ${x}`, xTitle: x, log: null, zero: true, height: 300, series: curves.map(([name, points], place) => ({ name, points: [...points].sort((a, b) => a[0] - b[0]), colour: colour(place), dashed: place >= 8 })) });
  for (const each of told.confusions) {
    if (each.columns.length <= 60) heatMatrix(placed(place), { title: each.title, rows: each.rows, columns: each.columns, values: each.counts, rowTitle: "annotated", columnTitle: "predicted" });
  }
}

epochCharts();
stepCharts();
document.getElementById("no-curves").hidden = charts.children.length > 0;
report.runs.forEach(evaluationCharts);
