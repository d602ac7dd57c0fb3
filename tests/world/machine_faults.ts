// Faults on the node itself, of its configured proxy, and of the cloud behind the front end.
import type { Fault } from "./fault.ts";
import type { Laboratory } from "./laboratory.ts";
import type { Proxy } from "./proxy.ts";
import { until } from "../support/until.ts";

/** Limits the file descriptors of every node; open ones stay open. */
async function descriptors({ cluster }: Laboratory, count: number): Promise<void> {
  for (const { process, alive } of cluster.nodes) {
    if (!process || !alive) continue;
    const args = ["--pid", `${process.pid}`, `--nofile=${count}:`];
    const { success, stderr } = await new Deno.Command("prlimit", { args }).output();
    if (success) continue;
    // It may just have been killed, and the news of its end may come later.
    const title = `${new TextDecoder().decode(stderr)}: it has ended`;
    await until(() => process.code !== null, { title });
  }
}

function proxies(lab: Laboratory): Proxy[] {
  return [...lab.proxies.values()];
}

/** A proxy is faulty for 20 s. */
function badProxy(
  title: string,
  says: RegExp,
  { begin, end }: Pick<Fault, "begin"> & Pick<NonNullable<Fault["outage"]>, "end">,
): Fault {
  return { title, setup: { proxies: true }, says, begin, outage: { lastsMs: 20_000, end } };
}

/** All of them. */
export const MACHINE_FAULTS: readonly Fault[] = [
  {
    title: "no file descriptor left for 20 s, and connections end",
    says: /too many open files|file descriptor/i,
    async begin(lab) {
      await descriptors(lab, 3);
      await lab.front.restart();
    },
    outage: { lastsMs: 20_000, end: (lab) => descriptors(lab, 1024) },
  },
  { title: "through a proxy", setup: { proxies: true }, begin() {} },
  badProxy("the proxy refuses for 20 s", /proxy/i, {
    begin: (lab) => proxies(lab).forEach((each) => each.stop()),
    end: (lab) => Promise.all(proxies(lab).map((each) => each.start())),
  }),
  badProxy("the proxy is silent for 20 s", /proxy/i, {
    async begin(lab) {
      for (const each of proxies(lab)) each.silent = true;
      await lab.front.restart();
    },
    end: (lab) => proxies(lab).forEach((each) => each.silent = false),
  }),
  badProxy("nobody knows the proxy's name for 20 s", /proxy/i, {
    begin(lab) {
      lab.zone = Object.fromEntries(
        Object.entries(lab.usualZone).filter(([name]) => !name.startsWith("proxy-")),
      );
      for (const each of proxies(lab)) each.stop();
    },
    async end(lab) {
      lab.zone = lab.usualZone;
      for (const each of proxies(lab)) await each.start();
    },
  }),
  {
    title: "every second request is never answered",
    begin({ cluster: { server } }) {
      let count = 0;
      server.fault = () => count++ % 2 === 0 ? "hang" : null;
    },
    // A takeover needs some six requests in sequence, each of which may hang for 3 to 4 s; curl never ends.
    graceMs: 20_000,
  },
  {
    title: "the cloud takes 10 s for each answer",
    begin: ({ cluster }) => void (cluster.server.latencyMs = 10_000),
    graceMs: 60_000,
  },
];
