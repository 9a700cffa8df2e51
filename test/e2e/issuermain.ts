import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createIssuer } from "../../demo/portal/issuer.ts";

// The issuer of demo/portal/ in a pod. Arguments: where it is reached, where its client may be sent back to, and the files of
// its certificate and key.
const [url = "", callback = "", certificate = "", key = ""] = process.argv.slice(2);

void createIssuer(url, { redirectURIs: [callback], claimsOf: () => ({}) }).then((answer) => {
  const certified = { cert: readFileSync(certificate), key: readFileSync(key) };
  createServer(certified, answer).listen(443);
});
