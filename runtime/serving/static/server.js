/** The server's API: what the page asks for, and its refusals as sentences. Addresses are relative to the page. */

const TRIES = 5;

/** The models that are served. */
export const models = async () => read(await fetch("v1/models"));

/** Whether the server fetches pictures by their address: only then it has the path. */
export async function fetchesAddresses() {
  const { paths } = await read(await fetch("openapi.json"));
  return "/v1/picture" in paths;
}

/** The picture at an address, as the server fetched it. */
export async function pictureAt(address) {
  const response = await fetch(`v1/picture?url=${encodeURIComponent(address)}`);
  return response.ok ? response.blob() : read(response);
}

/**
 * The answer for a picture (a Blob), with all scores that the server gives. A server that is busy is asked again when
 * it says so; `waiting` is called with the seconds.
 */
export async function predict(model, picture, waiting) {
  for (let tries = 1; ; tries++) {
    const headers = { "Content-Type": picture.type || "application/octet-stream" };
    const response = await fetch(`v1/predict?${query({ model })}`, { method: "POST", body: picture, headers });
    if (response.status !== 429 || tries === TRIES) return read(response);
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    waiting(seconds);
    await new Promise((resume) => setTimeout(resume, 1000 * seconds));
  }
}

/** A socket that takes JPEG frames and answers each with its predictions. */
export function stream(model) {
  const address = new URL(`v1/stream?${query({ model })}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocket(address);
}

/** The parameters that are not empty, as a query. */
export const query = (parameters) =>
  new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();

async function read(response) {
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(sentence(answer) || `the server answers ${response.status} ${response.statusText}`);
}

/** What a problem of the server says: what is wrong, what to do. */
export const sentence = (problem) => [problem.detail ?? problem.title, problem.hint].filter(Boolean).join("; ");
