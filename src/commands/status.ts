// --status: asks the watchdog of this machine for its state, once or every second, and prints the answer: as text, as
// JSON, or as a monitoring plugin does. The exit code is the verdict's, as for such plugins: 0 OK, 1 WARNING, 2
// CRITICAL, 3 UNKNOWN. No answer is CRITICAL: a node without a running watchdog takes part in no failover, and an
// operator must know that. UNKNOWN means that the question could not be asked.
import { isOn, type Values } from "../options/parse.ts";
import { fallbackOf, nameOf } from "../config/config.ts";
import { listenOf } from "../config/peers.ts";
import { hostText } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import { jsonText, LINE_MAX_CHARS, plain } from "../core/plain.ts";
import type { Snapshot } from "../status/snapshot.ts";
import { pluginLines } from "../status/nagios.ts";
import { statusLines } from "../status/text.ts";
import { exitCodeOf, verdictIn } from "../status/verdict.ts";
import { withoutPasswords } from "../log/password.ts";
import { InfoClient, localAddressOf, STATUS_QUESTION } from "../status/info_client.ts";
import type { Clock, Signals, UdpSocket } from "../world.ts";
import { spanText } from "../core/age.ts";

/** Questions before giving up: some may get lost among those of others. */
export const ATTEMPTS = 6;
/** Time between two answers of --watch. */
const WATCH_MS = 1_000;
/** Longer than any datagram of an answer. */
export const BUFFER_BYTES = 16_384;
/** Move to the first line; clear the rest of a line, and of the screen. */
const HOME = "\x1b[H", CLEAR_LINE = "\x1b[K", CLEAR_BELOW = "\x1b[J";

/** What asking needs of the machine. */
export interface Asker {
  readonly clock: Clock;
  readonly signals: Signals;
  readonly openSocket: (hostname: string, port: number, bufferBytes?: number) => UdpSocket;
  readonly print: (stream: "out" | "err", line: string) => void;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
}

/** How to show the answers. */
interface Manner {
  readonly json: boolean;
  readonly watch: boolean;
  readonly nagios: boolean;
  readonly verbose: boolean;
}

/** Exit codes without a verdict: no answer; could not ask. */
const SILENT = exitCodeOf("CRITICAL"), UNASKED = exitCodeOf("UNKNOWN");

/** Resolves to the exit code of the last verdict. */
export async function askStatus({ given }: Values, asker: Asker): Promise<0 | 1 | 2 | 3> {
  const { clock, print, openSocket } = asker;
  const problems: string[] = [];
  const listen = listenOf(given.get("l")?.text ?? fallbackOf("l"), (ok, _, problem) => {
    if (!ok) problems.push(problem);
  });
  if (problems.length > 0) {
    return unasked(
      problems.map((problem) => `${nameOf("l")}: ${withoutPasswords(problem)}`),
      asker,
    );
  }
  const on = (name: string) => isOn(given.get(name));
  const [json, watch, nagios, verbose] = [on("json"), on("watch"), on("nagios"), on("v")];
  const manner: Manner = { json, watch, nagios, verbose };
  if (nagios && (json || watch)) {
    const other = nameOf(json ? "json" : "watch");
    return unasked([`${nameOf("nagios")}: does not go with ${other}`], asker);
  }
  const hostname = localAddressOf(listen.hostname);
  let socket: UdpSocket;
  try {
    socket = openSocket(hostname, 0, BUFFER_BYTES);
  } catch (error) {
    const place = hostText(hostname);
    return unasked([`${nameOf("l")}: cannot ask at ${place}: ${messageOf(error)}`], asker);
  }
  const whom = { clock, hostname, port: listen.port };
  const infoClient = new InfoClient(socket, whom, STATUS_QUESTION);
  try {
    const first = await infoClient.ask(ATTEMPTS);
    if (first === null) {
      const text = `no watchdog answers at ${infoClient.title}: start one, or give its ${
        nameOf("l")
      }`;
      if (manner.nagios) print("out", `EXOIP CRITICAL - ${text}`);
      else print("err", `exoip: CRITICAL: ${text}`);
      return SILENT;
    }
    if (manner.watch) return await keepAsking(infoClient, { first, manner, asker });
    const text = manner.json ? jsonText(first, 2) : linesOf(first, manner).join("\n");
    print("out", text);
    return exitCodeOf(verdictIn(first).level);
  } finally {
    await infoClient.close();
  }
}

/** The question could not be asked. */
function unasked(problems: readonly string[], { print }: Asker): typeof UNASKED {
  for (const problem of problems) print("err", `exoip: ${problem}`);
  return UNASKED;
}

/** Asks until told to stop. What it shows is at most one interval plus one answer timeout old. */
async function keepAsking(
  infoClient: InfoClient,
  { first, manner, asker }: { first: Snapshot; manner: Manner; asker: Asker },
): Promise<0 | 1 | 2 | 3> {
  const { clock, signals } = asker;
  const stopping = new AbortController();
  const unsubscribe = signals.listen((signal) => {
    if (signal === "stop") stopping.abort();
  });
  let snapshot: Snapshot | null = first;
  let answeredAtMs = clock.nowMs();
  while (!stopping.signal.aborted) {
    const askedAtMs = clock.nowMs();
    if (snapshot) answeredAtMs = askedAtMs;
    show(snapshot, askedAtMs - answeredAtMs, { manner, asker, title: infoClient.title });
    await clock.sleep(WATCH_MS, stopping.signal);
    if (!stopping.signal.aborted) snapshot = await infoClient.ask(1);
  }
  unsubscribe();
  return snapshot ? exitCodeOf(verdictIn(snapshot).level) : SILENT;
}

function show(
  snapshot: Snapshot | null,
  silentMs: number,
  { manner, asker: { print, terminal }, title }: { manner: Manner; asker: Asker; title: string },
): void {
  if (manner.json) {
    return print("out", jsonText(snapshot ?? { version: 1, answered: false, silentMs }));
  }
  const lines = snapshot
    ? [...linesOf(snapshot, manner), "", `watchdog at ${title}, every second, Ctrl+C ends`]
    : [
      `CRITICAL: no watchdog answers at ${title} any more: the last answer is ${
        spanText(silentMs)
      } old`,
    ];
  if (!terminal) return print("out", [...lines, ""].join("\n"));
  print("out", HOME + lines.map((line) => line + CLEAR_LINE + "\n").join("") + CLEAR_BELOW);
}

/** For a terminal: any program on that port could have written these texts. */
function linesOf(snapshot: Snapshot, { nagios, verbose }: Manner): string[] {
  const lines = nagios
    ? pluginLines(verdictIn(snapshot), snapshot)
    : statusLines(snapshot, { verbose });
  return lines.map((line) => plain(line, LINE_MAX_CHARS));
}
