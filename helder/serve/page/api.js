// Speaking to this server: JSON, streams of events, and what a refusal means.

let csrf = null;

// kind: a key of the texts `error.*`; message: the server's own words; retry: seconds to wait.
export class Failure extends Error {
  constructor(kind, message = "", retry = null, status = 0) {
    super(message || kind);
    this.kind = kind;
    this.message = message;
    this.retry = retry;
    this.status = status;
  }
}

const BY_CODE = { context_length_exceeded: "too_long", not_logged: "not_logged", wrong_csrf_token: "signed_out", rate_limit_exceeded: "busy", draining: "stopping" };
const BY_STATUS = { 400: "refused", 401: "signed_out", 403: "forbidden", 404: "missing", 413: "too_long", 429: "busy", 503: "stopping", 504: "late" };

export async function session() {
  return keep(await asked("GET", "/session"));
}

export async function signIn(token) {
  return keep(await asked("POST", "/session", { token }));
}

export async function signOut() {
  return keep(await asked("DELETE", "/session"));
}

export const get = (path) => asked("GET", path);
export const post = (path, body) => asked("POST", path, body);

// The pieces of an answer as they come, then the last word about it: {id, text, finish, helder}.
// `begun` is told the id of the answer as soon as it is known, so that one that is stopped has a receipt as well.
export async function stream(body, { signal, piece, begun }) {
  const reply = await sent("POST", "/v1/chat/completions", { ...body, stream: true }, signal);
  const made = { id: null, text: "", finish: null, helder: null };
  let ended = false;
  for await (const event of events(reply.body)) {
    if (event === "[DONE]") { ended = true; break; }
    const chunk = JSON.parse(event);
    if (chunk.error) throw failure(reply.status === 200 ? 0 : reply.status, chunk.error, null);
    if (!made.id) begun?.((made.id = chunk.id));
    const choice = chunk.choices[0];
    const text = choice?.delta?.content ?? "";
    if (text) piece((made.text += text));
    made.finish = choice?.finish_reason ?? made.finish;
    made.helder = chunk.helder ?? made.helder;
  }
  if (!ended) throw new Failure("broken");
  return made;
}

async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => { throw error.name === "AbortError" ? error : new Failure("broken"); });
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) if (block.startsWith("data: ")) yield block.slice(6);
    }
  } finally {
    reader.cancel().catch(() => {}); // whoever reads no further ends the answer; it may have ended already
  }
}

async function asked(method, path, body) {
  const reply = await sent(method, path, body);
  return reply.json().catch(() => { throw new Failure("broken"); });
}

async function sent(method, path, body, signal) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let reply;
  try {
    reply = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("unreachable");
  }
  if (reply.ok) return reply;
  const told = await reply.json().then((one) => one.error, () => null);
  throw failure(reply.status, told, Number(reply.headers.get("Retry-After")) || null);
}

function failure(status, told, retry) {
  const kind = BY_CODE[told?.code] ?? BY_STATUS[status] ?? "failed";
  return new Failure(kind, told?.message ?? "", retry, status);
}

function keep(told) {
  csrf = told.csrf ?? null;
  return told;
}
