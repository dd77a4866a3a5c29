// An OpenID Connect client over oauth4webapi that keeps what it is given and uses it: keys instead of secrets, proofs of
// possession, refresh, introspection, revocation, and JWT access tokens read as a resource reads them (RFC 9068).
// Settings: tls {cert, key}; name. NODE_EXTRA_CA_CERTS tells whom to trust. Told when ready: its public keys, as `jwks`.
// Each command says what time it is, `at`; it stays that until the next.
// Commands: trust {issuer, client_id, client_secret, method, dpop, certificate {cert, key}}, where the certificate is what
// it comes with over mutual TLS (RFC 8705); come_with {certificate} another time, or {} without; userinfo, refresh {scope}, introspect {token},
// revoke {token}, resource {audience}, where `token` is the name of one in the token answer.
// Pages: / starts a sign-in, /pushed with a request that it pushed before; parameters given to them join the request. /callback shows what was learnt. /jwks: its keys.
import https from "node:https";
import * as oauth from "oauth4webapi";
import { page, run } from "./party.mjs";

const pair = () => oauth.generateKeyPair("ES256", { extractable: true });
const [signing, proving] = [await pair(), await pair()];
const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", signing.publicKey);
const jwks = { keys: [{ kty, crv, x, y, kid: "1", alg: "ES256", use: "sig" }] };

// What fetch cannot do: a certificate of one's own.
const fetch_with = (certificate) => (url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers: Object.fromEntries(new Headers(headers)), ...certificate });
    request.on("error", reject);
    request.on("response", async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      const { statusCode: status, headersDistinct } = answer;
      const pairs = Object.entries(headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value]));
      resolve(new Response(Buffer.concat(chunks), { status, headers: pairs }));
    });
    request.end(body?.toString());
  });

const timely = (commands) =>
  Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [
      name,
      ({ at, ...said }) => {
        Date.now = () => at * 1000;
        return command(said);
      },
    ]),
  );

run(({ origin }) => {
  const redirect_uri = `${origin}/callback`;
  const under_way = new Map();
  let as, client, authentication, options, tokens, claims, fetching;

  const methods = {
    private_key_jwt: () => oauth.PrivateKeyJwt({ key: signing.privateKey, kid: "1" }),
    client_secret_basic: (secret) => oauth.ClientSecretBasic(secret),
    client_secret_post: (secret) => oauth.ClientSecretPost(secret),
    tls_client_auth: () => oauth.TlsClientAuth(),
    self_signed_tls_client_auth: () => oauth.TlsClientAuth(),
    none: () => oauth.None(),
  };
  // Once more where a nonce is missing in the proof (RFC 9449 8); the handle has kept the one that came.
  let nonces = 0;
  const with_nonce = async (ask) => {
    try {
      return await ask();
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      nonces += 1;
      return ask();
    }
  };
  const userinfo = () =>
    with_nonce(async () => {
      const response = await oauth.userInfoRequest(as, client, tokens.access_token, options());
      return oauth.processUserInfoResponse(as, client, claims.sub, response);
    });

  const started = async (url) => {
    const checks = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() };
    checks.verifier = oauth.generateRandomCodeVerifier();
    const parameters = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri,
      response_type: "code",
      scope: "openid profile",
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: "S256",
      ...Object.fromEntries(url.searchParams),
    });
    under_way.set(checks.state, checks);
    const address = new URL(as.authorization_endpoint);
    address.search = parameters;
    return { parameters, location: address.href };
  };

  return {
    ready: { id: redirect_uri, redirect_uri, jwks },
    commands: timely({
      trust: async ({ issuer, client_id, client_secret, method, dpop, certificate }) => {
        const address = new URL(issuer);
        as = await oauth.processDiscoveryResponse(address, await oauth.discoveryRequest(address));
        client = { client_id, use_mtls_endpoint_aliases: Boolean(certificate) };
        fetching = certificate ? { [oauth.customFetch]: fetch_with(certificate) } : {};
        authentication = methods[method](client_secret);
        const handle = dpop ? oauth.DPoP(client, proving) : undefined;
        options = () => ({ DPoP: handle, ...fetching });
        return as;
      },
      come_with: async ({ certificate }) => {
        fetching = { [oauth.customFetch]: fetch_with(certificate ?? {}) };
        return true;
      },
      userinfo,
      refresh: async ({ scope }) => {
        const more = { ...options(), additionalParameters: scope ? { scope } : {} };
        const { refresh_token } = tokens;
        tokens = await with_nonce(async () => {
          const response = await oauth.refreshTokenGrantRequest(as, client, authentication, refresh_token, more);
          return oauth.processRefreshTokenResponse(as, client, response);
        });
        const { id_token } = tokens;
        return { ...tokens, claims: id_token ? oauth.getValidatedIdTokenClaims(tokens) : null };
      },
      introspect: async ({ token }) =>
        oauth.processIntrospectionResponse(
          as,
          client,
          await oauth.introspectionRequest(as, client, authentication, tokens[token], fetching),
        ),
      revoke: async ({ token }) =>
        oauth.processRevocationResponse(
          await oauth.revocationRequest(as, client, authentication, tokens[token], fetching),
        ),
      // What a resource makes of the access token, with nothing but our published keys.
      resource: async ({ audience }) => {
        const request = new Request("https://api.example/", {
          headers: { authorization: `Bearer ${tokens.access_token}` },
        });
        return oauth.validateJwtAccessToken(as, request, audience);
      },
    }),
    routes: {
      "/jwks": async () => ({ html: JSON.stringify(jwks) }),
      "/": async (url) => {
        const { location } = await started(url);
        return { location };
      },
      // The same, pushed before (RFC 9126).
      "/pushed": async (url) => {
        const { parameters } = await started(url);
        const { request_uri } = await with_nonce(async () => {
          const response = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, options());
          return oauth.processPushedAuthorizationResponse(as, client, response);
        });
        const address = new URL(as.authorization_endpoint);
        address.search = new URLSearchParams({ client_id: client.client_id, request_uri });
        return { location: address.href };
      },
      "/callback": async (url) => {
        const { state, nonce, verifier } = under_way.get(url.searchParams.get("state"));
        const answered = oauth.validateAuthResponse(as, client, url, state);
        const more = options();
        tokens = await with_nonce(async () => {
          const uri = redirect_uri;
          const response = await oauth.authorizationCodeGrantRequest(as, client, authentication, answered, uri, verifier, more);
          return oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
        });
        claims = oauth.getValidatedIdTokenClaims(tokens);
        const { id_token, access_token, refresh_token, ...token_answer } = tokens;
        const answer = { claims, token_answer, refreshes: Boolean(refresh_token), userinfo: await userinfo(), nonces };
        return { html: page("Signed in", { answer }) };
      },
    },
  };
});
