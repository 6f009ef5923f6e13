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
    list.querySelectorAll("section").forEach((section) => {
      section.hidden = !section.querySelector("li:not([hidden])");
    });
  });
});
