// An OpenID Connect relying party over openid-client with what lies around the code flow: pushed and signed requests,
// userinfo as a JWT, its own registration, and signing out in each direction.
// Settings: tls {cert, key}; name. NODE_EXTRA_CA_CERTS tells whom to trust.
// Commands: register {issuer, token, metadata}: registers itself, as every `metadata` says with its own addresses.
//   manage {method, change}: reads, changes or removes the registration by its own token.
//   trust {issuer, client_id, client_secret, metadata}; keys: its own key set, as `jwks`.
//   told {count}: what reached its addresses for signing out, once it is so many.
// Pages: / starts a sign-in; every parameter given to it joins the request, `way=par`, `jar` or `jar-par` says how it
// travels, `mode=form_post` how it comes back. /callback receives the answer and shows all that was learnt. /logout signs
// out at the provider with the last ID token; parameters given to it take the place of its own, empty ones leave one out.
// /bye is where it comes back to.
import * as client from "openid-client";
import { page, run } from "./party.mjs";

run(async ({ origin }) => {
  const addresses = {
    redirect_uris: [`${origin}/callback`],
    client_uri: `${origin}/`,
    post_logout_redirect_uris: [`${origin}/bye`],
  };
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const jwk = { ...(await crypto.subtle.exportKey("jwk", pair.publicKey)), kid: "own", use: "sig", alg: "ES256" };
  const jwks = { keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid: jwk.kid, use: jwk.use, alg: jwk.alg }] };
  const under_way = new Map();
  const told = [];
  const waiting = [];
  const hear = (message) => {
    told.push(message);
    for (const arrived of waiting.splice(0)) arrived();
  };
  let op, registration, last_id_token;

  function begin(config) {
    // Else the ID token's signature would not be looked at, since it came over TLS from the issuer itself.
    client.enableNonRepudiationChecks(config);
    op = config;
    return { server: op.serverMetadata(), client: op.clientMetadata() };
  }

  async function callback(url, fields) {
    const answered = new URL(url.pathname + url.search, origin);
    const said = fields ?? answered.searchParams;
    if (said.get("error")) return { html: page("Refused", { answer: Object.fromEntries(said) }) };
    const checks = under_way.get(said.get("state"));
    if (!checks) throw new Error("this state was not asked by this party");
    under_way.delete(said.get("state"));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const received = fields ? new Request(answered, { method: "POST", headers, body: fields.toString() }) : answered;
    const tokens = await client.authorizationCodeGrant(op, received, { ...checks, idTokenExpected: true });
    const claims = tokens.claims();
    const userinfo = await client.fetchUserInfo(op, tokens.access_token, claims.sub);
    last_id_token = tokens.id_token;
    const answer = { claims, userinfo, came_by: fields ? "POST" : "GET" };
    return { html: page("Signed in", { answer, id_token: tokens.id_token, access_token: tokens.access_token }) };
  }

  async function ask(url) {
    const { way, without, ...extra } = Object.fromEntries(url.searchParams);
    const checks = { expectedState: client.randomState(), expectedNonce: client.randomNonce() };
    checks.pkceCodeVerifier = client.randomPKCECodeVerifier();
    const parameters = {
      redirect_uri: addresses.redirect_uris[0],
      scope: "openid profile",
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      ...extra,
    };
    if (without === "nonce") {
      delete parameters.nonce;
      delete checks.expectedNonce;
    }
    if (extra.max_age) checks.maxAge = Number(extra.max_age);
    under_way.set(checks.expectedState, checks);
    const key = { key: pair.privateKey, kid: "own" };
    const signed = () => client.buildAuthorizationUrlWithJAR(op, parameters, key);
    if (way === "par") return client.buildAuthorizationUrlWithPAR(op, parameters);
    if (way === "jar") return signed();
    if (way === "jar-par") return client.buildAuthorizationUrlWithPAR(op, (await signed()).searchParams);
    return client.buildAuthorizationUrl(op, parameters);
  }

  return {
    ready: { id: addresses.redirect_uris[0], redirect_uri: addresses.redirect_uris[0] },
    commands: {
      trust: async ({ issuer, client_id, client_secret, metadata }) => {
        const authentication = client_secret ? client.ClientSecretBasic(client_secret) : client.None();
        return begin(await client.discovery(new URL(issuer), client_id, metadata ?? {}, authentication));
      },
      register: async ({ issuer, token, metadata }) => {
        const asked = { ...addresses, ...metadata };
        const made = await client.dynamicClientRegistration(new URL(issuer), asked, client.ClientSecretBasic(), {
          initialAccessToken: token,
        });
        registration = { ...made.clientMetadata() };
        return begin(made);
      },
      manage: async ({ method, change }) => {
        const response = await fetch(registration.registration_client_uri, {
          method,
          headers: {
            authorization: `Bearer ${registration.registration_access_token}`,
            "content-type": "application/json",
          },
          body: method === "PUT" ? JSON.stringify({ ...registration, ...change }) : undefined,
        });
        const text = await response.text();
        return { status: response.status, body: text ? JSON.parse(text) : null };
      },
      keys: async () => jwks,
      told: async ({ count }) => {
        while (told.length < count) await new Promise((arrived) => waiting.push(arrived));
        return told;
      },
    },
    routes: {
      "/": async (url) => ({ location: (await ask(url)).href }),
      "/callback": callback,
      "/jwks": async () => ({ json: jwks }),
      "/logout": async (url) => {
        const own = { post_logout_redirect_uri: addresses.post_logout_redirect_uris[0], state: "au-revoir" };
        if (last_id_token) own.id_token_hint = last_id_token;
        const all = { ...own, ...Object.fromEntries(url.searchParams) };
        const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
        const address = client.buildEndSessionUrl(op, kept);
        if (url.searchParams.get("client_id") === "") address.searchParams.delete("client_id");
        return { location: address.href };
      },
      "/bye": async (url) => ({ html: page("Signed out", { answer: Object.fromEntries(url.searchParams) }) }),
      "/backchannel": async (url, fields) => {
        hear({ way: "back", ...Object.fromEntries(fields) });
        return { html: "" };
      },
      "/frontchannel": async (url) => {
        hear({ way: "front", ...Object.fromEntries(url.searchParams) });
        return { html: page("Told") };
      },
    },
  };
});
