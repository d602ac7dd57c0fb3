// Golden files of the command line: commands and what the program must say to each, as plain text.
//
//   << /etc/exoip.toml      a file of the machine, up to the next line of <<
//   priority = 5
//   <<
//   $ IF_ADDRESS=198.51.100.50 exoip -n -A
//   what stands on standard output
//   err: what stands on standard error
//   exit 0
import { splitCommand } from "../../src/host/split_command.ts";
import { run } from "./fake_host.ts";

/** The whole text as it is now: the commands of the old one, with what the program says to them. */
export async function replayed(text: string): Promise<string> {
  const files: Record<string, string> = {};
  const lines: string[] = [];
  let file: string | null = null, answers = false;
  for (const line of text.trimEnd().split("\n")) {
    const [, path] = /^<< (\S+)/.exec(line) ?? [];
    if (path !== undefined) {
      file = path;
      files[path] = "";
    } else if (line === "<<") file = null;
    else if (file !== null) files[file] += `${line}\n`;
    else if (!line.startsWith("$ ")) {
      if (answers) continue;
    } else {
      lines.push(line, ...await answerTo(line.slice(2), files), "");
      answers = true;
      continue;
    }
    lines.push(line);
    answers = false;
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

async function answerTo(command: string, files: Record<string, string>): Promise<string[]> {
  const words = splitCommand(command) ?? [];
  const at = words.indexOf("exoip");
  const env = Object.fromEntries(
    words.slice(0, at).map((word) => {
      const [name = "", ...value] = word.split("=");
      return [name, value.join("=")];
    }),
  );
  const { code, out, err } = await run(words.slice(at + 1), { env, files });
  return [
    ...out.flatMap((text) => text.split("\n")),
    ...err.map((text) => `err: ${text}`),
    `exit ${code}`,
  ];
}
