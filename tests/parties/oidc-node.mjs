// An OpenID Connect relying party over openid-client: discovery, code, PKCE S256, state, nonce, `iss`, userinfo.
// Settings: tls {cert, key}; name. NODE_EXTRA_CA_CERTS tells whom to trust.
// Command trust {issuer, client_id, client_secret, method: client_secret_basic or client_secret_post}.
// Pages: / starts a sign-in; every parameter given to it joins the request (?prompt=login &max_age=0 &scope=…),
// except `without=pkce`, `without=nonce`. /callback receives the answer and shows all that was learnt.
// /backchannel-logout takes a logout token (Back-Channel Logout 1.0), checked by jose; command told {} waits for the next
// one and gives its claims, or why it was refused.
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";
import { page, run } from "./party.mjs";

run(({ origin }) => {
  const redirect_uri = `${origin}/callback`;
  const under_way = new Map();
  const told = [];
  const waiting = [];
  let op;
  let keys;

  const tell = (what) => (waiting.length ? waiting.shift()(what) : told.push(what));

  /** Back-Channel Logout 2.6. */
  async function hear(token) {
    const { issuer, id_token_signing_alg_values_supported: algorithms } = op.serverMetadata();
    const audience = op.clientMetadata().client_id;
    const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms, typ: "logout+jwt", requiredClaims: ["iat", "exp", "jti"] });
    if ("nonce" in payload) throw new Error("a nonce: this could be an ID token");
    if (!payload.sub && !payload.sid) throw new Error("whose sign-out?");
    const event = payload.events?.["http://schemas.openid.net/event/backchannel-logout"];
    if (typeof event !== "object" || Object.keys(payload.events).length !== 1) throw new Error("not the event of a sign-out");
    return payload;
  }

  async function callback(url, fields) {
    const answered = new URL(url.pathname + url.search, origin);
    const state = fields ? fields.get("state") : answered.searchParams.get("state");
    const checks = under_way.get(state);
    if (!checks) throw new Error("this state was not asked by this party");
    under_way.delete(state);
    const received = fields
      ? new Request(answered, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: fields.toString(),
        })
      : answered;
    const tokens = await client.authorizationCodeGrant(op, received, { ...checks, idTokenExpected: true });
    const claims = tokens.claims();
    const userinfo = await client.fetchUserInfo(op, tokens.access_token, claims.sub);
    const { id_token, access_token, ...token_answer } = tokens;
    const header = JSON.parse(Buffer.from(id_token.split(".")[0], "base64url").toString("utf8"));
    const callback = Object.fromEntries(fields ?? answered.searchParams);
    delete callback.code;
    const name = [userinfo.given_name ?? claims.given_name, userinfo.family_name ?? claims.family_name].join(" ");
    return {
      html: page("Signed in", {
        name,
        answer: { header, claims, userinfo, token_answer, callback },
        id_token,
        access_token,
      }),
    };
  }

  return {
    ready: { id: redirect_uri, redirect_uri, backchannel_logout_uri: `${origin}/backchannel-logout` },
    commands: {
      told: () => (told.length ? told.shift() : new Promise((tell) => waiting.push(tell))),
      trust: async ({ issuer, client_id, client_secret, method }) => {
        const authentication = {
          client_secret_basic: client.ClientSecretBasic,
          client_secret_post: client.ClientSecretPost,
        }[method];
        if (!authentication) throw new Error(`${method} is not a way this party authenticates`);
        op = await client.discovery(new URL(issuer), client_id, {}, authentication(client_secret));
        // Else the ID token's signature would not be looked at, since it came over TLS from the issuer itself.
        client.enableNonRepudiationChecks(op);
        keys = createRemoteJWKSet(new URL(op.serverMetadata().jwks_uri));
        return op.serverMetadata();
      },
    },
    routes: {
      "/": async (url) => {
        if (!op) throw new Error("no provider is trusted yet");
        const { without, ...extra } = Object.fromEntries(url.searchParams);
        const checks = { expectedState: client.randomState() };
        const parameters = { redirect_uri, scope: "openid profile", state: checks.expectedState, ...extra };
        if (without !== "nonce") parameters.nonce = checks.expectedNonce = client.randomNonce();
        if (without !== "pkce") {
          checks.pkceCodeVerifier = client.randomPKCECodeVerifier();
          parameters.code_challenge = await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier);
          parameters.code_challenge_method = "S256";
        }
        if (extra.max_age) checks.maxAge = Number(extra.max_age);
        under_way.set(checks.expectedState, checks);
        return { location: client.buildAuthorizationUrl(op, parameters).href };
      },
      "/callback": callback,
      "/backchannel-logout": async (_, fields) => {
        try {
          tell(await hear(fields?.get("logout_token") ?? ""));
          return { html: "" };
        } catch (error) {
          tell({ refused: error.message });
          throw error;
        }
      },
    },
  };
});
