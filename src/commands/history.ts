// --history: asks the watchdog of this machine who held when, and prints it as text or JSON. If no watchdog answers and
// --history-file is given, it reads the files. Exit code 0: printed; 1: nothing to print; 3: could not ask.
import { parseDuration } from "../options/duration.ts";
import { isOn, type Values } from "../options/parse.ts";
import { fallbackOf, nameOf } from "../config/config.ts";
import { listenOf } from "../config/peers.ts";
import { hostText } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import { jsonText, LINE_MAX_CHARS, plain } from "../core/plain.ts";
import { readSegments } from "../host/segmented_file.ts";
import { withoutPasswords } from "../log/password.ts";
import { historyLines } from "../status/history/text.ts";
import { clipped, type History } from "../status/history/view.ts";
import { HISTORY_QUESTION, InfoClient, localAddressOf } from "../status/info_client.ts";
import { recordedHistory } from "../watch/history_file.ts";
import type { UdpSocket } from "../world.ts";
import { type Asker, ATTEMPTS, BUFFER_BYTES } from "./status.ts";

/** Longest time to look back, as long as the history is kept, and shortest. */
const LONGEST = "168h", SHORTEST = "1m";

const SILENT = 1, UNASKED = 3;

/** Resolves to the exit code. */
export async function askHistory({ given }: Values, asker: Asker): Promise<0 | 1 | 3> {
  const { print, clock } = asker;
  const problems: string[] = [];
  const text = given.get("since")?.text ?? fallbackOf("since");
  const windowMs = parseDuration(text) ?? NaN;
  const inside = windowMs >= (parseDuration(SHORTEST) ?? 0) &&
    windowMs <= (parseDuration(LONGEST) ?? 0);
  if (!inside) {
    problems.push(`${nameOf("since")}: ${text} is not between ${SHORTEST} and ${LONGEST}`);
  }
  const listen = listenOf(given.get("l")?.text ?? fallbackOf("l"), (ok, _, problem) => {
    if (!ok) problems.push(`${nameOf("l")}: ${withoutPasswords(problem)}`);
  });
  for (const other of ["watch", "nagios"]) {
    if (isOn(given.get(other))) problems.push(`${nameOf("history")}: does not go with --${other}`);
  }
  if (problems.length > 0) return refuse(problems, asker);
  const hostname = localAddressOf(listen.hostname);
  let socket: UdpSocket;
  try {
    socket = asker.openSocket(hostname, 0, BUFFER_BYTES);
  } catch (error) {
    const place = hostText(hostname);
    return refuse([`${nameOf("l")}: cannot ask at ${place}: ${messageOf(error)}`], asker);
  }
  const whom = { clock, hostname, port: listen.port };
  const client = new InfoClient(socket, whom, HISTORY_QUESTION);
  const answer = await client.ask(ATTEMPTS).finally(() => client.close());
  const file = given.get("history-file")?.text;
  const history = answer ?? (file === undefined ? null : fromFile(file, asker));
  if (history === null) {
    const hint = `start one, give its ${nameOf("l")}, or a ${nameOf("history-file")} to read`;
    print("err", `exoip: no watchdog answers at ${client.title}: ${hint}`);
    return SILENT;
  }
  if (answer === null) print("err", `exoip: no watchdog answers: this is what ${file} has`);
  show(history, windowMs, { print, json: isOn(given.get("json")) });
  return 0;
}

function show(
  history: History,
  windowMs: number,
  { print, json }: { print: Asker["print"]; json: boolean },
): void {
  const sinceMs = history.takenAtMs - windowMs;
  const part = clipped(history, sinceMs);
  if (json) return print("out", jsonText(part, 2));
  for (const line of historyLines(part, { sinceMs })) print("out", plain(line, LINE_MAX_CHARS));
}

/** What the files of an earlier watchdog say; null when they cannot be read. */
function fromFile(path: string, { clock, print }: Asker): History | null {
  try {
    const { texts, note } = readSegments(path);
    return recordedHistory(texts, { note, nowMs: clock.nowMs(), wallMs: clock.wallMs() });
  } catch (error) {
    print("err", `exoip: ${nameOf("history-file")}: cannot read ${path}: ${messageOf(error)}`);
    return null;
  }
}

/** The question could not be asked. */
function refuse(problems: readonly string[], { print }: Asker): typeof UNASKED {
  for (const problem of problems) print("err", `exoip: ${problem}`);
  return UNASKED;
}
