// Adds comfort to pages that already work: the button that shows a password, and the focus on what went wrong.
"use strict";
(() => {
  const summary = document.querySelector(".summary");
  if (summary) summary.focus();

  for (const secret of document.querySelectorAll(".secret")) {
    const input = secret.querySelector("input");
    const button = document.createElement("button");
    const status = document.createElement("span");
    const say = (shown) => {
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    button.type = "button";
    button.className = "reveal";
    button.textContent = secret.dataset.short;
    button.setAttribute("aria-label", secret.dataset.show);
    button.setAttribute("aria-controls", input.id);
    status.className = "spoken";
    status.setAttribute("role", "status");
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      say(shown);
      status.textContent = shown ? secret.dataset.shown : secret.dataset.hidden;
    });
    // A password left readable would be kept by the browser's form memory and seen after "back".
    input.form.addEventListener("submit", () => say(false));
    say(false);
    secret.append(button, status);
  }
})();
