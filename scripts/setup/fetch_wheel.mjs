// Run by Bun: finds one file on a page of a Python package index (JSON or HTML) and saves it. Arguments: page, file, target.
import { renameSync, writeFileSync } from "node:fs";

const ANSWER_LIMIT_MS = 20_000;
const [page, file, target] = process.argv.slice(2);

try {
  const address = findAddress(await get(page).then((answer) => answer.text()), page, file);
  const part = `${target}.${process.pid}.part`;
  writeFileSync(part, new Uint8Array(await get(address).then((answer) => answer.arrayBuffer())));
  renameSync(part, target);
} catch (error) {
  process.stderr.write(`${error.code ?? ""} ${error.message}\n`);
  process.exitCode = 1;
}

async function get(address) {
  const accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1";
  const answer = await fetch(address, { headers: { accept }, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  if (!answer.ok) throw new Error(`${new URL(address).host} answered ${answer.status}`);
  return answer;
}

/** The quoted address that ends in the file's name; relative addresses count from the page. */
function findAddress(text, base, name) {
  const quoted = text.split(/["']/).map((one) => one.split("#")[0] ?? "");
  const found = quoted.find((one) => one.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`${name} is not on ${new URL(base).host}`);
  return new URL(found, base).href;
}
