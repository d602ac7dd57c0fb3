// Finds this instance's id and zone: from the metadata service at its fixed address and its documented name, then at
// the default gateway (as the original does), then from the machine's own files, see identity_files.ts. Each attempt is
// bounded; the error lists them all.
import { looksLikeZone } from "../exoscale/zone.ts";
import { messageOf } from "../core/message_of.ts";
import { plain } from "../core/plain.ts";
import { isUuid } from "../core/uuid.ts";
import { childEnvironment, secretCommandEnvironment } from "./child_environment.ts";
import { runCommand } from "./command.ts";
import { type Disk, identityPlaces, type Place } from "./identity_files.ts";
import { BUNDLE_MAX_BYTES, readStartOf, rereadTextFile } from "./text_file.ts";
import { gatewayFromIpRoute, gatewayFromTable } from "./routes.ts";

/** Longest wait for one attempt. */
const ATTEMPT_MS = 2_000;
/** After this time without an answer the next place is asked, too. */
const HEDGE_MS = 300;
const ANSWER_MAX_CHARS = 256, REASON_MAX_CHARS = 200;
const SERVERS = ["http://169.254.169.254", "http://metadata.exoscale.com"];

/** What we can ask the machine about its identity. */
export interface Machine extends Disk {
  readonly fetch: (
    url: string,
    init: { signal: AbortSignal; redirect: "manual" },
  ) => Promise<Response>;
  /** The end of a program's output, a few KiB; rejects when the program is not there or fails. */
  readonly run: (
    program: string,
    args: string[],
    signal: AbortSignal,
    options?: {
      /** Whether it is the user's own command, which may need any variable. */
      readonly ownCommand?: boolean;
    },
  ) => Promise<string>;
}

/** Read at the start, because the right to read it may be given up later. */
const ENVIRONMENT = Deno.env.toObject();

/** The real machine. */
export const localMachine: Machine = {
  fetch: (url, init) => fetch(url, init),
  root: "",
  // The path may name anything: read only files, of a bounded size, without blocking the loop.
  readTextFile: (path) => rereadTextFile(path, { maxBytes: BUNDLE_MAX_BYTES }),
  readStart: readStartOf,
  async run(program, args, signal, { ownCommand = false } = {}) {
    const env = (ownCommand ? secretCommandEnvironment : childEnvironment)(ENVIRONMENT);
    const { code, output } = await runCommand([program, ...args], { env, signal });
    if (code !== 0) throw new Error(`exit code ${code}`);
    return output;
  },
};

/** The instance's identity was not found; the message lists what was tried. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";

  /** `answered`: a service answered without the id, so waiting for one to appear cannot help. */
  constructor(message: string, readonly answered: boolean) {
    super(message);
  }
}

/** A service answered, but not with the wanted value. */
class OddAnswer extends Error {
  override readonly name = "OddAnswer";
}

type Attempt = Place & {
  /** The answer may come from an unrelated server. */
  readonly stranger?: boolean;
};

/** The id of this instance in lower case. Throws `IdentityError`. */
export async function findInstanceId(machine: Machine): Promise<string> {
  const tried: string[] = [];
  let answered = false;
  const noteAnswer = () => void (answered = true);
  const accept = (text: string) => isUuid(text) ? text.toLowerCase() : null;
  const told = await askInTurn(stagesFor(machine, "instance-id"), {
    accept,
    wanted: "a UUID",
    tried,
    noteAnswer,
  });
  if (told) return told;
  for (const place of identityPlaces(machine)) {
    const id = await firstOf([place], { accept, wanted: "a UUID", tried });
    if (id) return id;
  }
  throw new IdentityError(
    // Sorted, so that the order does not depend on which attempt failed first.
    "cannot find out which instance this is: give its id with -i (IF_EXOSCALE_INSTANCE_ID); asked: " +
      tried.toSorted().join("; "),
    answered,
  );
}

/** The zone of this instance, null when the metadata service does not say. */
export async function findZone(machine: Machine): Promise<string | null> {
  const accept = (text: string) => looksLikeZone(text) ? text : null;
  const stages = stagesFor(machine, "availability-zone");
  return await askInTurn(stages, { accept, wanted: "a zone name", tried: [] });
}

