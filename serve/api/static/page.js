// Fetches the parts of a page that change, and asks before what cannot be undone.
"use strict";

for (const part of document.querySelectorAll("[data-refresh]")) {
  const refresh = async () => {
    try {
      const answer = await fetch(part.dataset.refresh, { redirect: "error" });
      if (answer.ok) {
        replace(part, await answer.text());
        if (answer.headers.has("x-finished")) {
          if (part.dataset.reload !== undefined) location.reload();
          return;
        }
      }
    } catch {
      // the service is away for a moment: the page stays as it is
    }
    setTimeout(refresh, document.hidden ? 10000 : 2000);
  };
  setTimeout(refresh, 2000);
}

function replace(part, html) {
  if (part.dataset.html === html) return;
  const log = part.querySelector(".log");
  const atEnd = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const top = log && log.scrollTop;
  const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
  part.dataset.html = html;
  part.innerHTML = html; // rendered and escaped by the service
  const after = part.querySelector(".log");
  if (after) after.scrollTop = atEnd || !log ? after.scrollHeight : top;
  if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}
