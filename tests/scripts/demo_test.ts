// The demo: its arguments, and that its lines have names, one clock, and fit into 80 columns.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { keepLines } from "../../scripts/demo/keep.ts";
import { outcomeTable } from "../../scripts/demo/table.ts";
import { ACTS } from "../../scripts/demo/acts.ts";
import { toldLine } from "../../scripts/demo/told.ts";
import { wrapped } from "../../src/status/table.ts";
import { readWishes, USAGE } from "../../scripts/demo/usage.ts";

const MAIN = new URL("../../scripts/demo/main.ts", import.meta.url).pathname;
const COLUMNS = 80;
const ID = "00000001-0000-4000-8000-000000000001";
const OTHER = "00000001-0000-4000-8000-000000000002";
const instance = (id: string, address: string) => ({ id, address } as never);
const NODES = [
  { name: "node-1", instance: instance(ID, "127.0.0.1") },
  { name: "node-2", instance: instance(OTHER, "127.0.0.2") },
];
const CLOUD = "https://127.0.0.1:4711/v2";

async function demo(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", MAIN, ...args],
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("the demo explains itself with --help, and refuses options that it does not know", async () => {
  assertEquals(await demo("--help"), { code: 0, out: USAGE, err: "" });
  const { code, out, err } = await demo("--keeep");
  assertEquals([code, out], [2, ""]);
  assertEquals(err, `demo: unknown option --keeep (did you mean --keep?)\n\n${USAGE}`);
});

Deno.test("readWishes() reads the demo's options", () => {
  assertEquals(readWishes([]), { api: "v2", keep: false });
  assertEquals(readWishes(["--keep", "--api", "v1"]), { api: "v1", keep: true });
  assertEquals(readWishes(["--api=v1"]), { api: "v1", keep: false });
  assertEquals(readWishes(["--api", "v1", "-h"]), null);
  for (const args of [["--api"], ["--api", "v3"], ["--keep=1"], ["x"], ["--", "--keep"]]) {
    assertThrows(() => readWishes(args), Error);
  }
});

Deno.test("toldLine() has names, no second clock and no address of the cloud", () => {
  const rows: ReadonlyArray<readonly [line: string, told: string]> = [
    ["exoip [INFO   ] peer-alive: peer 127.0.0.2 is alive", "peer-alive: peer node-2 is alive"],
    ["exoip [WARNING] peer-dead: peer 127.0.0.2 is dead", "WARNING peer-dead: peer node-2 is dead"],
    [
      "exoip [INFO   ] role: backup (outranked by 127.0.0.1/10)",
      "role: backup (outranked by node-1/10)",
    ],
    [
      `evicted: took it from instance ${OTHER}, which is dead`,
      "evicted: took it from node-2, which is dead",
    ],
    [`from 127.0.0.2 (${OTHER})`, "from node-2"],
    ["2026-01-02T03:04:05.678Z exoip [INFO   ] start: x", "start: x"],
    ["exoip 03:04:05.678 [INFO   ] start: x", "start: x"],
    [`start: API v2 at ${CLOUD}`, "start: API v2 at the simulated cloud"],
    ["127.0.0.10 and 127.0.0.1.", "127.0.0.10 and node-1."],
  ];
  for (const [line, told] of rows) {
    assertEquals(toldLine(line, { nodes: NODES, cloud: CLOUD }), told);
  }
});

Deno.test("what the demo prints fits 80 columns", () => {
  const long = `${"  1.00 node-1 "}${"word ".repeat(40)}${"x".repeat(200)}`;
  const lines = wrapped(long, COLUMNS, 9);
  assert(lines.every(({ length }) => length <= COLUMNS));
  assertEquals(lines.join("").replaceAll(" ", ""), long.replaceAll(" ", ""));
  const table = outcomeTable(ACTS.map(({ title }) => ({
    title,
    noticedMs: 12_345,
    movedMs: 12_345,
    unheldMs: 12_345,
    ok: false,
    why: "wanted node-1+node-2 to hold, got nobody".repeat(3),
  })));
  const texts = [
    ...USAGE.split("\n"),
    ...table.split("\n"),
    ...ACTS.map(({ title }) => `  1.00 --- ${title}`),
  ];
  for (const text of texts) assert(text.length <= COLUMNS, text);
  assertStringIncludes(table, "NO");
});

Deno.test("--keep prints commands that can be typed", () => {
  const nodes = NODES.map((node, index) => ({ ...node, process: { pid: 4_194_300 + index } }));
  const lines = keepLines({ port: 12_345, nodes });
  for (const text of ["kill -9 4194300", "kill -STOP 4194300", "kill -USR2 4194300"]) {
    assert(lines.some((line) => line.includes(`  ${text} `)), text);
  }
  assert(lines.some((line) => line.endsWith(" --status -l 127.0.0.1:12345")));
  for (const line of lines.filter((each) => !each.includes("--status"))) {
    assert(line.length <= COLUMNS, line);
  }
});
