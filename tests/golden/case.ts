// Cases of the command line as text: first the input, then the output, which `--rewrite` writes:
//
//   == a title
//   env NAME=VALUE            a variable; without any, two variables give key and secret
//   file PATH [MODE]          a file, whose lines follow, each after "| "
//   is WORD [VALUE...]        another property of the machine, see IS
//   $ exoip ARGUMENTS         $COMMON stands for the address, the instance and the endpoint
//   > a line of standard output
//   ! a line of standard error
//   log a line of the log; lost, if it had not left when the program ended
//   asked PATH                a request to the cloud or the metadata service; each path once
//   pid-file WHAT             an operation on a PID file or its process
//   exit CODE
import { COMMON, run, type Situation, type Trace } from "../support/fake_host.ts";
import { commit, VERSION } from "../../src/version.ts";

/** One case of a file. */
export interface Case {
  readonly title: string;
  /** Its lines up to and including the command line. */
  readonly input: readonly string[];
  /** The lines after it. */
  readonly output: readonly string[];
}

const CASE = "== ", COMMAND = "$ exoip";

/** Properties of a machine besides its files and variables. */
const IS: Readonly<Record<string, (...values: string[]) => Partial<Situation>>> = {
  /** No variable is set. */
  bare: () => ({ env: {} }),
  /** The Elastic IP is attached to the instance. */
  holder: () => ({ holds: true }),
  /** Syslog accepts lines. */
  syslog: () => ({ syslog: true }),
  /** The operating system is not Linux. */
  os: (os) => ({ os: os as NonNullable<Situation["os"]> }),
  /** The cloud answers questions about the instance with that status. */
  "cloud-status": (status) => ({ cloudStatus: Number(status) }),
  /** A watchdog runs, and ends this many seconds after it is told to stop. */
  watchdog: (path = "", pid, seconds = "0") => ({
    watchdogs: { [path]: Number(pid) },
    leavesInMs: Number(seconds) * 1_000,
  }),
  /** Sockets can be opened, but nothing answers. */
  silent: () => ({ silent: true }),
  /** The metadata service reports that instance. */
  instance: (id = "") => ({ metadata: id }),
};

/** The cases of a file. Lines before the first are a comment. */
export function casesOf(text: string): Case[] {
  return text.split(`\n${CASE}`).slice(1).map((part) => {
    const [title = "", ...lines] = part.trimEnd().split("\n");
    const end = lines.findIndex((line) => line.startsWith(COMMAND)) + 1;
    if (end === 0) throw new Error(`${title}: no line begins with "${COMMAND}"`);
    return { title, input: lines.slice(0, end), output: lines.slice(end) };
  });
}

/** The file with its outputs replaced by those. */
export function rewritten(text: string, outputs: readonly (readonly string[])[]): string {
  const [comment = ""] = text.split(`\n${CASE}`);
  const parts = casesOf(text).map(({ title, input }, index) =>
    [`${CASE}${title}`, ...input, ...outputs[index] ?? []].join("\n")
  );
  return `${[comment.trimEnd(), ...parts].join("\n\n")}\n`;
}

/** Runs a case; returns its output in the form of the file. */
export async function outputOf({ title, input }: Case): Promise<string[]> {
  const { argv, situation } = situationOf(title, input);
  return linesOf(await run(argv, situation));
}

function situationOf(title: string, input: readonly string[]) {
  const env: Record<string, string> = {}, files: Record<string, string> = {};
  const modes: Record<string, number> = {};
  let rest: Partial<Situation> = {}, argv: string[] = [], path = "";
  for (const line of input) {
    const [word = "", ...values] = line.split(" ");
    if (word === "env") {
      const [name = "", ...parts] = line.slice("env ".length).split("=");
      env[name] = parts.join("=");
    } else if (word === "file") {
      path = values[0] ?? "";
      files[path] = "";
      if (values[1]) modes[path] = parseInt(values[1], 8);
    } else if (word === "|" && path in files) files[path] += `${line.slice(2)}\n`;
    else if (word === "is" && IS[values[0] ?? ""]) {
      rest = { ...rest, ...IS[values[0] ?? ""]?.(...values.slice(1)) };
    } else if (line.startsWith(COMMAND)) argv = argumentsOf(line.slice(COMMAND.length));
    else throw new Error(`${title}: nobody understands "${line}"`);
  }
  const given = Object.keys(env).length > 0;
  return { argv, situation: { files, modes, ...rest, ...(given && { env }) } };
}

/** Words separated by spaces; a word in double quotes may contain some. */
function argumentsOf(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|\S)+/g)].flatMap(([word]) =>
    word === "$COMMON" ? COMMON : [word.replaceAll('"', "")]
  );
}

function linesOf({ out, err, log, code, calls, pids, flushedCount }: Trace): string[] {
  const marked = (mark: string, texts: readonly string[]) =>
    texts.flatMap((text) => text.split("\n")).map((line) => `${mark} ${line}`.trimEnd());
  const lines = [
    ...marked(">", out),
    ...marked("!", err),
    ...marked("log", log.slice(0, flushedCount)),
    ...marked("lost", log.slice(flushedCount)),
    ...marked("asked", [...new Set(calls)].sort()),
    ...marked("pid-file", pids),
    `exit ${code}`,
  ];
  return lines.map((line) => line.replaceAll(`${VERSION} (commit ${commit()})`, "VERSION"));
}
