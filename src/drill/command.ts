// --drill as a command: finds the watchdog and the cloud, runs the drill, and prints the report. Exit code 0: it moved
// and came back, and was always served; 1: it did not; 2: the drill was refused, and nothing was touched.
import { probeWith } from "../checks/probe.ts";
import type { Config } from "../config/config.ts";
import { nameOf } from "../config/config.ts";
import { canonicalIp } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import { jsonText, LINE_MAX_CHARS, MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import { RateLimiter } from "../exoscale/rate_limiter.ts";
import { childEnvironment } from "../host/child_environment.ts";
import type { Host } from "../host/host.ts";
import { connectionFor } from "../startup/connection.ts";
import type { Snapshot } from "../status/snapshot.ts";
import type { Cloud } from "../world.ts";
import { drill, DrillRefused } from "./drill.ts";
import { type Hands, handsVia } from "./hands.ts";
import { reportJson, reportLines, succeeded } from "./report.ts";

/** Requests in flight, or within a second, that a drill may make: two looks every 100 ms, and some that are late. */
const DRILL_REQUESTS = 40;

/** What the command needs besides the configuration. */
export interface DrillCommandOptions {
  readonly host: Host;
  readonly json: boolean;
  /** The Elastic IP that the command line names. */
  readonly elasticIp: string | null;
  /** The watchdog of this machine. */
  readonly here: Hands;
  readonly signal: AbortSignal;
}

/** Resolves to the exit code. */
export async function runDrill(config: Config, options: DrillCommandOptions): Promise<0 | 1 | 2> {
  const { host, json, elasticIp, here, signal } = options;
  const { clock, runCommand: run } = host;
  const env = childEnvironment(host.env);
  const say = (text: string) => json || host.print("out", plain(text, LINE_MAX_CHARS));
  try {
    refuseInside(config, options);
    const { probe } = config;
    const ask = probeWith(run, { env, caCerts: config.caCerts });
    const drilled = await drill({
      ...{ clock, signal, elasticIp, say },
      hands: config.drillVia === null ? here : handsVia(config.drillVia, { run, env }),
      cloudsOf: (snapshot, ips) => cloudsOf(snapshot, ips, { config, host, signal }),
      probe: probe === null ? null : (signal) => ask(probe, signal),
      probeTitle: probe?.title ?? null,
    });
    if (json) host.print("out", jsonText(reportJson(drilled), 2));
    else for (const line of ["", ...reportLines(drilled)]) host.print("out", line);
    return succeeded(drilled) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof DrillRefused)) throw error;
    const problem = plain(error.message, MESSAGE_MAX_CHARS);
    if (json) host.print("out", jsonText({ version: 1, ok: false, refused: problem }, 2));
    host.print("err", `exoip: --drill: ${problem}`);
    return 2;
  }
}

/** A machine that has the Elastic IP answers its own probes, which prove nothing about the way from outside. */
function refuseInside({ probe }: Config, { host }: DrillCommandOptions): void {
  if (probe === null) return;
  const hostname = probe.kind === "tcp" ? probe.hostname : new URL(probe.url).hostname;
  const address = canonicalIp(hostname.replace(/^\[|\]$/g, ""));
  const own = host.interfaces().find((each) => address !== null && each.address === address);
  if (!own) return;
  throw new DrillRefused(
    `${nameOf("probe")}: this machine has ${own.address} itself (${own.name}), so no probe would ` +
      `come from outside: run the drill elsewhere, with ${nameOf("drill-via")}`,
  );
}

/** The drill uses clients of its own, so that it takes no requests from the watchdog's limit. */
async function cloudsOf(
  { instanceId }: Snapshot,
  elasticIps: readonly string[],
  { config, host, signal }: { config: Config; host: Host; signal: AbortSignal },
): Promise<readonly Pick<Cloud, "inspect">[]> {
  const said: string[] = [];
  const log = { write: (_: string, __: string, text: string) => void said.push(text) };
  const limiter = new RateLimiter(host.clock, DRILL_REQUESTS);
  // The one-shot modes do not wait for a silent cloud.
  const once = { ...config, mode: "associate" as const };
  const found = { instanceId: instanceId ?? "", host, log, signal, limiter };
  const connection = await connectionFor(once, found);
  if (connection === null) throw new DrillRefused(said.at(-1) ?? "the cloud cannot be reached");
  const clouds = elasticIps.map((elasticIp) => connection.connect(elasticIp, () => {}));
  try {
    await Promise.all(clouds.map((cloud) => cloud.prepare(signal)));
  } catch (error) {
    throw new DrillRefused(messageOf(error));
  }
  return clouds;
}
