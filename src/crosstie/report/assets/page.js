// The rest of the page: packed data, theme, tables that sort and filter, copying.

async function unpack(text) {  // base64 of zlib
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function copyText(box, button) {
  const done = () => { const was = button.textContent; button.textContent = "Copied"; setTimeout(() => { button.textContent = was; }, 1500); };
  const text = "value" in box ? box.value : box.textContent;
  const old = () => {
    const area = document.createElement("textarea");
    area.value = text; document.body.append(area); area.select(); document.execCommand("copy"); area.remove(); done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, old); else old();
}

function startTheme() {
  const button = document.querySelector(".theme"), root = document.documentElement;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); document.dispatchEvent(new Event("themechange")); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
}

// A table whose rows come packed: columns of one type, "text" or "number". The rows that stand in the page are its first.
function startTable(root, data) {
  const body = root.querySelector("tbody"), heads = [...root.querySelectorAll("th")], page = Number(root.dataset.page);
  const find = root.querySelector("input[type=search]"), kind = root.querySelector("select"), said = root.querySelector(".rows-said");
  const columns = data.columns, n = columns.length ? columns[0].values.length : 0;
  let rows = [...Array(n).keys()], shown = page, key = data.sorted ?? 0, down = data.down ?? true;

  function fill() {
    const word = find.value.trim().toLowerCase(), only = kind ? kind.value : "";
    rows = [];
    for (let i = 0; i < n; i++) {
      if (only && columns[data.kind].values[i] !== only) continue;
      if (word && !columns.some((c) => c.type === "text" && c.values[i].toLowerCase().includes(word))) continue;
      rows.push(i);
    }
    const { values, type } = columns[key];
    const sign = down ? -1 : 1;
    rows.sort((a, b) => (type === "text" ? sign * values[a].localeCompare(values[b], "en", { numeric: true }) :
      (values[a] === null) - (values[b] === null) || sign * (values[a] - values[b])) || a - b);
    body.replaceChildren(...rows.slice(0, shown).map(rowOf));
    heads.forEach((h, k) => h.setAttribute("aria-sort", k === key ? (down ? "descending" : "ascending") : "none"));
    said.textContent = `${Math.min(shown, rows.length).toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
    root.querySelector(".more").hidden = shown >= rows.length;
  }

  function rowOf(i) {
    const tr = document.createElement("tr");
    for (const c of columns) {
      const td = document.createElement("td");
      td.textContent = c.type === "text" ? c.values[i] : c.values[i] === null ? "–" : c.values[i].toFixed(c.digits);
      if (c.type !== "text") td.className = "number";
      if (c.bar && c.values[i] !== null) {
        const bar = document.createElement("span"); bar.className = "bar";
        bar.style.setProperty("--part", String(Math.max(0, Math.min(1, c.values[i])))); td.append(bar);
      }
      tr.append(td);
    }
    return tr;
  }

  heads.forEach((h, k) => h.querySelector("button").addEventListener("click", () => {
    down = k === key ? !down : columns[k].type !== "text"; key = k; fill();
  }));
  find.addEventListener("input", () => { shown = page; fill(); });
  if (kind) kind.addEventListener("change", () => { shown = page; fill(); });
  root.querySelector(".more").addEventListener("click", () => { shown += 4 * page; fill(); });
  root.querySelector(".tools").hidden = false;
  fill();
  root.dataset.ready = "yes";
}

const packed = (root) => JSON.parse(root.querySelector("script[type='application/json']").textContent);

async function readPoints(found) {
  const xy = new Uint16Array(await unpack(found.xy)), n = xy.length / 2;
  const scaled = (a) => Float32Array.from(a, (v) => v / 65535);
  const names = JSON.parse(new TextDecoder().decode(await unpack(found.names)));
  for (const f of found.fields) {
    const bytes = await unpack(f.codes);
    f.codes = f.wide ? new Uint16Array(bytes) : new Uint8Array(bytes);
    if (f.hollow) f.hollow = new Uint8Array(await unpack(f.hollow));
  }
  const points = { x: scaled(xy.subarray(0, n)), y: scaled(xy.subarray(n)), names, fields: found.fields, start: found.start };
  if (found.tissue) {
    const at = new Uint16Array(await unpack(found.tissue.xy));
    points.tissue = { x: scaled(at.subarray(0, n)), y: scaled(at.subarray(n)), there: new Uint8Array(await unpack(found.tissue.there)), sections: found.tissue.sections };
  }
  return points;
}

async function start() {
  startTheme();
  for (const root of document.querySelectorAll(".packed-table")) startTable(root, packed(root));
  for (const b of document.querySelectorAll("[data-copies]")) {
    b.hidden = false;
    b.addEventListener("click", () => copyText(document.getElementById(b.dataset.copies), b));
  }
  const folded = [...document.querySelectorAll("details")];
  let opened = [];
  window.addEventListener("beforeprint", () => { opened = folded.filter((d) => !d.open); opened.forEach((d) => { d.open = true; }); });
  window.addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
  const root = document.querySelector("#map-root");
  if (root) {
    if (typeof DecompressionStream === "undefined") { root.querySelector(".map-status").textContent = "The map needs a browser of 2023 or later."; return; }
    window.crosstieMap = startMap(root, await readPoints(packed(root)));
  }
  document.documentElement.dataset.ready = "yes";
}
start();
