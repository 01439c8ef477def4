// Passkeys. A form with data-passkey asks the server what to ask for, then the browser, and sends what it answered.
// Where a browser knows no passkeys, or the site has no name for them, the forms stay hidden, and codes do.
(() => {
  "use strict";
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON || /^[\d.]+$|:/.test(location.hostname)) return;

  const ask = {
    get: (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
    create: (options) =>
      navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  };

  const run = async (form) => {
    const asked = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!asked.ok) return location.assign(form.dataset.otherwise);
    const answer = await ask[form.dataset.passkey](await asked.json());
    form.elements.passkey.value = JSON.stringify(answer.toJSON());
    form.submit();
  };

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const button = form.querySelector("button"), problem = form.querySelector("[role=alert]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = problem.hidden = true;
      try {
        await run(form);
      } catch {
        problem.hidden = button.disabled = false; // given up, timed out, or nothing fits
      }
    });
  });
})();
