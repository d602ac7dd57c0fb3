// The layers: each folder of src imports only from those below it, and there are no import cycles.
import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** From the bottom up. A file in `src` itself is a layer of its own. */
const FLOORS = [
  "core",
  "world.ts",
  "version.ts",
  "transport",
  "exoscale",
  "leases",
  "log",
  "host",
  "checks",
  "options",
  "status",
  "config",
  "startup",
  "peers",
  "watch",
  "commands",
  "doctor",
  "drill",
  "program.ts",
];

/**
 * The layers within the core: words, parts that stand alone, the three machines, the node that joins them, its shadow.
 */
const CORE_FLOORS = ["registry", "", "lease", "election", "ownership", "node", "shadow"];

/** The imports of each source file, by path. */
function imports(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of sources("src")) {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    const names = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g)];
    const base = new URL(path, ROOT);
    found.set(
      path,
      names.map(([, name = ""]) => new URL(name, base).pathname.slice(ROOT.pathname.length)),
    );
  }
  return found;
}

/** All source files in a folder. The stand-ins in `src/std` stand on no floor. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}/${name}`;
    if (!isDirectory) {
      if (name.endsWith(".ts")) yield path;
    } else yield* sources(path);
  }
}

/** The layer of a file, -1 without one. */
function floorOf(path: string): number {
  return FLOORS.indexOf(path.split("/")[1] ?? "");
}

function coreFloorOf(path: string): number {
  const parts = path.split("/");
  return CORE_FLOORS.indexOf(parts.length > 3 ? parts[2] ?? "" : "");
}

Deno.test("every source file stands on a floor", () => {
  const lost = (path: string) =>
    !path.startsWith("src/std/") &&
    (floorOf(path) < 0 || (floorOf(path) === 0 && coreFloorOf(path) < 0));
  assertEquals([...sources("src")].filter(lost), []);
});

Deno.test("every floor imports only from those below it", () => {
  const upwards: string[] = [];
  for (const [path, names] of imports()) {
    for (const name of names) {
      const up = floorOf(name) > floorOf(path);
      const core = floorOf(path) === 0 && floorOf(name) === 0;
      if (up || (core && coreFloorOf(name) > coreFloorOf(path))) upwards.push(`${path} -> ${name}`);
    }
  }
  assertEquals(upwards, []);
});

Deno.test("no file leads back to itself", () => {
  const graph = imports(), done = new Set<string>(), circles: string[] = [];
  const visit = (path: string, way: readonly string[]) => {
    const from = way.indexOf(path);
    if (from >= 0) circles.push([...way.slice(from), path].join(" -> "));
    if (from >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assertEquals(circles, []);
});

Deno.test("no folder of src has a file of its name beside it", () => {
  const paths = [...sources("src")];
  const pairs = paths.filter((path) => {
    const folder = path.replace(/\.ts$/, "/");
    return paths.some((other) => other.startsWith(folder));
  });
  assertEquals(pairs, []);
});
