// Finds an organisation by name, code, town or former name: a combobox with a list, as the ARIA Authoring Practices have
// it. The index is loaded when somebody comes to the field. Without this script there is a link to the list of all.
(() => {
  const MOST = 10; // in the list at a time
  const FEWEST_LETTERS = 4; // of a word in which one wrong letter is forgiven
  const FILLERS = new Set(["the", "of", "and", "for", "nhs", "trust", "ft"]); // never tell two organisations apart
  const here = document.currentScript.src;
  const finder = document.querySelector(".om-finder");
  const box = finder.querySelector("[hidden]");
  const input = finder.querySelector("input");
  const list = finder.querySelector("[role=listbox]");
  const status = finder.querySelector("[role=status]");
  let entries = null; // until the index is there
  let hits = [];
  let active = -1;

  // Words without capitals, accents and signs; "Saint" is "St", and "&" is "and".
  const words = (text) =>
    text
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .replace(/&/g, " and ")
      .replace(/['’]/g, "")
      .split(/[^a-z0-9]+/)
      .filter(Boolean)
      .map((word) => (word === "saint" ? "st" : word));

  // Whether one letter more, less, other, or swapped with its neighbour turns one into the other.
  const oneApart = (one, other) => {
    const shortest = Math.min(one.length, other.length);
    let start = 0;
    let end = 0;
    while (start < shortest && one[start] === other[start]) start += 1;
    while (end < shortest - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
    const [a, b] = [one.slice(start, one.length - end), other.slice(start, other.length - end)];
    return (a.length <= 1 && b.length <= 1) || (a.length === 2 && a === [...b].reverse().join(""));
  };
  const begins = (typed, word) => word.startsWith(typed);
  const nearly = (typed, word) =>
    begins(typed, word) ||
    (typed.length >= FEWEST_LETTERS &&
      [-1, 0, 1].some((more) => oneApart(typed, word.slice(0, typed.length + more))));
  const all = (typed, among, matches) => typed.every((one) => among.some((word) => matches(one, word)));

  const entry = ([code, name, place, address, town, formerly, partly, note]) => ({
    code, name, place, address, town, note,
    ofCode: words(code).join(""), ofName: words(name), ofTown: words(town), ofPlace: words(place),
    others: [
      ...formerly.map((other) => ({ says: `formerly ${other}`, of: words(other) })),
      ...partly.map((other) => ({ says: `in part formerly ${other}`, of: words(other) })),
    ],
  });

  // How well an entry fits, 0 best, and the former name by which it does; null where it does not.
  const fit = (each, typed, told, matches) => {
    const whole = typed.join("");
    const name = [...each.ofName, ...each.ofTown];
    if (each.ofCode === whole) return { rank: 0, says: "" };
    if (all(typed, each.ofName, matches)) return { rank: each.ofName[0].startsWith(typed[0]) ? 1 : 2, says: "" };
    if (each.ofCode.startsWith(whole)) return { rank: 3, says: "" };
    if (all(told, name, matches)) return { rank: 4, says: "" };
    const other = each.others.find(({ of }) => all(told, [...of, ...each.ofTown], matches));
    if (other) return { rank: 5, says: other.says };
    return all(told, [...name, ...each.ofPlace], matches) ? { rank: 6, says: "" } : null;
  };
  const search = (typed, matches) => {
    const some = typed.filter((word) => !FILLERS.has(word));
    const told = some.length ? some : typed;
    return entries
      .map((each) => ({ each, ...(fit(each, typed, told, matches) ?? { rank: -1 }) }))
      .filter((found) => found.rank >= 0)
      .sort((one, other) => one.rank - other.rank || one.each.name.localeCompare(other.each.name));
  };

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (number) => {
    active = number;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === number)));
    if (number < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[number].id);
    list.children[number].scrollIntoView({ block: "nearest" });
  };
  const open = (number) => location.assign(new URL(`../${hits[number].each.address}`, here));

  const option = ({ each, says }, number) => {
    const item = document.createElement("li");
    const about = document.createElement("span");
    item.id = `om-found-${number}`;
    item.setAttribute("role", "option");
    item.append(each.name, about);
    about.textContent = [each.code, each.place, each.town, says, each.note].filter(Boolean).join(", ");
    item.addEventListener("click", () => open(number));
    return item;
  };
  const show = () => {
    const typed = words(input.value);
    if (!entries || !typed.length) {
      status.textContent = "";
      return close();
    }
    let found = search(typed, begins);
    const isNear = !found.length;
    if (isNear) found = search(typed, nearly);
    hits = found.slice(0, MOST);
    list.replaceChildren(...hits.map(option));
    list.hidden = !hits.length;
    input.setAttribute("aria-expanded", String(hits.length > 0));
    choose(-1);
    const number = `${found.length} organisation${found.length === 1 ? "" : "s"}`;
    const rest = found.length > MOST ? `, the first ${MOST} listed` : "";
    status.textContent = found.length ? `${number} found${isNear ? " with a similar name" : ""}${rest}.` : "No organisation found.";
  };

  const load = () => {
    window.omOrganisations = (rows) => {
      entries = rows.map(entry);
      show();
    };
    const script = document.createElement("script");
    script.src = new URL("organisations.js", here);
    script.addEventListener("error", () => {
      status.textContent = "The index of organisations could not be loaded. Use the list of all organisations.";
    });
    document.head.append(script);
  };

  input.addEventListener("focus", load, { once: true });
  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // or the field would lose the focus first
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const last = hits.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show();
      if (list.hidden) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = active < 0 && step < 0 ? last : active + step;
      choose(next > last ? 0 : next < 0 ? last : next);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      const isCertain = hits.length === 1 || hits[0].rank === 0;
      if (active >= 0 || isCertain) open(Math.max(active, 0));
      else choose(0);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (list.hidden) input.value = "";
      if (list.hidden) status.textContent = "";
      close();
    }
  });
  box.hidden = false;
  if (document.activeElement === input) load();
})();
