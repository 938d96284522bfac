// A backend for Rollcall, with nothing but Node: node backend.mjs. See README.md.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { ROLLCALL_SERVER, ROLLCALL_KEY, ROLLCALL_JWT_SECRET, WEBHOOK_SECRET, PORT = "3000" } = process.env;

const sessions = new Map(); // session cookie → user; a real application has its own
const viewers = new Map(); // document's channel → Set of clientIds, as the webhooks say

const now = () => Math.floor(Date.now() / 1000);
const userOf = (cookie) => sessions.get(cookie ?? "");
const mayRead = (user) => ({ subscribe: [`orders.${user}`, "documents.*"] });

// Mint a token: a JWT, signed with HS256, that names the client and its channels.
function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = part({ alg: "HS256", typ: "JWT" }) + "." + part({ sub: user, exp: now() + 600, channels: mayRead(user), info: { name: user } });
  return text + "." + createHmac("sha256", ROLLCALL_JWT_SECRET).update(text).digest("base64url");
}

// Answer an authorize: who is it, and what may it read? Null refuses.
function authorize({ cookies }) {
  const user = userOf(cookies.session);
  return user ? { clientId: user, channels: mayRead(user), info: { name: user }, expires: now() + 600 } : null;
}

// Verify a webhook (https://www.standardwebhooks.com): one of the signatures must be ours, and not old.
function verified(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures = "" } = headers;
  const key = Buffer.from(WEBHOOK_SECRET.replace("whsec_", ""), "base64");
  const want = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  return Math.abs(now() - Number(at)) < 300 && signatures.split(" ").some((signature) => {
    const got = Buffer.from(signature.replace("v1,", ""), "base64");
    return signature.startsWith("v1,") && got.length === want.length && timingSafeEqual(got, want);
  });
}

// A message may come twice, always in order: a Set does not mind.
function told({ events }) {
  for (const { type, channelName, clientId } of events) {
    if (!channelName?.startsWith("documents.")) continue;
    if (!viewers.has(channelName)) viewers.set(channelName, new Set());
    if (type === "member.joined") viewers.get(channelName).add(clientId);
    if (type === "member.left") viewers.get(channelName).delete(clientId);
  }
}

// Publish until it is acknowledged: the key makes it one event, however often it is sent within two minutes.
async function notify(user, order, state) {
  const event = { channelName: `orders.${user}`, type: "order", payload: { order, state }, idempotencyKey: `order-${order}-${state}` };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(`${ROLLCALL_SERVER}/publish`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${ROLLCALL_KEY}` },
        body: JSON.stringify({ events: [event] }),
        signal: AbortSignal.timeout(5000),
      });
      if (answer.ok) return (await answer.json()).events[0];
      if (answer.status < 500 && answer.status !== 429) throw new Error(`refused: ${await answer.text()}`);
    } catch (error) {
      if (attempt === 5 || String(error).includes("refused: ")) throw error;
    }
    if (attempt === 5) throw new Error("Rollcall does not answer");
    await new Promise((later) => setTimeout(later, 100 * 2 ** attempt));
  }
}

async function handle(request, body) {
  const url = new URL(request.url, "http://localhost");
  const [, place, name] = url.pathname.split("/");
  const user = userOf(/(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1]);
  switch (`${request.method} /${place}`) {
    case "GET /login": { // for the example: everybody is who they say
      const session = randomUUID();
      sessions.set(session, url.searchParams.get("user"));
      return [200, {}, { "Set-Cookie": `session=${session}; Path=/; HttpOnly; SameSite=Strict` }];
    }
    case "GET /token":
      return user ? [200, { token: token(user) }] : [401, { error: "log in first" }];
    case "POST /authorize": {
      const answer = authorize(JSON.parse(body));
      return answer ? [200, answer, { "Cache-Control": "max-age=5" }] : [401, {}];
    }
    case "POST /webhooks":
      if (!verified(request.headers, body)) return [401, {}];
      told(JSON.parse(body));
      return [204];
    case "POST /orders":
      return user ? [200, await notify(user, name, JSON.parse(body).state)] : [401, { error: "log in first" }];
    case "GET /documents":
      return [200, { viewers: [...(viewers.get(`documents.${name}`) ?? [])].sort() }];
  }
  return [404, { error: "no such path" }];
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const [status, value, headers] = await handle(request, Buffer.concat(chunks)).catch((error) => [502, { error: String(error) }]);
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(value && JSON.stringify(value));
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
