// A small Python package index of a test's own, with wheels made on the spot.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type WheelFile = { readonly project: string; readonly file: string; readonly sha256: string };
export type PackageIndex = Disposable & {
  readonly url: string;
  readonly requests: string[];
  /** Makes a wheel of these files, serves it, and tells its name and hash. */
  readonly add: (project: string, files: Readonly<Record<string, string>>, needs?: readonly string[]) => WheelFile;
  /** Serves other bytes under the wheel's name. */
  readonly replace: (wheel: WheelFile, bytes: string) => void;
};

export function servePackages(folder: string, style: "json" | "html" = "json"): PackageIndex {
  const wheels = new Map<string, { readonly wheel: WheelFile; readonly path: string }>();
  const requests: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      requests.push(pathname);
      const found = wheels.get(pathname.split("/").at(-1) ?? "");
      if (found !== undefined) return new Response(Bun.file(found.path));
      const project = /^\/simple\/([^/]+)\/$/.exec(pathname)?.[1];
      const listed = [...wheels.values()]
        .filter(({ wheel }) => plain(wheel.project) === project)
        .map(({ wheel }) => wheel);
      if (listed.length === 0) return new Response("no such project", { status: 404 });
      return style === "json" ? jsonPage(listed) : htmlPage(listed);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/simple`,
    requests,
    add: (project, files, needs = []) => {
      const wheel = buildWheel(folder, project, files, needs);
      wheels.set(wheel.file, { wheel, path: join(folder, wheel.file) });
      return wheel;
    },
    replace: (wheel, bytes) => writeFileSync(join(folder, wheel.file), bytes),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** As pip asks for it. */
const plain = (project: string): string => project.toLowerCase().replaceAll("_", "-");
const addressOf = (wheel: WheelFile) => `../../files/${wheel.file}`;

function jsonPage(wheels: readonly WheelFile[]): Response {
  const files = wheels.map((wheel) => ({
    filename: wheel.file,
    url: addressOf(wheel),
    hashes: { sha256: wheel.sha256 },
  }));
  const page = { meta: { "api-version": "1.0" }, name: wheels[0]?.project ?? "", files };
  return Response.json(page, { headers: { "content-type": "application/vnd.pypi.simple.v1+json" } });
}

function htmlPage(wheels: readonly WheelFile[]): Response {
  const links = wheels.map((wheel) => `<a href="${addressOf(wheel)}#sha256=${wheel.sha256}">${wheel.file}</a>`);
  return new Response(`<!DOCTYPE html><body>${links.join("<br>")}</body>`, {
    headers: { "content-type": "text/html" },
  });
}

function buildWheel(
  folder: string,
  project: string,
  files: Readonly<Record<string, string>>,
  needs: readonly string[],
): WheelFile {
  const source = join(folder, `${project}-source`);
  const info = `${project}-1.0.dist-info`;
  const all = {
    ...files,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${project}\nVersion: 1.0\n${needs.map((one) => `Requires-Dist: ${one}\n`).join("")}`,
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  };
  const record = Object.keys(all).map((name) => `${name},,\n`);
  for (const [name, text] of Object.entries({ ...all, [`${info}/RECORD`]: `${record.join("")}${info}/RECORD,,\n` })) {
    mkdirSync(dirname(join(source, name)), { recursive: true });
    writeFileSync(join(source, name), text);
  }
  const file = `${project}-1.0-py3-none-any.whl`;
  const pack = "import shutil, sys; shutil.move(shutil.make_archive(sys.argv[1], 'zip', sys.argv[2]), sys.argv[1])";
  const made = Bun.spawnSync(["/usr/bin/python3", "-c", pack, join(folder, file), source]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const sha256 = createHash("sha256")
    .update(readFileSync(join(folder, file)))
    .digest("hex");
  return { project, file, sha256 };
}
