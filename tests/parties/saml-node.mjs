// A SAML service provider over node-saml, as strict as it can be made.
// Settings: tls {cert, key}; signs: bool; key {cert, key} of its own; unsolicited: bool (accepted without a request);
// encrypts: bool (publishes its key for encryption).
// Command trust {metadata}: the identity provider's, as XML. Pages: / and /post start a sign-in by Redirect and by POST
// (?forceAuthn=1 &passive=1 &relay=TEXT &acr=URI), /acs receives it, /metadata is to be registered; /logout asks for the
// sign-out of whoever came last (?nameID= &sessionIndex= say another), /slo hears and answers: published for POST.
import { SAML, ValidateInResponseTo, generateServiceProviderMetadata } from "@node-saml/node-saml";
import { DOMParser } from "@xmldom/xmldom";
import { page, run } from "./party.mjs";

const MD = "urn:oasis:names:tc:SAML:2.0:metadata";
const DS = "http://www.w3.org/2000/09/xmldsig#";
const BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:";

function readMetadata(xml) {
  const document = new DOMParser().parseFromString(xml, "text/xml");
  const all = (parent, ns, name) => Array.from(parent.getElementsByTagNameNS(ns, name));
  const [role] = all(document, MD, "IDPSSODescriptor");
  if (!role) throw new Error("no IDPSSODescriptor in the metadata");
  const find = (binding, service) =>
    all(role, MD, service).find((s) => s.getAttribute("Binding") === BINDING + binding)?.getAttribute("Location");
  const at = (binding) => {
    const found = find(binding, "SingleSignOnService");
    if (!found) throw new Error(`no SingleSignOnService for ${binding}`);
    return found;
  };
  const keys = all(role, MD, "KeyDescriptor").filter((k) => k.getAttribute("use") !== "encryption");
  return {
    issuer: document.documentElement.getAttribute("entityID"),
    redirect: at("HTTP-Redirect"),
    post: at("HTTP-POST"),
    logout: find("HTTP-Redirect", "SingleLogoutService"),
    certs: keys.flatMap((k) => all(k, DS, "X509Certificate")).map((c) => c.textContent.replace(/\s/g, "")),
  };
}

run(({ origin, signs, key, unsolicited, encrypts }) => {
  const own = {
    issuer: `${origin}/metadata`,
    callbackUrl: `${origin}/acs`,
    logoutCallbackUrl: `${origin}/slo`,
    identifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    wantAssertionsSigned: true,
    ...(signs ? { privateKey: key.key, signatureAlgorithm: "sha256", digestAlgorithm: "sha256" } : {}),
    ...(encrypts ? { decryptionPvk: key.key } : {}),
  };
  const published = {
    ...own,
    ...(signs ? { publicCerts: key.cert } : {}),
    ...(encrypts ? { decryptionCert: key.cert } : {}),
  };
  const asked = new Map();
  const cacheProvider = {
    saveAsync: async (id, value) => (asked.set(id, value), { value, createdAt: Date.now() }),
    getAsync: async (id) => asked.get(id) ?? null,
    removeAsync: async (id) => (asked.delete(id) ? id : null),
  };
  let idp;
  let last;

  function provider(binding, query = new URLSearchParams(), more = {}) {
    if (!idp) throw new Error("no identity provider is trusted yet");
    return new SAML({
      ...own,
      entryPoint: binding === "HTTP-POST" ? idp.post : idp.redirect,
      logoutUrl: idp.logout,
      authnRequestBinding: binding,
      skipRequestCompression: binding === "HTTP-POST",
      idpCert: idp.certs,
      idpIssuer: idp.issuer,
      audience: own.issuer,
      wantAuthnResponseSigned: true,
      validateInResponseTo: unsolicited ? ValidateInResponseTo.ifPresent : ValidateInResponseTo.always,
      acceptedClockSkewMs: 0,
      cacheProvider,
      forceAuthn: query.has("forceAuthn"),
      passive: query.has("passive"),
      disableRequestedAuthnContext: !query.has("acr"),
      authnContext: query.getAll("acr"),
      racComparison: "exact",
      ...more,
    });
  }

  const relay = (url) => url.searchParams.get("relay") ?? "";
  return {
    ready: {
      id: own.issuer,
      metadata: generateServiceProviderMetadata(published),
    },
    commands: {
      trust: ({ metadata }) => void (idp = readMetadata(metadata)),
    },
    routes: {
      "/": async (url) => ({
        location: await provider("HTTP-Redirect", url.searchParams).getAuthorizeUrlAsync(relay(url), undefined, {}),
      }),
      "/post": async (url) => ({
        html: await provider("HTTP-POST", url.searchParams).getAuthorizeFormAsync(relay(url)),
      }),
      "/metadata": async () => ({
        xml: generateServiceProviderMetadata(published),
      }),
      "/logout": async (url) => {
        const said = Object.fromEntries(url.searchParams);
        return { location: await provider("HTTP-Redirect").getLogoutUrlAsync({ ...last, ...said }, "", {}) };
      },
      "/slo": async (url, fields) => {
        const own = provider("HTTP-Redirect");
        const query = fields ?? url.searchParams;
        const told = Object.fromEntries(query);
        const hear = () => own.validateRedirectAsync(told, url.search.slice(1));
        if (query.has("SAMLResponse")) {
          const xml = Buffer.from(told.SAMLResponse, "base64").toString("utf8");
          if (fields) {
            // It looks for what is answered in a Response only, so that is looked at here.
            const lax = { validateInResponseTo: ValidateInResponseTo.never };
            await provider("HTTP-Redirect", undefined, lax).validatePostResponseAsync(told);
            if (!asked.has(/ InResponseTo="([^"]+)"/.exec(xml)?.[1])) throw new Error("an answer to nothing");
          } else {
            await hear();
          }
          return { html: page("Signed out", { answer: xml }) };
        }
        const { profile } = await (fields ? own.validatePostRequestAsync(told) : hear());
        if (profile.nameID !== last?.nameID || profile.sessionIndex !== last?.sessionIndex) throw new Error("a stranger");
        return { location: await own.getLogoutResponseUrlAsync(profile, told.RelayState ?? "", {}, true) };
      },
      "/acs": async (_, fields) => {
        const { profile } = await provider("HTTP-Redirect").validatePostResponseAsync(Object.fromEntries(fields));
        if (!profile) throw new Error("NoPassive");
        last = profile;
        const attributes = Object.fromEntries(
          Object.entries(profile.attributes ?? {}).map(([name, value]) => [name, [value].flat()]),
        );
        const answer = {
          issuer: profile.issuer,
          nameID: profile.nameID,
          nameIDFormat: profile.nameIDFormat,
          nameQualifier: profile.nameQualifier ?? null,
          spNameQualifier: profile.spNameQualifier ?? null,
          sessionIndex: profile.sessionIndex,
          inResponseTo: profile.inResponseTo ?? null,
          relayState: fields.get("RelayState"),
          attributes,
        };
        const name = [attributes["urn:oid:2.5.4.42"], attributes["urn:oid:2.5.4.4"]].flat().join(" ");
        return { html: page("Signed in", { name, answer, response: profile.getSamlResponseXml() }) };
      },
    },
  };
});
