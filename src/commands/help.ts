// The text of `-h`: an overview that fits on a screen or two, one group of options, or all of them.
import { flagOf, type Option, OPTIONS } from "../options/all.ts";
import { didYouMean } from "../options/did_you_mean.ts";
import { type Group, GROUPS } from "../options/option.ts";
import type { Host } from "../host/host.ts";
import { wrapped } from "../status/table.ts";

/** A help topic: a group, all options, or (null) the overview. */
export type Topic = Group | "all" | null;

/** How headings and flags are highlighted. */
export interface Style {
  readonly heading: (text: string) => string;
  readonly flag: (text: string) => string;
}

const PLAIN: Style = { heading: (text) => text, flag: (text) => text };
const COLOURED: Style = {
  heading: (text) => `\x1b[1m${text}\x1b[0m`,
  flag: (text) => `\x1b[36m${text}\x1b[0m`,
};

/** Columns that every terminal has. */
const WIDTH = 80;
/** Where the second column of the overview begins. */
const COLUMN = 28;
const NAMES = Object.keys(GROUPS) as Group[];

const OVERVIEW = `exoip keeps an Exoscale Elastic IP on a live machine.

# Usage
  exoip -W -xi ADDRESS [options]      watch: run this on every node
  exoip -A|-D -xi ADDRESS [options]   attach or detach the address once

# Examples, with the API key in IF_EXOSCALE_API_KEY and IF_EXOSCALE_API_SECRET
  Check everything before the first start:
      exoip --doctor -xi 198.51.100.50 -p 192.0.2.11,192.0.2.12
  Watch, with the log on this terminal (the same command on both nodes):
      exoip -W -O -xi 198.51.100.50 -p 192.0.2.11,192.0.2.12
  See what the watchdog of this machine is doing: exoip --status
`;

const NOTES = `Options take one dash or two. A variable serves where its flag is not given.
Signals: USR1 priority - 1, USR2 priority + 1, HUP reload, TERM, INT hand over.
Exit codes: 0 done, 1 invalid configuration or failure, 2 unusable command line;
--status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
`;

/** The topic of the word after `-h`, or why there is none. */
export function topicOf(word: string | undefined): { topic: Topic } | { problem: string } {
  if (word === undefined) return { topic: null };
  const words = [...NAMES, "all"] as const;
  const topic = words.find((each) => each === word.toLowerCase());
  if (topic !== undefined) return { topic };
  const shown = JSON.stringify(word.slice(0, WIDTH));
  const wanted = `wanted ${words.slice(0, -1).join(", ")} or all`;
  return { problem: `-h: no group ${shown}${didYouMean(word, words)}: ${wanted}` };
}

/** Colour on a terminal, unless NO_COLOR is set (https://no-color.org). */
export function styleFor({ terminal, env }: Pick<Host, "terminal" | "env">): Style {
  return terminal && !env.NO_COLOR && env.TERM !== "dumb" ? COLOURED : PLAIN;
}

/** The help text. */
export function help(topic: Topic = null, style: Style = PLAIN): string {
  if (topic === null) return overview(style);
  const groups = topic === "all" ? NAMES : [topic];
  const text = groups.map((group) => section(group, style)).join("\n");
  return topic === "all" ? `${headed(OVERVIEW, style)}\n${text}\n${NOTES}` : text;
}

function overview(style: Style): string {
  const rows = optionsOf("start").map((option) => row(option, style));
  const others = NAMES.filter((group) => group !== "start").map((group) => {
    const flags = optionsOf(group).map(flagOf);
    const lines = wrapped(flags.join(", "), WIDTH - COLUMN_OF_FLAGS);
    const name = style.flag(group) + " ".repeat(COLUMN_OF_FLAGS - 2 - group.length);
    const indent = " ".repeat(COLUMN_OF_FLAGS);
    return `  ${name}${GROUPS[group].about}\n` +
      lines.map((line) => `${indent}${line}\n`).join("");
  });
  return [
    headed(OVERVIEW, style),
    `${style.heading(GROUPS.start.title)}\n${rows.join("")}`,
    `${
      style.heading("More options: exoip -h GROUP explains one group, exoip -h all everything")
    }\n` +
    others.join(""),
    NOTES,
  ].join("\n");
}

/** Where the flags of a group begin. */
const COLUMN_OF_FLAGS = 13;

/** An option in two columns. */
function row(option: Option, style: Style): string {
  const [first = "", ...more] = wrapped(helpOf(option), WIDTH - COLUMN);
  const head = headOf(option, style);
  const width = headOf(option, PLAIN).length + 2;
  const gap = width < COLUMN ? " ".repeat(COLUMN - width) : `\n${" ".repeat(COLUMN)}`;
  return `  ${head}${gap}${first}\n` +
    more.map((line) => `${" ".repeat(COLUMN)}${line}\n`).join("");
}

function section(group: Group, style: Style): string {
  const { title, about } = GROUPS[group];
  return `${style.heading(title)}: ${about}\n` +
    optionsOf(group).map((option) => paragraph(option, style)).join("");
}

function paragraph(option: Option, style: Style): string {
  const { variables, fallback, help } = option;
  const notes = [variables.join(", "), fallback && `default: ${fallback}`].filter(Boolean)
    .join("; ");
  const lines = [help, ...(notes === "" ? [] : [`[${notes}]`])];
  return `  ${headOf(option, style)}\n` +
    lines.flatMap((line) => wrapped(line, WIDTH - 6)).map((line) => `      ${line}\n`).join("");
}

function headOf(option: Option, { flag }: Style): string {
  return `${flag(flagOf(option))}${option.value && ` ${option.value}`}`;
}

function helpOf({ help, fallback }: Option): string {
  return fallback === "" ? help : `${help} (default: ${fallback})`;
}

function optionsOf(group: Group): Option[] {
  return OPTIONS.filter((option) => option.group === group);
}

function headed(text: string, { heading }: Style): string {
  return text.replace(/^# (.+)$/gm, (_, title) => heading(title));
}

/** The message for a call without any arguments; the first line is the problem. */
export const BARE: readonly [problem: string, ...hints: string[]] = [
  "nothing to do: give -W (watch), -A (attach) or -D (detach)",
  "Try one of these:",
  "  exoip -h                      the options, with examples",
  "  exoip --doctor -xi ADDRESS    check machine, key and peers; changes nothing",
  "  exoip -W -O -xi ADDRESS       watch, with the log on this terminal",
  "  exoip --status                what the watchdog of this machine is doing",
];
