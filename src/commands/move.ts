// --demote, --promote, --drain, --undrain: move the address by a word. The command asks the watchdog of this machine on
// its control socket, waits until the address has moved, and says who holds it.
import { isOn, type Values } from "../options/parse.ts";
import { fallbackOf, nameOf } from "../config/config.ts";
import { controlPathOf } from "../config/control_path.ts";
import { listenOf } from "../config/peers.ts";
import { drainFileOf, drainText } from "../config/drain_file.ts";
import { plainAside } from "../core/election/aside.ts";
import { canonicalIp } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import { jsonText, MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import { type ControlSockets, NobodyListens } from "../host/control_socket.ts";
import type { StateFiles } from "../host/state_files.ts";
import { withoutPasswords } from "../log/password.ts";
import { ControlClient, type Moved } from "../status/control_client.ts";
import type { AddressStand } from "../status/control_protocol.ts";
import type { Clock, Environment } from "../world.ts";

/** The commands, in the order of the help. */
export const MOVES = ["demote", "promote", "drain", "undrain"] as const;
/** One of them. */
export type Move = typeof MOVES[number];

/** What moving needs of the machine. */
export interface Mover {
  readonly clock: Clock;
  readonly controlSockets: ControlSockets;
  readonly env: Environment;
  readonly stateFiles: StateFiles;
  readonly uid: () => number | null;
  readonly print: (stream: "out" | "err", line: string) => void;
  /** Ends the wait, not the move. */
  readonly signal: AbortSignal;
}

/** The commands that were asked for. */
export function askedMoves({ given }: Values): Move[] {
  return MOVES.filter((move) => isOn(given.get(move)));
}

/** A call that cannot mean anything. */
const MISUSED = 2;

/** Resolves to 0 if the address is where it should be, to 1 if it is not or nobody could be asked, to 2 if misused. */
export async function moveByWord(values: Values, mover: Mover): Promise<0 | 1 | 2> {
  const problems: string[] = [];
  const [move, path, elasticIp] = [
    moveOf(values, problems),
    pathOf(values, problems),
    addressOf(values, problems),
  ];
  if (move === null || path === null || problems.length > 0) {
    for (const problem of problems) mover.print("err", `exoip: ${withoutPasswords(problem)}`);
    return MISUSED;
  }
  const { clock, controlSockets: sockets, print, signal } = mover;
  const by = whoAsks(mover), why = values.given.get("reason")?.text ?? "";
  const client = new ControlClient({ path, sockets, clock, by });
  const json = isOn(values.given.get("json"));
  const order: Order = { move, by, why, elasticIp, client, path, mover, json };
  try {
    if (move === "drain" || move === "undrain") return await keepDrain({ ...order, move }, values);
    const moved = await client[move]({ elasticIp, why, signal });
    return tell(order, moved);
  } catch (error) {
    const text = error instanceof NobodyListens
      ? `no watchdog listens on ${path}: --${move} needs one that runs; give its ` +
        `${nameOf("control-socket")}, or the ${nameOf("l")} that its path follows`
      : `--${move}: ${path}: ${messageOf(error)}`;
    if (json) print("out", jsonText({ command: move, ok: false, problem: text }, 2));
    print("err", `exoip: ${safe(text)}`);
    return 1;
  }
}

/** One command. */
interface Order {
  readonly move: Move;
  readonly by: string;
  readonly why: string;
  readonly elasticIp: string | null;
  readonly client: ControlClient;
  /** Path of the control socket. */
  readonly path: string;
  readonly mover: Mover;
  readonly json: boolean;
}

function tell({ move, mover: { print }, json }: Order, moved: readonly Moved[]): 0 | 1 {
  const ok = moved.every(({ outcome }) => outcome === "moved" || outcome === "as-before");
  const lines = moved.map((each) => sentence(move, each));
  if (json) print("out", jsonText({ command: move, ok, addresses: moved }, 2));
  for (const line of json ? [] : lines) print(ok ? "out" : "err", `exoip: ${safe(line)}`);
  return ok ? 0 : 1;
}

/**
 * Drains or undrains: first the record on disk, which outlives everything, then the watchdog. If the record cannot be
 * changed, nothing is: a drain that a reboot ends would be worse than an error.
 */
async function keepDrain(order: Order & { move: "drain" | "undrain" }, { given }: Values) {
  const { move, by, why, client, path, mover: { clock, env, stateFiles, signal, print }, json } =
    order;
  const wallMs = Math.round(clock.wallMs());
  let runs = true;
  const port = () => listenOf(given.get("l")?.text ?? fallbackOf("l"), () => {}).port;
  const file = await client.drainFile().catch((error: unknown) => {
    if (!(error instanceof NobodyListens)) throw error;
    runs = false;
    return drainFileOf(given.get("state-dir")?.text ?? null, port(), env);
  });
  let recorded: boolean;
  try {
    const aside = plainAside({ kind: "drained", by, why, wallMs });
    recorded = move === "drain"
      ? await stateFiles.write(file, drainText(aside)).then(() => true)
      : await stateFiles.remove(file);
  } catch (error) {
    throw new Error(`nothing was changed: cannot change the record ${file}: ${messageOf(error)}`);
  }
  if (runs && move === "drain") return tell(order, await client.drain({ why, wallMs, signal }));
  const stands = runs ? await client.undrain({ wallMs }) : [];
  const news = move === "drain" ? "drained" : recorded ? "no longer drained" : "was not drained";
  const lines = runs
    ? stands.map((stand) => `${news}; ${standText(stand)}`)
    : [`${news} from the next start on: no watchdog listens on ${path}`];
  if (json) print("out", jsonText({ command: move, ok: true, runs, addresses: stands }, 2));
  for (const line of json ? [] : lines) print("out", `exoip: ${safe(line)}`);
  return 0;
}

function standText({ elasticIp, holders, role, reason, aside }: AddressStand): string {
  const still = aside ? `; still ${aside.kind} by ${aside.by}` : "";
  return `${holdText(holders)} ${elasticIp}, this node is ${role} (${reason})${still}`;
}

function holdText(holders: readonly string[]): string {
  return `${holders.join(" and ") || "nobody"} ${holders.length > 1 ? "hold" : "holds"}`;
}

/** The text comes from another process and goes to a terminal. */
function safe(text: string): string {
  return plain(text, MESSAGE_MAX_CHARS);
}

function moveOf(values: Values, problems: string[]): Move | null {
  const moves = askedMoves(values);
  const modes = ["W", "A", "D"].filter((mode) => isOn(values.given.get(mode)));
  const [move, ...others] = [...moves.map((each) => `--${each}`), ...modes.map((m) => `-${m}`)];
  if (others.length > 0) {
    problems.push(`${move} excludes ${others.join(" and ")}: give one of them`);
  }
  return moves[0] ?? null;
}

function pathOf({ given }: Values, problems: string[]): string | null {
  let port = 0;
  const value = given.get("control-socket")?.text ?? null;
  if (value === null) {
    port = listenOf(given.get("l")?.text ?? fallbackOf("l"), (ok, _, problem) => {
      if (!ok) problems.push(`${nameOf("l")}: ${problem}`);
    }).port;
  }
  const { path } = controlPathOf(value, port);
  if (path === null) {
    problems.push(`${nameOf("control-socket")}: none; without a socket no watchdog can be asked`);
  }
  return path;
}

/** The Elastic IP of a flag; a file or variable has those of the watchdog. */
function addressOf(values: Values, problems: string[]): string | null {
  const { source, text } = values.given.get("xi") ?? {};
  if (text === undefined || source !== "-xi") return null;
  const [move] = askedMoves(values);
  if (move === "drain" || move === "undrain") {
    problems.push(`--${move} is for all Elastic IPs of the watchdog: leave out ${nameOf("xi")}`);
  }
  const address = canonicalIp(text);
  const wanted = "wanted one IP address that the watchdog watches";
  if (address === null) problems.push(`${nameOf("xi")}: ${JSON.stringify(text)}, ${wanted}`);
  return address;
}

/** The person behind the command, for the record. */
export function whoAsks({ env, uid }: Pick<Mover, "env" | "uid">): string {
  const id = uid();
  return env.SUDO_USER || env.USER || env.LOGNAME || (id === 0 ? "root" : `uid ${id ?? "unknown"}`);
}

function sentence(move: Move, { outcome, stand, tookMs }: Moved): string {
  const { elasticIp, holders } = stand;
  const hold = holdText(holders);
  const took = `${(tookMs / 1_000).toFixed(1)} s`;
  switch (outcome) {
    case "moved":
      return `${hold} ${elasticIp} now, after ${took}`;
    case "as-before":
      return `${hold} ${elasticIp}, as before`;
    case "kept":
      return `no other node can serve ${elasticIp}: this node keeps it until one can, and then ` +
        `hands over by itself; ${backText(move, stand)}`;
    default:
      return `${hold} ${elasticIp} after ${took}, ${stand.role} (${stand.reason}): the move goes ` +
        "on, exoip --status shows it";
  }
}

function backText(move: Move, { aside }: AddressStand): string {
  const back = move === "demote" && aside?.kind === "demoted" ? "--promote" : "--undrain";
  return `exoip ${back} takes that back`;
}
