"""A backend for Rollcall, with nothing but Python's standard library: python3 backend.py. See README.md."""
import base64, hmac, json, os, time, urllib.error, urllib.request, uuid
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ROLLCALL_SERVER = os.environ["ROLLCALL_SERVER"]
ROLLCALL_KEY = os.environ["ROLLCALL_KEY"]
ROLLCALL_JWT_SECRET = os.environ["ROLLCALL_JWT_SECRET"].encode()
WEBHOOK_SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))

sessions = {}  # session cookie → user; a real application has its own
viewers = {}  # document's channel → set of clientIds, as the webhooks say


def may_read(user):
    return {"subscribe": [f"orders.{user}", "documents.*"]}


def token(user):
    """Mint a token: a JWT, signed with HS256, that names the client and its channels."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"sub": user, "exp": int(time.time()) + 600, "channels": may_read(user), "info": {"name": user}}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.digest(ROLLCALL_JWT_SECRET, text, "sha256"))).decode()


def authorize(question):
    """Answer an authorize: who is it, and what may it read? None refuses."""
    user = sessions.get(question["cookies"].get("session"))
    return user and {"clientId": user, "channels": may_read(user), "info": {"name": user}, "expires": int(time.time()) + 600}


def verified(headers, body):
    """Verify a webhook (https://www.standardwebhooks.com): one of the signatures must be ours, and not old."""
    id, at = headers.get("Webhook-Id", ""), headers.get("Webhook-Timestamp", "")
    want = base64.b64encode(hmac.digest(WEBHOOK_SECRET, f"{id}.{at}.".encode() + body, "sha256")).decode()
    signatures = headers.get("Webhook-Signature", "").split()
    return at.isdigit() and abs(time.time() - int(at)) < 300 and any(hmac.compare_digest(s, "v1," + want) for s in signatures)


def told(message):
    """A message may come twice, always in order: a set does not mind."""
    for event in message["events"]:
        channel = event.get("channelName", "")
        if not channel.startswith("documents."):
            continue
        if event["type"] == "member.joined":
            viewers.setdefault(channel, set()).add(event["clientId"])
        elif event["type"] == "member.left":
            viewers.setdefault(channel, set()).discard(event["clientId"])


def notify(user, order, state):
    """Publish until it is acknowledged: the key makes it one event, however often it is sent within two minutes."""
    event = {"channelName": f"orders.{user}", "type": "order", "payload": {"order": order, "state": state},
             "idempotencyKey": f"order-{order}-{state}"}
    for attempt in range(5):
        request = urllib.request.Request(ROLLCALL_SERVER + "/publish", json.dumps({"events": [event]}).encode(),
                                         {"Content-Type": "application/json", "Authorization": f"Bearer {ROLLCALL_KEY}"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)["events"][0]
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise
        except OSError:
            pass  # the connection broke: was it published? Sending it again is safe
        time.sleep(0.1 * 2**attempt)
    raise RuntimeError("Rollcall does not answer")


class Handler(BaseHTTPRequestHandler):
    def handle_request(self):
        url = urlsplit(self.path)
        _, place, name = (url.path + "/").split("/", 2)
        name = name.split("/")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        user = cookie and sessions.get(cookie.value)
        match f"{self.command} /{place}":
            case "GET /login":  # for the example: everybody is who they say
                session = str(uuid.uuid4())
                sessions[session] = parse_qs(url.query)["user"][0]
                return 200, {}, {"Set-Cookie": f"session={session}; Path=/; HttpOnly; SameSite=Strict"}
            case "GET /token":
                return (200, {"token": token(user)}, {}) if user else (401, {"error": "log in first"}, {})
            case "POST /authorize":
                answer = authorize(json.loads(body))
                return (200, answer, {"Cache-Control": "max-age=5"}) if answer else (401, {}, {})
            case "POST /webhooks":
                if not verified(self.headers, body):
                    return 401, {}, {}
                told(json.loads(body))
                return 204, None, {}
            case "POST /orders":
                return (200, notify(user, name, json.loads(body)["state"]), {}) if user else (401, {"error": "log in first"}, {})
            case "GET /documents":
                return 200, {"viewers": sorted(viewers.get(f"documents.{name}", ()))}, {}
        return 404, {"error": "no such path"}, {}

    def do_GET(self):
        try:
            status, value, headers = self.handle_request()
        except Exception as error:
            status, value, headers = 502, {"error": str(error)}, {}
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for header, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(header, text)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET
    protocol_version = "HTTP/1.1"


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