/** First the fixed places in parallel, then the gateway in the kernel's table, then the one that `ip` shows. */
function stagesFor(machine: Machine, key: string): Array<() => Promise<Attempt[]>> {
  const { root } = machine;
  const table = (signal: AbortSignal) =>
    machine.readTextFile(`${root}/proc/net/route`, { signal }).then(gatewayFromTable);
  const ip = (signal: AbortSignal) =>
    machine.run("ip", ["-4", "route", "show", "default"], signal).then(gatewayFromIpRoute);
  return [
    () =>
      Promise.resolve(SERVERS.map((server) => ask(machine, `${server}/latest/meta-data/${key}`))),
    () => atGateway(machine, { key, title: "/proc/net/route", find: table }),
    () => atGateway(machine, { key, title: "`ip route`", find: ip }),
  ];
}

/** The test for a value, and where failures are noted. */
interface Wanted {
  readonly accept: (text: string) => string | null;
  readonly wanted: string;
  readonly tried: string[];
  /** Called when a service has answered with something else. */
  readonly noteAnswer?: () => void;
}

/** Runs the stages in order; the next one starts early when a stage gives no answer for a while. */
async function askInTurn(
  stages: ReadonlyArray<() => Promise<Attempt[]>>,
  wanted: Wanted,
): Promise<string | null> {
  const asked: Promise<string | null>[] = [];
  for (const stage of stages) {
    asked.push(stage().then((attempts) => firstOf(attempts, wanted)));
    const found = await firstWithin(asked, HEDGE_MS);
    if (found) return found;
  }
  const answers = await Promise.all(asked);
  return answers.find((answer) => answer !== null) ?? null;
}

/** The first answer within the time; null when the last one has none, or the time is over. */
async function firstWithin(asked: Promise<string | null>[], ms: number): Promise<string | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), ms));
  const answers = asked.map((each) => each.then((answer) => answer ?? Promise.reject(null)));
  const found = Promise.any(answers).catch(() => null);
  const last = asked.at(-1) ?? over;
  try {
    return await Promise.race([found, last, over]);
  } finally {
    clearTimeout(timer);
  }
}

async function atGateway(
  machine: Machine,
  { key, title, find }: {
    key: string;
    title: string;
    find: (signal: AbortSignal) => Promise<string | null>;
  },
): Promise<Attempt[]> {
  try {
    const gateway = await find(AbortSignal.timeout(ATTEMPT_MS));
    // A router may answer there, too, without knowing the id.
    if (gateway) return [{ ...ask(machine, `http://${gateway}/latest/${key}`), stranger: true }];
    return [{ title, value: () => Promise.reject(new Error("no default gateway")) }];
  } catch (error) {
    return [{ title, value: () => Promise.reject(error) }];
  }
}

function ask(machine: Machine, url: string): Attempt {
  return {
    title: url,
    async value(signal) {
      const response = await machine.fetch(url, { signal, redirect: "manual" });
      if (!response.ok) {
        await response.body?.cancel();
        throw new OddAnswer(`status ${response.status}`);
      }
      let text = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.length > ANSWER_MAX_CHARS) throw new OddAnswer("answer too long");
      }
      return text;
    },
  };
}

/** Runs the attempts in parallel; the first acceptable value wins, every failure is noted. */
async function firstOf(
  attempts: readonly Attempt[],
  { accept, wanted, tried, noteAnswer }: Wanted,
): Promise<string | null> {
  const settled = attempts.map(async ({ title, value, stranger = false }) => {
    try {
      const accepted = accept((await value(AbortSignal.timeout(ATTEMPT_MS))).trim());
      if (accepted !== null) return accepted;
      throw new OddAnswer(`not ${wanted}`);
    } catch (error) {
      if (error instanceof OddAnswer && !stranger) noteAnswer?.();
      const reason = messageOf(error).replace(/ for url.*$/, "");
      tried.push(`${title} (${plain(reason, REASON_MAX_CHARS)})`);
      throw error;
    }
  });
  return await Promise.any(settled).catch(() => null);
}
