// Improves what already works without it: copy buttons, theme without a reload, filters, live trust pages.
const root = document.documentElement;
root.dataset.script = "";

// Copy buttons name the element whose text they copy.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl-C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2400);
});

// The theme changes in place; the server keeps the choice in a cookie.
for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const theme = event.submitter.value;
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-form] button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
    fetch(form.action, { method: "POST", body: new URLSearchParams({ theme, return: "/" }), redirect: "manual" });
  });
}

// Forms of filters are sent when a choice changes; the button stays for those who type.
for (const form of document.querySelectorAll("form[data-filters]")) {
  form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
  // Empty choices stay out of the address.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

// A text filter over rows that are already on the page.
const filter = document.querySelector("[data-find]");
filter?.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of document.querySelectorAll("[data-row]")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-row]:not([hidden])");
  }
});

document.getElementById("problems")?.focus();

// Live pages: when the server says that something changed, or the snapshot is about to run out, its parts are
// fetched again. When it has run out and nothing newer came, the page says so by itself.
const live = document.querySelector("[data-live]");
if (live) {
  let busy = false;
  let tried = 0;
  let version;
  const validUntil = () => Date.parse(live.dataset.validUntil);
  const refresh = async () => {
    if (busy) return;
    busy = true;
    tried = Date.now();
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      live.dataset.validUntil = fresh.querySelector("[data-live]").dataset.validUntil;
      for (const part of live.querySelectorAll("[data-part]")) {
        const next = fresh.getElementById(part.id);
        const open = new Set([...part.querySelectorAll("details[open]")].map((item) => item.id));
        for (const item of next.querySelectorAll("details")) item.open = open.has(item.id);
        part.replaceChildren(...next.childNodes);
      }
      filter?.dispatchEvent(new Event("input"));
    } catch {
      // The server is away: the clock below says so when it matters.
    } finally {
      busy = false;
      decay();
    }
  };
  const decay = () => {
    const over = Date.now() > validUntil();
    live.toggleAttribute("data-expired", over);
    document.getElementById("expired").hidden = !over;
    if (Date.now() > validUntil() - 20_000 && Date.now() > tried + 10_000) refresh();
  };
  const events = new EventSource(live.dataset.live);
  events.addEventListener("changed", (event) => { version = event.lastEventId; refresh(); });
  // Sent at every connection: after a break it may be news.
  events.addEventListener("current", (event) => {
    if (version !== undefined && version !== event.lastEventId) refresh();
    version = event.lastEventId;
  });
  setInterval(decay, 1000);
}
const opened = location.hash && document.getElementById(location.hash.slice(1));
if (opened instanceof HTMLDetailsElement) opened.open = true;
