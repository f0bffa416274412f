"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const panels = [];
  let shownAt = 0;

  // Numbers are written by numbers.py alone: what is shown here comes as text.

  // Places along an axis [low, high, scale] as shares of its length.
  const scaled = (value, axis) => (axis[2] === "log" ? Math.log(value) : value);
  const share = (value, axis) => (scaled(value, axis) - scaled(axis[0], axis)) / (scaled(axis[1], axis) - scaled(axis[0], axis));
  function valueAt(part, axis) {
    const at = scaled(axis[0], axis) + part * (scaled(axis[1], axis) - scaled(axis[0], axis));
    return axis[2] === "log" ? Math.exp(at) : at;
  }
  const across = (panel, value) => panel.box[0] + share(value, panel.x) * panel.box[2];
  const up = (panel, value) => panel.box[1] + (1 - Math.min(1, Math.max(0, share(value, panel.y)))) * panel.box[3];
  const inside = (value, axis) => value !== null && share(value, axis) >= -1e-9 && share(value, axis) <= 1 + 1e-9;

  function element(name, attributes, parent) {
    const made = parent.namespaceURI.endsWith("svg") ? document.createElementNS(parent.namespaceURI, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.appendChild(made);
    return made;
  }
  function text(name, content, parent, attributes = {}) {
    const made = element(name, attributes, parent);
    made.textContent = content;
    return made;
  }

  function nearest(at, value, axis) {
    let best = 0;
    for (let i = 1; i < at.length; i++)
      if (Math.abs(share(at[i], axis) - share(value, axis)) < Math.abs(share(at[best], axis) - share(value, axis))) best = i;
    return best;
  }

  function draw(panel, group, x, read, dots) {
    group.replaceChildren();
    if (!inside(x, panel.x)) return;
    const at = across(panel, x);
    element("line", { class: dots.line, x1: at, x2: at, y1: panel.box[1], y2: panel.box[1] + panel.box[3] }, group);
    for (const one of read) {
      if (one.q50 === null || !inside(one.q50, panel.y)) continue;
      if (dots.whiskers && one.q05 !== null && one.q05 !== undefined)
        element("line", { class: "whisker", stroke: one.colour, x1: at, x2: at, y1: up(panel, one.q05), y2: up(panel, one.q95) }, group);
      element("circle", { class: "dot", fill: one.colour, cx: at, cy: up(panel, one.q50), r: 2.4 }, group);
    }
  }

  function read(series, i) {
    const found = { name: series.name, colour: series.colour, x: series.at[i], said: series.said[i], beyond: series.beyond ? series.beyond[i] : false };
    for (const q of ["q05", "q25", "q50", "q75", "q95"]) found[q] = series[q] ? series[q][i] : null;
    return found;
  }
  function between(series, x, panel) {
    const at = series.at;
    if (x < at[0] || x > at[at.length - 1]) return null;
    let i = 1;
    while (i < at.length - 1 && at[i] < x) i++;
    const part = (share(x, panel.x) - share(at[i - 1], panel.x)) / (share(at[i], panel.x) - share(at[i - 1], panel.x) || 1);
    const found = read(series, i);
    for (const q of ["q05", "q25", "q50", "q75", "q95"])
      if (found[q] !== null && series[q][i - 1] !== null) found[q] = series[q][i - 1] + part * (series[q][i] - series[q][i - 1]);
    return found;
  }

  function show(panel, x, client) {
    const values = panel.series.map((one) => read(one, nearest(one.at, x, panel.x)));
    const at = values[0].x;
    panel.current = at;
    shownAt = scrollY;
    draw(panel, panel.cross, at, values, { line: "cross", whiskers: false });
    tip.replaceChildren();
    if (panel.title) text("div", panel.title.replace(/\n/g, " "), tip);
    text("b", `${panel.quantity.replace(/_/g, " ")} ${values[0].said[0]}`, tip);
    if (values.every((one) => one.beyond)) text("span", " (beyond the data)", tip);
    const table = element("table", {}, tip);
    const head = element("tr", {}, table);
    for (const name of ["", "median", "50 %", "90 %"]) text("th", name, head);
    for (const one of values) {
      const row = element("tr", {}, table);
      const cell = element("td", {}, row);
      element("i", {}, cell).style.background = one.colour;
      cell.append(one.name);
      for (const said of one.said.slice(1)) text("td", said, row);
    }
    tip.hidden = false;
    const size = tip.getBoundingClientRect();
    const left = client.x + 14 + size.width > innerWidth ? client.x - 14 - size.width : client.x + 14;
    const top = client.y + 14 + size.height > innerHeight ? client.y - 14 - size.height : client.y + 14;
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  }
  function hide() {
    tip.hidden = true;
    for (const panel of panels) panel.cross.replaceChildren();
  }

  function pointed(panel, event) {
    const box = panel.hit.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    show(panel, valueAt(part, panel.x), { x: event.clientX, y: event.clientY });
  }
  function stepped(panel, by) {
    const at = panel.series[0].at;
    const now = panel.current === undefined ? Math.floor(at.length / 2) : nearest(at, panel.current, panel.x);
    const next = at[Math.min(at.length - 1, Math.max(0, now + by))];
    const box = panel.hit.getBoundingClientRect();
    show(panel, next, { x: box.left + share(next, panel.x) * box.width, y: box.top + box.height / 3 });
  }

  for (const figure of document.querySelectorAll(".figure")) {
    const svg = figure.querySelector("svg");
    for (const panel of data.figures[figure.dataset.name] || []) {
      panel.marks = element("g", {}, svg);
      panel.cross = element("g", {}, svg);
      const [x, y, width, height] = panel.box;
      const label = `${figure.getAttribute("aria-label")} ${panel.title}: arrow keys read values`;
      panel.hit = element("rect", { class: "hit", x, y, width, height, tabindex: 0, role: "img", "aria-label": label }, svg);
      panel.hit.addEventListener("pointermove", (event) => pointed(panel, event));
      panel.hit.addEventListener("pointerdown", (event) => pointed(panel, event));
      panel.hit.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
      panel.hit.addEventListener("blur", hide);
      panel.hit.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
        if (event.key === "Escape") hide();
        if (by) { event.preventDefault(); stepped(panel, by); }
      });
      panels.push(panel);
    }
    svg.removeAttribute("aria-hidden");
  }
  addEventListener("pointerdown", (event) => event.target.classList.contains("hit") || hide());
  addEventListener("scroll", () => Math.abs(scrollY - shownAt) > 40 && hide(), { passive: true });

  const slider = document.getElementById("slider");
  const choice = document.getElementById("choice");
  function slid() {
    const labels = Object.keys(data.budget.steps);
    const steps = data.budget.steps[choice ? labels[choice.selectedIndex] : labels[0]];
    const step = steps[Number(slider.value)];
    const budget = data.budget.budgets[Number(slider.value)];
    document.getElementById("chosen").textContent = budget;
    slider.setAttribute("aria-valuetext", budget);
    document.getElementById("sentence").textContent = step.sentence;
    const facts = document.getElementById("facts");
    facts.replaceChildren();
    for (const fact of step.facts) {
      const card = element("div", {}, facts);
      text("dt", fact.name, card);
      text("dd", fact.value, card, { class: "value" });
      text("dd", fact.range, card, { class: "range" });
    }
    for (const panel of panels) {
      const x = step.marks[panel.quantity];
      if (x === undefined || x === null) { panel.marks.replaceChildren(); continue; }
      // Only along the budget itself do bands say what it buys: over sizes they are at some number of tokens.
      const own = panel.quantity === Object.keys(step.marks)[0];
      const values = own ? panel.series.map((one) => between(one, x, panel)).filter((one) => one) : [];
      draw(panel, panel.marks, x, values, { line: "mark", whiskers: true });
    }
  }
  if (slider) {
    slider.addEventListener("input", slid);
    if (choice) choice.addEventListener("change", slid);
    slid();
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
})();
