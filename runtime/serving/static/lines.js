/** What was just done on the page, as lines for a shell and for Python. */

import { query } from "./server.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** What was asked: `server` (address), `name` of the file or `url`, `model`, `threshold`. */
export function curl({ server, name, url, type, model, threshold }) {
  const address = quoted(`${server}/v1/predict?${query({ model, threshold })}`);
  if (url) return `curl --json ${quoted(JSON.stringify({ url }))} ${address}`;
  return `curl --data-binary ${quoted(`@${name}`)} -H ${quoted(`Content-Type: ${type}`)} ${address}`;
}

export function python({ server, name, url, model, threshold }) {
  const call = url ? `predict_url(${JSON.stringify(url)}` : `predict(${JSON.stringify(name)}`;
  return [
    "from tltpipe.client import Client",
    "",
    `client = Client(${JSON.stringify(server)})`,
    `answer = client.${call}, model=${JSON.stringify(model)}, threshold=${threshold})`,
    "for each in answer.predictions:",
    "    print(each.category, each.score, each.bbox)",
  ].join("\n");
}
