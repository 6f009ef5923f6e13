// Makes a chart interactive when its reader asks for that, and saves what is shown as PNG, SVG or CSV. Until then, without
// this script, and from a disk, where a page may not read files, the chart is the image in the page.
(() => {
  "use strict";
  const VEGA = new URL("vega.js", document.currentScript.src).href; // 0.9 MB, loaded once, for the first that asks
  const PHONE = window.matchMedia("(max-width: 760px)"); // as in openmeasures.css
  const ERRORS = 1; // Vega's level of what it says on the console
  const SCALE = 2; // pixels of a saved PNG for each of the chart's

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const button = (words, pressed) => {
    const element = made("button", { type: "button", className: "om-tool", textContent: words });
    element.addEventListener("click", pressed);
    return element;
  };

  let vega = null;
  const loaded = () => {
    vega ??= new Promise((resolve, reject) => {
      const script = made("script", { src: VEGA, onload: () => resolve(window.vegaEmbed), onerror: reject });
      document.head.append(script);
    });
    return vega;
  };
  const read = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return answer.json();
  };

  // ---- what is drawn

  // The same chart for a phone: the parts that differ are beside the others.
  const fitted = (specification) => {
    const phone = PHONE.matches && specification.usermeta?.phone;
    if (!phone) return structuredClone(specification);
    const { datasets, layer, ...others } = structuredClone(phone);
    const whole = structuredClone(specification);
    return {
      ...whole, ...others,
      datasets: { ...whole.datasets, ...datasets },
      layer: whole.layer.map((each, place) => layer[place] ?? each),
    };
  };

  const tells = (layer, field) => layer.encoding?.tooltip?.some((each) => each.field === field);
  const ofPeers = (specification) => specification.layer.find((layer) => tells(layer, "org_name"));
  const peers = (specification) => {
    const layer = ofPeers(specification);
    return layer ? specification.datasets[layer.data.name] : [];
  };

  // A ring around one organisation's point and its name beside it: a shape and words, so that no colour has to tell.
  const highlighted = (specification, name) => {
    const source = ofPeers(specification);
    const { x, y } = source.encoding;
    const point = specification.datasets[source.data.name].find((row) => row.org_name === name);
    const field = x.field;
    const only = {
      data: source.data, transform: [{ filter: { field: "org_name", equal: name } }],
      encoding: { x: { field, type: x.type }, ...(y ? { y: { field: y.field, type: y.type } } : {}) },
    };
    const height = source.mark.y ? { y: source.mark.y } : {};
    const isRight = `scale('x', datum.${field}) > width / 2`;
    const named = PHONE.matches ? "" : "replace(datum.org_name, / NHS( Foundation)? Trust$/, '') + ' ' + ";
    const words = {
      type: "text", text: { expr: `${named}datum.written` }, fontWeight: "bold", ...height,
      align: { expr: `${isRight} ? 'right' : 'left'` }, dx: { expr: `${isRight} ? -14 : 14` }, dy: -14,
      strokeJoin: "round",
    };
    const ring = { type: "point", shape: "circle", size: 330, fill: "transparent", stroke: "#212b32", strokeWidth: 3, opacity: 1 };
    const layers = [
      { ...only, name: "highlight", mark: { ...ring, ...height } },
      { ...only, name: "highlight halo", mark: { ...words, stroke: "#ffffff", strokeWidth: 4 } },
      { ...only, name: "highlight words", mark: { ...words, color: "#212b32" } },
    ];
    const datasets = { ...specification.datasets };
    const isItsOwn = (row) => row.value === point.value && row.denominator === point.denominator;
    if (datasets.names) datasets.names = datasets.names.filter((row) => !isItsOwn(row));
    return { ...specification, datasets, layer: [...specification.layer, ...layers] };
  };

  // ---- what is saved

  const save = (content, name) => {
    const address = URL.createObjectURL(content);
    made("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const imageOf = (figure) => {
    const shown = [...figure.querySelectorAll("svg")].find((each) => each.getClientRects().length);
    const { width, height } = shown.viewBox.baseVal;
    const copy = shown.cloneNode(true);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const text = new XMLSerializer().serializeToString(copy);
    return { width, height, content: new Blob([text], { type: "image/svg+xml" }) };
  };
  const savePng = async (figure, name) => {
    const { width, height, content } = imageOf(figure);
    const address = URL.createObjectURL(content);
    const picture = made("img", { src: address });
    await picture.decode();
    const canvas = made("canvas", { width: width * SCALE, height: height * SCALE });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob((png) => save(png, `${name}.png`));
  };
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const saveCsv = (rows, name) => {
    const lines = rows.map((row) => row.map((cell) => quoted(String(cell ?? ""))).join(","));
    save(new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv" }), `${name}.csv`);
  };

  // From a disk, where the figures themselves may not be read, as the page writes them.
  const inTable = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim().replaceAll("\u00a0", " ")));
  const WRITTEN = /^(?:written|.*_written|limits|label|median|middle)$/; // figures in words
  const inFull = (specification) => {
    const layer = specification.layer.find((each) => each.encoding?.tooltip);
    const rows = specification.datasets[layer.data.name];
    const names = Object.keys(rows[0]).filter((name) => !WRITTEN.test(name) && rows.every((row) => typeof row[name] !== "object" || row[name] === null));
    return [names, ...rows.map((row) => names.map((name) => row[name]))];
  };

  // ---- one chart

  const prepare = (figure) => {
    const own = figure.dataset.chart;
    const state = { address: own, peer: "", drawn: null, turn: 0 };
    const name = () => (live.hidden ? own : state.address).split("/").pop().replace(".vl.json", "");
    const images = [...figure.querySelectorAll(".om-wide, .om-narrow")];
    const caption = figure.querySelector("figcaption");
    const said = made("p", { className: "om-said" });
    said.setAttribute("role", "status");
    const live = made("div", { className: "om-live", hidden: true });
    const choices = made("div", { className: "om-choices", hidden: true });
    caption.before(live);

    const say = (whole) => {
      const row = state.peer && peers(whole).find((each) => each.org_name === state.peer);
      if (row) said.textContent = [row.org_name, row.written, row.position].filter(Boolean).join(": ");
      else said.textContent = state.address === own ? "" : whole.description;
    };

    // Draws and says what is chosen; a choice that was changed meanwhile is neither drawn nor said.
    const draw = async () => {
      const turn = (state.turn += 1);
      const embed = await loaded();
      const whole = await read(state.address);
      const specification = state.peer ? highlighted(fitted(whole), state.peer) : fitted(whole);
      const box = made("div");
      const next = await embed(box, specification, {
        ast: true, actions: false, renderer: "svg", defaultStyle: false, logLevel: ERRORS,
      });
      if (turn !== state.turn) {
        next.finalize();
        return whole;
      }
      state.drawn?.finalize();
      state.drawn = next;
      const image = box.querySelector("svg"); // one image with words, as in the page; its parts are none
      image.querySelectorAll("[role]").forEach((each) => {
        each.removeAttribute("role");
        each.removeAttribute("aria-roledescription");
      });
      image.setAttribute("role", "img");
      image.setAttribute("aria-label", whole.description);
      live.replaceChildren(box);
      say(whole);
      return whole;
    };
    const failed = (error) => {
      console.warn(error);
      said.textContent = "The interactive chart cannot be loaded; the image is complete without it.";
      said.hidden = false;
    };
    const redraw = () => draw().catch(failed);

    const offer = (whole) => {
      const views = JSON.parse(figure.dataset.views);
      if (views.length) {
        const group = made("fieldset", {}, made("legend", { textContent: "Show" }));
        [["As published", own], ...views].forEach(([words, address]) => {
          const radio = made("input", { type: "radio", name: own, checked: address === own });
          radio.addEventListener("change", () => { state.address = address; redraw(); });
          group.append(made("label", {}, radio, ` ${words}`));
        });
        choices.append(group);
      }
      const names = peers(whole).map((row) => row.org_name);
      if (names.length > 1) {
        const select = made("select", {}, made("option", { value: "", textContent: "none" }));
        select.append(...names.sort((one, other) => one.localeCompare(other)).map((each) => made("option", { value: each, textContent: each })));
        select.addEventListener("change", () => { state.peer = select.value; redraw(); });
        choices.append(made("label", {}, "Highlight an organisation ", select));
      }
    };

    const show = (isLive) => {
      images.forEach((each) => { each.hidden = isLive; });
      live.hidden = !isLive;
      choices.hidden = !isLive || !choices.children.length;
      said.hidden = !isLive;
      explore.setAttribute("aria-pressed", String(isLive));
    };
    const explore = button("Interactive chart", async () => {
      if (!live.hidden) { show(false); return; }
      if (explore.ariaDisabled) return;
      explore.ariaDisabled = "true"; // not `disabled`, which would take the focus away
      try {
        const whole = await draw();
        if (!choices.children.length) offer(whole);
        show(true);
      } catch (error) {
        failed(error);
      }
      explore.ariaDisabled = null;
    });
    explore.setAttribute("aria-pressed", "false");
    PHONE.addEventListener("change", () => { if (!live.hidden) redraw(); });

    const tools = figure.nextElementSibling;
    const table = tools.nextElementSibling?.querySelector("table");
    const above = [...document.querySelectorAll("main h2")].filter((each) => each.compareDocumentPosition(figure) & Node.DOCUMENT_POSITION_FOLLOWING);
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", `Chart: ${above.at(-1)?.textContent.trim() ?? document.title}`);
    tools.after(choices, said);
    if (location.protocol !== "file:") tools.prepend(explore, " ");
    tools.append(", ", button("PNG", () => savePng(figure, name())), ", ");
    tools.append(button("SVG", () => save(imageOf(figure).content, `${name()}.svg`)));
    const figures = async () =>
      location.protocol === "file:" ? inTable(table) : inFull(await read(live.hidden ? own : state.address));
    if (table || location.protocol !== "file:") tools.append(", ", button("CSV", async () => saveCsv(await figures(), name())));
  };

  document.querySelectorAll("figure[data-chart]").forEach(prepare);
})();
