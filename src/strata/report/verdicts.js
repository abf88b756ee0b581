// Search, filters and order of the table of claims. A claim is one tbody; every word searched for
// must begin one of its words, and a number must be one of its numbers. The state is in the URL.
const filters = document.getElementById("filters");
const table = document.getElementById("claims");
const claims = [...table.tBodies];
const names = ["paper", "verdict", "profile"];

// "+63,419%" -> 63419, "layer-to-layer" -> layer, to, layer; a minus or plus belongs to its number
function tokens(text) {
  const plain = text.toLowerCase().replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1");
  return plain.match(/(?<![\p{L}\d])[+-]?\d+(?:\.\d+)?|[\p{L}\d]+/gu) ?? [];
}

const unsigned = (token) => token.replace(/^[+-]/, "");

// "layer 11" is one place, so its number must stand behind its word
const PLACES = /^(layers?|table|fig|figure)$/;

function matches(own, searched) {
  return searched.every((word, i) => {
    if (!/^[+-]?[\d.]+$/.test(word)) return own.some((token) => token.startsWith(word));
    const before = PLACES.test(searched[i - 1]) ? searched[i - 1] : "";
    return own.some(
      (token, k) => [token, unsigned(token)].includes(word) && (own[k - 1] ?? "").startsWith(before),
    );
  });
}

function show(address = true) {
  const wanted = Object.fromEntries(new FormData(filters));
  const searched = tokens(wanted.search);
  for (const claim of claims) {
    const chosen = names.every((name) => !wanted[name] || claim.dataset[name] === wanted[name]);
    claim.hidden = !(chosen && matches(words.get(claim), searched));
  }
  const shown = claims.filter((claim) => !claim.hidden).length;
  const none = shown ? "" : " Nothing matches: take back a filter or a word.";
  document.getElementById("shown").textContent = `${shown} of ${claims.length} claims.${none}`;
  sort(wanted.order);
  if (address) {
    const state = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    history.replaceState(null, "", (state.size ? `?${state}` : location.pathname) + location.hash);
  }
}

function sort(order) {
  const place = (claim) => claims.indexOf(claim);
  const verdicts = [...filters.elements.verdict.options].map((option) => option.value);
  const rank = (claim) => (order ? verdicts.indexOf(claim.dataset.verdict) : 0);
  table.append(...[...claims].sort((a, b) => rank(a) - rank(b) || place(a) - place(b)));
}

// a claim that is linked to is shown, whatever the filters
function reveal() {
  const claim = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("tbody");
  if (claim?.hidden) {
    filters.reset();
    show();
    claim.scrollIntoView();
  }
}

const words = new Map(
  claims.map((claim) => {
    const told = claim.cloneNode(true);
    told.querySelector(".evidence").remove(); // paths and minutes hold numbers of their own
    const cells = [...told.querySelectorAll("th, td")].map((cell) => cell.textContent);
    return [claim, tokens([...cells, claim.dataset.words].join(" "))];
  }),
);
for (const [name, value] of new URLSearchParams(location.search)) {
  if (filters.elements[name]) filters.elements[name].value = value;
}
filters.addEventListener("input", () => show());
filters.addEventListener("change", () => show());
filters.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});
for (const count of document.querySelectorAll(".counts button")) {
  count.addEventListener("click", () => {
    filters.reset();
    filters.elements.verdict.value = count.dataset.verdict;
    show();
    document.getElementById("Every-claim").scrollIntoView();
  });
}
for (const command of document.querySelectorAll("code.command")) {
  const copy = Object.assign(document.createElement("button"), {
    type: "button", className: "copy", textContent: "copy",
  });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.textContent);
    copy.textContent = "copied";
  });
  command.after(copy);
}
show(false);
reveal();
