// Unsuitable or oversized files with the real program: a named error at the start, and at SIGHUP an error that delays
// no heartbeat.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";

const MISSING = Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-files-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makePipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success);
}

skippableTest(
  "at the start a file that is none is an error that names it",
  MISSING,
  () =>
    inFolder(async (folder) => {
      await makePipe(`${folder}/pipe`);
      await Deno.writeFile(`${folder}/large`, new Uint8Array(1024 * 1024).fill(0x61));
      const options = ["env-file", "config", "api-secret-file", "shared-secret-file", "ca-file"];
      const rows = options.flatMap((option) => [
        [option, "/dev/zero", /it has more than \d+ bytes/] as const,
        [option, folder, /it is a folder, wanted a file/] as const,
        [
          option,
          `${folder}/pipe`,
          /it is a pipe, and what is written there has no end yet \(waited 10 s\)/,
        ] as const,
        ...(option === "ca-file"
          ? []
          : [[option, `${folder}/large`, /more than 131072 bytes/] as const]),
      ]);
      await Promise.all(rows.map(async ([option, path, problem]) => {
        const args = `-n -W -xi ${ELASTIC_IP} -p 127.0.0.2 -xk EXOkey --${option} ${path}`.split(
          " ",
        );
        const process = new ExoipProcess(args);
        assertEquals(await process.ended(), 1, process.output);
        const about = process.lines.map(({ text }) => text).find((line) =>
          line.includes(`cannot read ${path}`)
        );
        assertMatch(about ?? process.output, problem, option);
      }));
    }),
);

skippableTest("at the start a pipe is read that somebody fills on purpose", MISSING, async () => {
  const args =
    `-n -W -xi ${ELASTIC_IP} -p 127.0.0.2 -i 9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f --zone ch-gva-2`
      .split(" ");
  const variables = "IF_EXOSCALE_API_KEY=EXOkey\\nIF_EXOSCALE_API_SECRET=secret\\n";
  const script = `{ sleep 0.2; printf '${variables}'; } | "$@" --env-file /dev/stdin`;
  const process = new ExoipProcess(args, { wrap: ["sh", "-c", script, "sh"] });
  assertEquals(await process.ended(), 0, process.output);
  assertMatch(process.output, /syntax valid/);
});

skippableTest(
  "SIGHUP before files that are none, or anything of 1 MiB, delays no heartbeat",
  MISSING,
  () =>
    inFolder(async (folder) => {
      const cluster = new Cluster({ count: 2 });
      const path = `${folder}/variables`, good = "IF_HOST_PRIORITY=7\n";
      // Replaces the second node: hears the first.
      const peer = Deno.listenDatagram({
        transport: "udp",
        hostname: "127.0.0.2",
        port: cluster.port,
      });
      let lastAtMs = performance.now(), longestMs = 0, heard = 0;
      const hearing = (async () => {
        for await (const _ of peer) {
          const nowMs = performance.now();
          if (heard++ > 0) longestMs = Math.max(longestMs, nowMs - lastAtMs);
          lastAtMs = nowMs;
        }
      })();
      try {
        await Deno.writeTextFile(path, good);
        const node = cluster.node(1);
        cluster.start(node, { priority: null, args: ["--env-file", path] });
        await until(() => cluster.holders.length === 1, { title: "it holds" });
        const size = 1024 * 1024;
        const tried: ReadonlyArray<readonly [(path: string) => Promise<void>, RegExp]> = [
          [makePipe, /it is a pipe, which can be read at the start only/],
          [(path) => Deno.mkdir(path), /it is a folder/],
          [(path) => Deno.symlink("/dev/zero", path), /it is a device/],
          [(path) => Deno.writeTextFile(path, "x\n".repeat(size / 2)), /more than 131072 bytes/],
          [
            (path) => Deno.writeTextFile(path, "x\n".repeat(65_000)),
            /line 21: and more: the rest is not read/,
          ],
          [(path) => Deno.writeTextFile(path, "A".repeat(130_000)), /line 1: no "="/],
          [
            (path) => Deno.writeTextFile(path, `IF_CHECK='tcp://a:1${" ".repeat(130_000)}x'`),
            /IF_CHECK.*: wanted tcp:/,
          ],
          [
            (path) => Deno.writeTextFile(path, `IF_CHECK='${"tcp://a:1 ".repeat(13_000)}'`),
            /13000 checks, wanted at most 100/,
          ],
        ];
        for (const [make, problem] of tried) {
          await Deno.remove(path, { recursive: true });
          await make(path);
          // A busy machine may delay one, too, but not each time.
          for (let times = 1;; times++) {
            const since = node.lines.length, before = heard;
            await until(() => heard > before, { title: "it speaks" });
            longestMs = 0;
            node.process?.signal("SIGHUP");
            const refused = () => node.lines.slice(since).some(({ text }) => problem.test(text));
            await until(refused, { title: `it says: ${problem}` });
            const after = heard;
            await until(() => heard > after + 2, { title: "it still speaks" });
            // One heartbeat every 200 ms; a peer counts us as dead after three. It was 11.9 s.
            if (longestMs < 600) break;
            assert(times < 5, `a silence of ${Math.round(longestMs)} ms: ${problem}`);
          }
        }
        await Deno.remove(path);
        await Deno.writeTextFile(path, "IF_HOST_PRIORITY=8\n");
        node.process?.signal("SIGHUP");
        const applied = () =>
          node.lines.some(({ text }) => /reload: now in force: .*IF_HOST_PRIORITY/.test(text));
        await until(applied, { title: "a good file counts again" });
        node.process?.signal("SIGTERM");
        assertEquals(await node.process?.ended(), 0, node.process?.output);
      } finally {
        await cluster.close();
        peer.close();
        await hearing;
      }
    }),
);
