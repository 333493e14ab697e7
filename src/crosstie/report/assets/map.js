// The map: points stamped into pixels on the CPU, so that it needs no GPU and no library; hover, zoom, lasso, keyboard.
// Everything that is shown of a cell is set with textContent, never as HTML.

function startMap(root, data) {
  const base = root.querySelector("canvas.points"), over = root.querySelector("canvas.over");
  const tip = root.querySelector(".tip"), select = root.querySelector("select.field");
  const only = root.querySelector("select.only-view");
  const legend = root.querySelector(".legend"), picked = root.querySelector(".picked");
  const status = root.querySelector(".map-status"), stage = root.querySelector(".stage");
  const paper = base.getContext("2d", { willReadFrequently: true });  // kept in memory, where pixels are written
  const n = data.x.length, fields = data.fields;
  const view = { scale: 1, dx: 0, dy: 0 };  // pixels = (unit coordinate) * side * scale + offset, in CSS pixels
  const state = { field: 0, mode: "move", lasso: null, chosen: null, chosenCount: 0, hover: -1, printing: false, view: -1, tissue: false };
  const hidden = fields.map((f) => new Set());
  for (const f of fields.filter((x) => x.kind === "class")) {
    f.counts = new Uint32Array(f.classes.length);
    for (let i = 0; i < n; i++) f.counts[f.codes[i]]++;
    f.bySize = [...f.classes.keys()].sort((a, b) => f.counts[b] - f.counts[a]);
    f.level = Array.from(f.counts, (k) => -Math.floor(Math.log2(Math.max(1, k))));  // rarer by half: on top
  }
  const shuffled = shuffle(n);
  const latent = { x: data.x, y: data.y };
  let grid = buildGrid(data.x, data.y, n);
  let order = shuffled, width = 0, height = 0, ratio = 1, image = null, pixels = null, frame = 0, settle = 0;
  let share = 1;  // of the points drawn while the map moves; fewer where a frame would take too long
  const frames = [];

  const side = () => Math.min(width, height) - 24;
  const left = () => (width - side()) / 2, top = () => (height - side()) / 2;
  const sx = (u) => (u * side() + left()) * view.scale + view.dx;
  const sy = (v) => (v * side() + top()) * view.scale + view.dy;
  const ux = (x) => ((x - view.dx) / view.scale - left()) / side();
  const uy = (y) => ((y - view.dy) / view.scale - top()) / side();

  function dark() {
    if (state.printing) return false;
    const set = document.documentElement.dataset.theme;
    return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function shuffle(size) {  // always the same order: no view and no class lies on top of another
    const out = new Uint32Array(size);
    let seed = 42;
    for (let i = 0; i < size; i++) out[i] = i;
    for (let i = size - 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = Math.floor((seed / 4294967296) * (i + 1));
      const t = out[i]; out[i] = out[j]; out[j] = t;
    }
    return out;
  }

  function buildGrid(x, y, size) {
    const cells = Math.max(8, Math.min(256, Math.ceil(Math.sqrt(size / 4))));
    const start = new Uint32Array(cells * cells + 1), at = new Uint32Array(size);
    const bucket = (i) => Math.min(cells - 1, Math.floor(y[i] * cells)) * cells + Math.min(cells - 1, Math.floor(x[i] * cells));
    for (let i = 0; i < size; i++) start[bucket(i) + 1]++;
    for (let b = 0; b < cells * cells; b++) start[b + 1] += start[b];
    const next = start.slice();
    for (let i = 0; i < size; i++) at[next[bucket(i)]++] = i;
    return { cells, start, at };
  }

  function colours() {  // of every code of the field, as pixels (ABGR); the last one is for what is missing
    const f = fields[state.field], set = dark() ? f.dark : f.light;
    return Uint32Array.from(set, (hex) => {
      const v = parseInt(hex.slice(1), 16);
      return (255 << 24 | (v & 255) << 16 | (v >> 8 & 255) << 8 | v >> 16) >>> 0;
    });
  }

  function visible(i) {
    if (state.tissue && !data.tissue.there[i]) return false;
    if (state.view >= 0 && fields[0].codes[i] !== state.view) return false;
    for (let f = 0; f < fields.length; f++) if (hidden[f].size && hidden[f].has(fields[f].codes[i])) return false;
    return true;
  }

  function reorder() {  // visible ones only; grey below the rest
    const f = fields[state.field], back = [], front = [];
    for (const i of shuffled) if (visible(i)) (f.grey[f.codes[i]] ? back : front).push(i);
    if (f.kind === "class" && state.field > 0) front.sort((a, b) => f.level[f.codes[a]] - f.level[f.codes[b]]);
    order = Uint32Array.from(back.concat(front));
  }

  function radius() {
    const own = Math.sqrt(side() * side() / Math.max(n, 1)) * 0.3;
    return Math.max(0.9, Math.min(4, own)) * Math.min(2.4, Math.pow(view.scale, 0.35));
  }

  function stamp(r, hole = 0) {  // offsets and opacities (0-256) of a dot with a soft edge, or of a ring
    const reach = Math.ceil(r + 0.5), out = [];
    for (let j = -reach; j <= reach; j++) {
      for (let i = -reach; i <= reach; i++) {
        const a = Math.max(0, Math.min(1, r + 0.5 - Math.hypot(i, j))) - Math.max(0, Math.min(1, hole + 0.5 - Math.hypot(i, j)));
        if (a > 0.04) out.push(i, j, Math.round(a * 230));
      }
    }
    return { reach, parts: Int32Array.from(out) };
  }

  function draw(partly) {
    const began = performance.now();
    const w = base.width, h = base.height, table = colours(), f = fields[state.field];
    const back = dark() ? 0xff1b1611 : 0xffffffff;
    pixels.fill(back);
    const size = radius() * ratio, { reach, parts: disc } = stamp(size), ring = f.hollow ? stamp(size, size * 0.55).parts : disc;
    const kx = side() * view.scale * ratio, ky = kx;
    const ox = (left() * view.scale + view.dx) * ratio, oy = (top() * view.scale + view.dy) * ratio;
    const chosen = state.chosen, faint = dark() ? 0xff39332e : 0xffe3e3e3;
    const step = partly && share < 1 ? Math.ceil(1 / share) : 1;
    for (let pass = chosen ? 0 : 1; pass < 2; pass++) {  // with a selection, the others lie below, faint
      for (let k = 0; k < order.length; k += step) {
        const i = order[k];
        if (chosen && (chosen[i] === 1) !== (pass === 1)) continue;
        const px = (data.x[i] * kx + ox) | 0, py = (data.y[i] * ky + oy) | 0;
        if (px < reach || py < reach || px >= w - reach || py >= h - reach) continue;
        const c = chosen && pass === 0 ? faint : table[f.codes[i]];
        const cr = c & 255, cg = c >> 8 & 255, cb = c >> 16 & 255;
        const at = py * w + px, parts = f.hollow && f.hollow[i] ? ring : disc;
        for (let s = 0; s < parts.length; s += 3) {
          const p = at + parts[s + 1] * w + parts[s], a = parts[s + 2], d = pixels[p];
          const dr = d & 255, dg = d >> 8 & 255, db = d >> 16 & 255;
          pixels[p] = (0xff000000 | (db + ((cb - db) * a >> 8)) << 16 | (dg + ((cg - dg) * a >> 8)) << 8 | (dr + ((cr - dr) * a >> 8))) >>> 0;
        }
      }
    }
    paper.putImageData(image, 0, 0);
    drawOver();
    const took = performance.now() - began;
    if (partly) share = Math.max(0.02, Math.min(1, share * 22 / Math.max(took, 1)));
    return took;
  }

  function drawOver() {
    const g = over.getContext("2d"), ink = dark() ? "#f2f2f0" : "#1c1c1a", back = dark() ? "#11161b" : "#ffffff";
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const f = fields[state.field];
    if (f.kind === "class" && state.field > 0 && !state.tissue && !state.chosen && root.querySelector(".names-toggle").checked) {
      g.font = "600 12px system-ui, sans-serif"; g.textAlign = "center"; g.textBaseline = "middle";
      g.lineJoin = "round"; g.lineWidth = 3.5; g.strokeStyle = back; g.fillStyle = ink;
      const placed = [];
      const all = f.bySize.flatMap((code) => f.middles[code].map((m, k) => ({ code, m, k })));
      all.sort((a, b) => a.k - b.k);  // stable: the first island of every class comes before the second of any
      for (const { code, m } of all) {  // the largest first; a name without room is left out, and comes with zooming in
        if (hidden[state.field].has(code)) continue;
        const text = f.classes[code].length > 28 ? f.classes[code].slice(0, 27) + "…" : f.classes[code];
        const half = g.measureText(text).width / 2 + 3, at = [sx(m[0]), sy(m[1])];
        if (at[0] < 0 || at[0] > width || at[1] < 0 || at[1] > height) continue;
        const x = Math.max(half, Math.min(width - half, at[0])), beside = f.counts[code] < n / 50 ? 14 : 0;  // few cells would lie under it
        const free = (y) => !placed.some((p) => Math.abs(p.x - x) < p.half + half && Math.abs(p.y - y) < 15);
        const y = [0, -8, 8, -16, 16].map((d) => at[1] + (d > 0 ? d + beside : d - beside)).find((v) => v > 8 && v < height - 8 && free(v));
        if (y === undefined) continue;
        placed.push({ x, y, half });
        g.strokeText(text, x, y); g.fillText(text, x, y);
      }
    }
    if (state.tissue && root.querySelector(".names-toggle").checked) {
      g.font = "600 12px system-ui, sans-serif"; g.textAlign = "center"; g.textBaseline = "middle"; g.fillStyle = ink;
      g.lineJoin = "round"; g.lineWidth = 3.5; g.strokeStyle = back;
      for (const [name, x, y] of data.tissue.sections) {
        const text = name.length > 28 ? name.slice(0, 27) + "…" : name, at = Math.max(sy(y), 9);  // of the first row, at the edge
        if (sx(x) < 0 || sx(x) > width || sy(y) < -40) continue;
        g.strokeText(text, sx(x), at); g.fillText(text, sx(x), at);
      }
    }
    if (state.lasso) {
      g.beginPath();
      state.lasso.forEach(([u, v], k) => (k ? g.lineTo(sx(u), sy(v)) : g.moveTo(sx(u), sy(v))));
      g.closePath(); g.globalAlpha = 0.12; g.fillStyle = ink; g.fill(); g.globalAlpha = 1;
      g.lineWidth = 1.5; g.setLineDash([5, 4]); g.strokeStyle = ink; g.stroke(); g.setLineDash([]);
    }
    if (state.hover >= 0) {
      g.beginPath(); g.arc(sx(data.x[state.hover]), sy(data.y[state.hover]), Math.max(5, radius() + 3), 0, 7);
      g.lineWidth = 3.5; g.strokeStyle = back; g.stroke(); g.lineWidth = 1.8; g.strokeStyle = ink; g.stroke();
    }
  }

  function redraw(moving) {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      frames.push(draw(moving));
      if (frames.length > 240) frames.shift();
    });
    clearTimeout(settle);
    if (moving) settle = setTimeout(() => redraw(false), 140);
  }

  function resize() {
    const box = stage.getBoundingClientRect();
    if (!box.width) return;
    width = box.width; height = box.height; ratio = Math.min(2, window.devicePixelRatio || 1);
    for (const c of [base, over]) { c.width = Math.round(width * ratio); c.height = Math.round(height * ratio); }
    image = paper.createImageData(base.width, base.height);
    pixels = new Uint32Array(image.data.buffer);
    draw(false);
  }

  function zoom(factor, cx = width / 2, cy = height / 2) {
    const next = Math.max(0.7, Math.min(200, view.scale * factor)), k = next / view.scale;
    view.dx = cx - (cx - view.dx) * k; view.dy = cy - (cy - view.dy) * k; view.scale = next;
    redraw(true);
  }

  function reset() { view.scale = 1; view.dx = 0; view.dy = 0; redraw(false); }

  function nearest(x, y, reach) {
    const u = ux(x), v = uy(y), r = reach / (side() * view.scale), c = grid.cells;
    let best = -1, least = r * r;
    const lo = (t) => Math.max(0, Math.floor((t - r) * c)), hi = (t) => Math.min(c - 1, Math.floor((t + r) * c));
    for (let j = lo(v); j <= hi(v); j++) {
      for (let i = lo(u); i <= hi(u); i++) {
        for (let k = grid.start[j * c + i]; k < grid.start[j * c + i + 1]; k++) {
          const p = grid.at[k], d = (data.x[p] - u) ** 2 + (data.y[p] - v) ** 2;
          if (d < least && visible(p)) { least = d; best = p; }
        }
      }
    }
    return best;
  }

  function said(f, i) {
    const code = f.codes[i];
    if (f.kind === "class") return f.classes[code];
    return code === 255 ? "–" : (f.low + (f.high - f.low) * code / 254).toFixed(2);
  }

  function show(i) {
    if (i === state.hover) return;
    state.hover = i;
    tip.hidden = i < 0;
    if (i >= 0) {
      tip.replaceChildren(line("strong", data.names[i]));
      for (const f of fields) {
        const value = said(f, i);
        if (value !== "–" && value !== f.absent) tip.append(line("div", f.title + ": " + value));
      }
      const x = sx(data.x[i]), y = sy(data.y[i]);
      tip.style.left = Math.max(4, Math.min(width - tip.offsetWidth - 4, x + 14)) + "px";
      tip.style.top = (y + tip.offsetHeight + 20 > height ? Math.max(4, y - tip.offsetHeight - 12) : y + 14) + "px";
    }
    drawOver();
  }

  function line(tag, text) { const e = document.createElement(tag); e.textContent = text; return e; }

  function inside(polygon, u, v) {
    let odd = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
      if (yi > v !== yj > v && u < (xj - xi) * (v - yi) / (yj - yi) + xi) odd = !odd;
    }
    return odd;
  }

  function choose(test) {
    const chosen = new Uint8Array(n), rows = [];
    for (let i = 0; i < n; i++) if (visible(i) && test(i)) { chosen[i] = 1; rows.push(i); }
    state.chosen = rows.length ? chosen : null; state.chosenCount = rows.length;
    list(rows);
    redraw(false);
  }

  function list(rows) {
    picked.hidden = !rows.length;
    status.textContent = rows.length ? `${rows.length.toLocaleString("en")} cells selected` : "No cell selected";
    const box = picked.querySelector(".counts");
    box.replaceChildren();
    if (!rows.length) return;
    picked.querySelector("h3").textContent = `${rows.length.toLocaleString("en")} cells selected`;
    for (const f of fields.filter((x) => x.kind === "class")) {
      const count = new Map();
      for (const i of rows) if (f.classes[f.codes[i]] !== f.absent) count.set(f.codes[i], (count.get(f.codes[i]) || 0) + 1);
      if (!count.size) continue;
      const top = [...count].sort((a, b) => b[1] - a[1]), p = line("p", f.title + ": ");
      p.append(line("span", top.slice(0, 6).map(([c, k]) => `${f.classes[c]} ${k.toLocaleString("en")}`).join(", ") +
        (top.length > 6 ? `, and ${top.length - 6} more` : "")));
      box.append(p);
    }
    const v = fields[0];
    picked.querySelector("textarea").value = rows.map((i) => v.classes[v.codes[i]] + "\t" + data.names[i]).join("\n");
  }

  function drawLegend() {
    const f = fields[state.field];
    legend.replaceChildren();
    if (f.kind === "number") {
      const bar = line("div", ""); bar.className = "ramp"; const set = dark() ? f.dark : f.light;
      bar.style.background = `linear-gradient(to right, ${set.slice(0, 255).filter((c, k) => k % 16 === 0).join(",")})`;
      const ends = line("div", ""); ends.className = "ends";
      ends.append(line("span", f.low.toFixed(2)), line("span", f.high.toFixed(2)));
      legend.append(bar, ends);
      offerAll();
      return;
    }
    const counts = f.counts, set = dark() ? f.dark : f.light;
    if (f.hollow) legend.append(line("p", "Rings: cells without a label of their own, with the label transferred to them."));
    f.classes.forEach((name, code) => {
      if (!counts[code]) return;
      const row = line("div", ""), label = line("label", ""), box = document.createElement("input"), dot = line("i", "");
      row.className = "entry"; box.type = "checkbox"; box.checked = !hidden[state.field].has(code);
      dot.style.background = set[code]; dot.className = "dot";
      const text = line("span", name), alone = line("button", "only"), some = line("span", counts[code].toLocaleString("en"));
      some.className = "count"; alone.type = "button"; alone.setAttribute("aria-label", "Show only " + name);
      box.addEventListener("change", () => { box.checked ? hidden[state.field].delete(code) : hidden[state.field].add(code); legend.querySelector(".show-all").hidden = hidden.every((h) => !h.size); reorder(); redraw(false); });
      alone.addEventListener("click", () => {
        const h = hidden[state.field], already = h.size && !h.has(code) && h.size === f.classes.length - 1;
        h.clear();
        if (!already) f.classes.forEach((_, c) => c !== code && h.add(c));
        reorder(); drawLegend(); redraw(false);
      });
      label.append(box, dot, text); row.append(label, some, alone); legend.append(row);
    });
    offerAll();
  }

  function offerAll() {  // what is hidden by another colouring stays hidden: say so
    const all = line("button", "Show all cells");
    all.type = "button"; all.className = "show-all"; all.hidden = hidden.every((h) => !h.size);
    all.addEventListener("click", () => { hidden.forEach((h) => h.clear()); reorder(); drawLegend(); redraw(false); });
    legend.append(all);
  }

  function mode(to) {
    state.mode = to;
    stage.dataset.mode = to;
    for (const b of root.querySelectorAll("[data-mode-to]")) b.setAttribute("aria-pressed", String(b.dataset.modeTo === to));
  }

  // ---- pointers
  const down = new Map();
  let pinch = 0, moved = 0;
  const place = (e) => { const b = over.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
  over.addEventListener("pointerdown", (e) => {
    over.setPointerCapture(e.pointerId);
    down.set(e.pointerId, place(e)); moved = 0;
    if (down.size === 2) { const [a, b] = [...down.values()]; pinch = Math.hypot(a[0] - b[0], a[1] - b[1]); state.lasso = null; }
    else if (state.mode === "lasso" || e.shiftKey) { const [x, y] = place(e); state.lasso = [[ux(x), uy(y)]]; show(-1); }
  });
  over.addEventListener("pointermove", (e) => {
    const [x, y] = place(e);
    if (!down.has(e.pointerId)) { if (e.pointerType !== "touch") show(nearest(x, y, 9)); return; }
    const [px, py] = down.get(e.pointerId);
    down.set(e.pointerId, [x, y]); moved += Math.abs(x - px) + Math.abs(y - py);
    if (down.size === 2) {
      const [a, b] = [...down.values()], d = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) zoom(d / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pinch = d;
    } else if (state.lasso) { state.lasso.push([ux(x), uy(y)]); drawOver(); }
    else if (moved > 3) { view.dx += x - px; view.dy += y - py; show(-1); redraw(true); }
  });
  const up = (e) => {
    if (!down.delete(e.pointerId)) return;
    const [x, y] = place(e);
    if (state.lasso) {
      const polygon = state.lasso; state.lasso = null;
      if (polygon.length > 3) {
        const us = polygon.map((p) => p[0]), vs = polygon.map((p) => p[1]);
        const [u0, u1, v0, v1] = [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)];
        choose((i) => data.x[i] >= u0 && data.x[i] <= u1 && data.y[i] >= v0 && data.y[i] <= v1 && inside(polygon, data.x[i], data.y[i]));
      } else choose(() => false);
    } else if (moved <= 3 && e.type === "pointerup") {
      const i = nearest(x, y, 14);
      show(i);
      choose((j) => j === i);
    }
    drawOver();
  };
  over.addEventListener("pointerup", up);
  over.addEventListener("pointercancel", (e) => { state.lasso = null; up(e); });
  over.addEventListener("pointerleave", () => down.size || show(-1));
  over.addEventListener("dblclick", reset);
  over.addEventListener("wheel", (e) => {  // the page scrolls past the map until the map is clicked
    if (document.activeElement !== over && !e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const [x, y] = place(e);
    zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0015)), x, y);
  }, { passive: false });
  over.addEventListener("keydown", (e) => {
    const move = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[e.key];
    if (move) { view.dx += move[0]; view.dy += move[1]; redraw(true); }
    else if (e.key === "+" || e.key === "=") zoom(1.3);
    else if (e.key === "-") zoom(1 / 1.3);
    else if (e.key === "0") reset();
    else if (e.key === "Escape") { show(-1); choose(() => false); }
    else if (e.key === "Enter") choose(inFrame);
    else return;
    e.preventDefault();
  });
  const inFrame = (i) => { const x = sx(data.x[i]), y = sy(data.y[i]); return x >= 0 && y >= 0 && x <= width && y <= height; };

  // ---- buttons
  const on = (what, does) => root.querySelector(what).addEventListener("click", does);
  on(".zoom-in", () => zoom(1.5)); on(".zoom-out", () => zoom(1 / 1.5)); on(".reset", reset);
  on(".list-shown", () => choose(inFrame)); on(".clear", () => choose(() => false));
  for (const b of root.querySelectorAll("[data-mode-to]")) b.addEventListener("click", () => mode(b.dataset.modeTo));
  root.querySelector(".names-toggle").addEventListener("change", drawOver);
  on(".copy", () => copyText(picked.querySelector("textarea"), root.querySelector(".copy")));
  on(".save", () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob(["view\tcell\n" + picked.querySelector("textarea").value + "\n"], { type: "text/tab-separated-values" }));
    a.download = "cells.tsv"; a.click(); setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  });
  fields.forEach((f, k) => { const o = line("option", f.title); o.value = k; select.append(o); });
  select.addEventListener("change", () => { state.field = Number(select.value); reorder(); drawLegend(); redraw(false); });

  ["all views", ...fields[0].classes].forEach((name, k) => { const o = line("option", name); o.value = k - 1; only.append(o); });
  only.addEventListener("change", () => { state.view = Number(only.value); reorder(); redraw(false); });

  const where = root.querySelector("select.where");  // cells in the latent space, or at their positions in the tissue
  if (where) where.addEventListener("change", () => {
    state.tissue = where.value === "tissue";
    for (const text of document.querySelectorAll("[data-about]")) text.hidden = (text.dataset.about === "tissue") !== state.tissue;
    Object.assign(data, state.tissue ? { x: data.tissue.x, y: data.tissue.y } : latent);
    grid = buildGrid(data.x, data.y, n);
    show(-1); reorder(); reset();
  });

  const restyle = () => { drawLegend(); if (pixels) draw(false); };
  document.addEventListener("themechange", restyle);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  window.addEventListener("beforeprint", () => { state.printing = true; restyle(); });
  window.addEventListener("afterprint", () => { state.printing = false; restyle(); });
  new ResizeObserver(resize).observe(stage);

  select.value = String(data.start); state.field = data.start;
  mode("move"); reorder(); drawLegend(); resize(); list([]);
  root.dataset.ready = "yes";
  return { view, state, frames, draw, place: (i) => [sx(data.x[i]), sy(data.y[i])], zoom, redraw, n };
}
