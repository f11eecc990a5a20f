/** What was just done on the page, as lines for a shell and for Python. */

import { query } from "./server.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * What was asked: `server` (address), `name` of the file or `url`, its `type`, `model`, `threshold` (null where scores
 * have no meaning).
 */
export function curl({ server, name, url, type, model, threshold }) {
  const address = quoted(`${server}/v1/predict?${query({ model, threshold })}`);
  if (url) return `curl --json ${quoted(JSON.stringify({ url }))} ${address}`;
  return `curl --data-binary ${quoted(`@${name}`)} -H ${quoted(`Content-Type: ${type}`)} ${address}`;
}

/** The same in Python, and what there is to see in `answer`. */
export function python({ server, name, url, model, threshold, answer }) {
  const call = url ? `predict_url(${JSON.stringify(url)}` : `predict(${JSON.stringify(name)}`;
  const score = threshold === null ? "" : `, threshold=${threshold}`;
  return [
    "from tltpipe.client import Client",
    "",
    `client = Client(${JSON.stringify(server)})`,
    `answer = client.${call}, model=${JSON.stringify(model)}${score})`,
    ...seen(answer, name),
  ].join("\n");
}

function seen(answer, name) {
  if (answer.map) {
    const file = JSON.stringify(`${name.replace(/\.[^.]*$/, "")}.map.png`);
    return [`with open(${file}, "wb") as file:  # an index PNG`, "    file.write(answer.map.pixels)", "print(answer.map.classes)"];
  }
  const objects = ["for each in answer.predictions:", "    print(each.category, each.score, each.bbox)"];
  return answer.labels ? ["print(answer.labels)", ...objects] : objects;
}
