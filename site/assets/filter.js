// Narrows a list or table to the entries that hold every word typed. Without this script everything stays listed.
document.querySelectorAll("input[data-filter]").forEach((input) => {
  const list = document.getElementById(input.dataset.filter);
  const entries = [...list.querySelectorAll("li, tbody tr")];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    entries.forEach((entry) => {
      const text = `${entry.textContent} ${entry.dataset.words ?? ""}`.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
    });
    const shown = entries.filter((entry) => !entry.hidden).length;
    const status = document.querySelector(`[data-filtered="${input.dataset.filter}"]`);
    status.textContent = shown ? `${shown} of ${entries.length} shown` : "No organisation matches.";
    list.querySelectorAll("section").forEach((section) => {
      section.hidden = !section.querySelector("li:not([hidden])");
    });
  });
});
