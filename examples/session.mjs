// A phone's session: it sends requests with an access token that is good, and exchanges the tokens one at a time.
// No dependencies.

// `base` is the API's address. `store` keeps the tokens where the platform keeps secrets: `load` answers what `save` was
// last given, at first the answer of `POST /devices`. `removed` runs when the clinic has removed the phone, with a token:
// it deletes all that is stored, then calls `confirmWiped`.
export function sessionOf({ base, store, removed }) {
  let exchange = null;
  let removal = null;

  const asJson = { "Content-Type": "application/json" };

  // Many requests may learn it at once: it is done once, and again only if it failed.
  function remove(token) {
    removal ??= Promise.resolve(removed(token)).catch((error) => {
      removal = null;
      throw error;
    });
    return removal;
  }

  async function send(url, init, token) {
    const headers = { ...(init.body && asJson), ...init.headers, Authorization: `Bearer ${token}` };
    const response = await globalThis.fetch(url, { ...init, headers });
    if (await saysRemoved(response)) await remove(token);
    return response;
  }

  // If the answer is lost, nothing is stored: the next exchange sends the same refresh token again, as the service allows.
  async function exchangeTokens() {
    const { refresh_token } = await store.load();
    const body = JSON.stringify({ refresh_token });
    const response = await globalThis.fetch(`${base}/tokens/refresh`, { method: "POST", headers: asJson, body });
    if (await saysRemoved(response)) await remove(refresh_token);
    if (!response.ok) throw Object.assign(new Error(`refresh ${response.status}`), { status: response.status });
    const tokens = await response.json();
    await store.save(tokens);
    return tokens.access_token;
  }

  // Answers an access token, another one than `refused`.
  async function token(refused) {
    const { access_token } = await store.load();
    if (access_token !== refused) return access_token;
    return (exchange ??= exchangeTokens().finally(() => (exchange = null)));
  }

  // As the platform's `fetch`, for the API alone: whoever gets a token can read the patient's data.
  async function fetch(url, init = {}) {
    const held = await token();
    const response = await send(url, init, held);
    if (response.status !== 401 || (await saysRemoved(response))) return response;
    return send(url, init, await token(held));
  }

  return { token, fetch };
}

async function saysRemoved(response) {
  if (response.status !== 401) return false;
  const problem = await response.clone().json().catch(() => ({}));
  return problem.code === "device_revoked";
}

// Says that the phone has deleted what it stored. Answers whether that was heard; if not, keep the token and say it later.
export async function confirmWiped(base, token) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${base}/devices/wiped`, { method: "POST", headers, body: JSON.stringify({ token }) });
  return [204, 401, 409].includes(response.status);
}
