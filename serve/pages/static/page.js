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

// What a person opened, ticked, scrolled or focused in a part stays so.
function replace(part, html) {
  if (part.dataset.html === html) return;
  const log = part.querySelector(".log");
  const atEnd = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const top = log && log.scrollTop;
  const focused = part.contains(document.activeElement) && nameOf(document.activeElement);
  const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  const ticked = new Set([...part.querySelectorAll("input:checked")].map((input) => input.value));
  part.dataset.html = html;
  part.innerHTML = html; // rendered and escaped by the service
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const input of part.querySelectorAll("input[type=checkbox]")) input.checked = ticked.has(input.value);
  const after = part.querySelector(".log");
  if (after) after.scrollTop = atEnd || !log ? after.scrollHeight : top;
  if (focused) part.querySelector(focused)?.focus();
}

function nameOf(element) {
  if (element.hasAttribute("href")) return `[href="${CSS.escape(element.getAttribute("href"))}"]`;
  if (element.matches("input")) return `input[value="${CSS.escape(element.value)}"]`;
  if (element.matches("summary")) return `#${CSS.escape(element.parentElement.id)} > summary`;
  return element.matches("button") ? "button" : element.matches(".log") ? ".log" : null;
}

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    if (event.submitter) event.submitter.textContent = form.dataset.busy;
  });
}

// A button whose answer is a part of the page, made of what the form holds.
for (const button of document.querySelectorAll("button[data-part]")) {
  button.addEventListener("click", () => {
    const part = document.getElementById(button.dataset.part);
    part.textContent = "Reading ...";
    show(part, button.dataset.address, button.form, true);
  });
}

for (const form of document.querySelectorAll("form[data-estimate]")) {
  const estimate = document.getElementById("estimate");
  form.addEventListener("change", () => show(estimate, form.dataset.estimate, form, false));
}

async function show(part, address, form, isMarkup) {
  try {
    const answer = await fetch(address, { method: "POST", body: new FormData(form), redirect: "error" });
    const text = await answer.text();
    if (answer.ok && isMarkup) part.innerHTML = text; // rendered and escaped by the service
    else part.textContent = answer.ok ? text : text.slice(0, 1000);
  } catch {
    part.textContent = "The service does not answer.";
  }
}
