// An OpenID Connect provider, for tests: the package oidc-provider with its own pages for login and consent. Any password
// is right. Users whose name begins with "op" are in the group ops, the others in staff.
//
//   node provider.mjs REDIRECT_URL
//
// It prints its address once it listens.
import http from "node:http";
import Provider from "oidc-provider";

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "rollcall", client_secret: "a secret of 16+ bytes", redirect_uris: [process.argv[2]] }],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: [id.startsWith("op") ? "ops" : "staff"] }),
    }),
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.on("end", () => process.exit(0)).resume();
